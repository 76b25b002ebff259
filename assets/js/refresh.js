// SPDX-License-Identifier: GPL-3.0-or-later
// Takes parts of this page anew from the server and puts them in place of the old ones.
import { one } from './dom.js';

function busy(part) {
	return part.contains(document.activeElement) || one('details[open], [type="checkbox"]:checked', part);
}

// True when a part had to stay as it is, because somebody works in it.
export async function refreshParts(selectors) {
	const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
	if (!answer.ok || answer.redirected) return false;
	const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
	let left = false;
	for (const selector of selectors) {
		const old = one(selector);
		const fresh = one(selector, page);
		if (!old || !fresh || old.innerHTML === fresh.innerHTML) continue;
		if (busy(old)) {
			left = true;
			continue;
		}
		old.replaceWith(document.adoptNode(fresh));
		for (const name of ['cm-rows', 'cm-fresh']) one(selector).dispatchEvent(new Event(name, { bubbles: true }));
	}
	return left;
}
