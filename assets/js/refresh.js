// SPDX-License-Identifier: GPL-3.0-or-later
// Takes parts of this page anew from the server and puts them in place of the old ones.
import { one } from './dom.js';

function busy(part) {
	return part.contains(document.activeElement) || one('details[open], [type="checkbox"]:checked', part);
}

export async function refreshParts(selectors) {
	const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
	if (!answer.ok || answer.redirected) return;
	const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
	for (const selector of selectors) {
		const old = one(selector);
		const fresh = one(selector, page);
		if (!old || !fresh || busy(old) || old.innerHTML === fresh.innerHTML) continue;
		old.replaceWith(document.adoptNode(fresh));
		one(selector).dispatchEvent(new Event('cm-rows', { bubbles: true }));
		one(selector).dispatchEvent(new Event('cm-fresh', { bubbles: true }));
	}
}
