// SPDX-License-Identifier: GPL-3.0-or-later
// Menus close when something else is used, and open upwards when there is no room below. The sidebar remembers its width.
import { all, on, one } from './dom.js';

function closeMenus(except) {
	for (const menu of all('details.menu[open]')) {
		if (!except || !menu.contains(except)) menu.open = false;
	}
}

function startSidebar() {
	const narrow = document.getElementById('nav-collapse');
	narrow?.addEventListener('change', () => {
		const age = narrow.checked ? 31536000 : 0;
		document.cookie = `nav=collapsed; path=/; max-age=${age}; samesite=lax`;
	});
	const drawer = document.getElementById('nav-open');
	if (!drawer) return;
	window.addEventListener('pageshow', () => {
		drawer.checked = false;
	});
	drawer.addEventListener('change', () => {
		if (drawer.checked) one('.sidebar a')?.focus();
	});
	document.addEventListener('keydown', (event) => {
		if (event.key !== 'Escape' || !drawer.checked) return;
		drawer.checked = false;
		drawer.focus();
	});
}

export function initMenus() {
	document.addEventListener('click', (event) => closeMenus(event.target));
	document.addEventListener('focusin', (event) => closeMenus(event.target));
	document.addEventListener('keydown', (event) => {
		if (event.key !== 'Escape') return;
		const open = event.target.closest?.('details.menu[open]');
		closeMenus(null);
		open?.querySelector('summary').focus();
	});
	document.addEventListener(
		'toggle',
		(event) => {
			const menu = event.target;
			if (!menu.matches?.('details.menu')) return;
			menu.classList.remove('up');
			if (!menu.open) return;
			const panel = one('.panel', menu);
			if (panel.getBoundingClientRect().bottom > innerHeight - 8) menu.classList.add('up');
		},
		true,
	);
	on('keydown', 'details.menu', (event, menu) => {
		if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
		if (!menu.open) return;
		const items = all('.panel a, .panel button', menu);
		const at = items.indexOf(document.activeElement);
		const next = at + (event.key === 'ArrowDown' ? 1 : -1);
		event.preventDefault();
		items[(next + items.length) % items.length]?.focus();
	});
	startSidebar();
}
