// SPDX-License-Identifier: GPL-3.0-or-later
// The search field also narrows the rows of this page while it is typed in; Enter asks the server for all pages.
import { all, one } from './dom.js';

function rowText(row) {
	const titles = all('[title]', row).map((e) => e.title);
	return `${row.textContent} ${titles.join(' ')}`.toLowerCase();
}

function startFilter(input) {
	const apply = () => {
		// A page that goes on by itself replaces its table.
		const table = one(input.dataset.filter);
		const empty = one('[data-filter-empty]', table.parentElement);
		const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		let shown = 0;
		for (const row of all('tbody tr', table)) {
			const text = words.length ? rowText(row) : '';
			row.hidden = !words.every((word) => text.includes(word));
			if (!row.hidden) shown++;
		}
		if (empty) empty.hidden = shown > 0;
		table.dispatchEvent(new Event('cm-rows', { bubbles: true }));
	};
	if (!one(input.dataset.filter)) return;
	input.addEventListener('input', apply);
	document.addEventListener('cm-fresh', () => input.value !== input.defaultValue && one(input.dataset.filter) && apply());
}

export function initFilter() {
	all('input[data-filter]').forEach(startFilter);
}
