// SPDX-License-Identifier: GPL-3.0-or-later
// Changes the theme without loading the page again; the server remembers it in a cookie.
import { all, on } from './dom.js';

function showTheme(theme) {
	document.documentElement.dataset.theme = theme;
	for (const button of all('[data-theme-form] button[name="theme"]')) {
		button.setAttribute('aria-pressed', String(button.value === theme));
	}
	for (const radio of all('[data-theme-form] input[name="theme"]')) radio.checked = radio.value === theme;
}

async function saveTheme(form, theme) {
	const fields = new URLSearchParams(new FormData(form));
	fields.set('theme', theme);
	showTheme(theme);
	try {
		await fetch(form.action, { method: 'POST', body: fields, redirect: 'manual' });
	} catch {
		// The choice holds for this page; it could not be kept.
	}
}

export function initTheme() {
	on('submit', 'form[data-theme-form]', (event, form) => {
		const theme = event.submitter?.value || new FormData(form).get('theme');
		if (!theme) return;
		event.preventDefault();
		saveTheme(form, theme);
	});
	on('change', '[data-theme-form] input[name="theme"]', (event, radio) => saveTheme(radio.form, radio.value));
}
