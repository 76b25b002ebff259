// SPDX-License-Identifier: GPL-3.0-or-later
// Narrow screens show tables as cards, which takes from them what makes them tables to assistive programs. Roles give
// it back.
import { all } from './dom.js';

const tableRoles = [
	['thead, tbody', 'rowgroup'],
	['tr', 'row'],
	['td', 'cell'],
	['th[scope="col"]', 'columnheader'],
	['th[scope="row"]', 'rowheader'],
];

function setRoles(table) {
	table.setAttribute('role', 'table');
	for (const [selector, role] of tableRoles) {
		for (const element of all(selector, table)) element.setAttribute('role', role);
	}
}

export function initTables() {
	all('table.table').forEach(setRoles);
	document.addEventListener('cm-rows', (event) => {
		const table = event.target.closest?.('table.table');
		for (const one of table ? [table] : all('table.table', event.target)) setRoles(one);
	});
}
