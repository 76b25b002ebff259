// SPDX-License-Identifier: GPL-3.0-or-later
// Forms: filters that apply at once, one submit a click, the way to the search field, copying.
import { all, on, one } from './dom.js';

function startAutosubmit() {
	on('change', 'form[data-autosubmit] select, form[data-autosubmit] [type="date"]', (event, field) => {
		sessionStorage.setItem('focus', field.id);
		field.form.requestSubmit();
	});
	// After the page came anew the keyboard is where it was.
	const id = sessionStorage.getItem('focus');
	sessionStorage.removeItem('focus');
	if (id) document.getElementById(id)?.focus({ preventScroll: true });
}

// Fields without a value only make the address longer.
function dropEmptyFields() {
	on('submit', 'form[method="get"]', (event, form) => {
		for (const field of all('input, select', form)) {
			if (!field.name || field.value || field.disabled) continue;
			field.disabled = true;
			setTimeout(() => {
				field.disabled = false;
			});
		}
	});
}

function refuseSecondSubmit() {
	const sent = new WeakMap();
	document.addEventListener('submit', (event) => {
		if (event.target.method !== 'post' || event.defaultPrevented) return;
		const now = Date.now();
		if (now - (sent.get(event.target) || 0) < 1500) event.preventDefault();
		else sent.set(event.target, now);
	});
}

function startSearchKey() {
	document.addEventListener('keydown', (event) => {
		if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
		if (event.target.closest?.('input, textarea, select, [contenteditable]')) return;
		const field = one('[data-key="/"]');
		if (!field) return;
		event.preventDefault();
		field.focus();
		field.select();
	});
}

function startCopy(block) {
	if (!navigator.clipboard) return;
	const button = document.createElement('button');
	button.type = 'button';
	button.className = 'button small';
	button.textContent = 'Copy';
	const frame = document.createElement('div');
	frame.className = 'copy';
	block.replaceWith(frame);
	frame.append(block, button);
	button.addEventListener('click', async () => {
		try {
			await navigator.clipboard.writeText(block.textContent);
			button.textContent = 'Copied';
		} catch {
			button.textContent = 'Not allowed';
		}
		setTimeout(() => {
			button.textContent = 'Copy';
		}, 2000);
	});
}

export function initForms() {
	startAutosubmit();
	dropEmptyFields();
	refuseSecondSubmit();
	startSearchKey();
	all('pre[data-copy]').forEach(startCopy);
	one('[data-focus]')?.focus();
}
