// SPDX-License-Identifier: GPL-3.0-or-later
// Buttons that ask first. Without a script the server's own confirmation pages stand before what destroys.
import { all, count, on } from './dom.js';

function makeDialog() {
	const dialog = document.createElement('dialog');
	dialog.className = 'confirm';
	dialog.setAttribute('aria-labelledby', 'confirm-question');
	const question = document.createElement('p');
	question.id = 'confirm-question';
	const actions = document.createElement('form');
	actions.method = 'dialog';
	actions.className = 'actions';
	const keep = document.createElement('button');
	keep.className = 'button';
	keep.value = '';
	const go = document.createElement('button');
	go.value = 'go';
	actions.append(keep, go);
	dialog.append(question, actions);
	document.body.append(dialog);
	return { dialog, question, keep, go };
}

function questionOf(button) {
	const form = button.form;
	if (!button.hasAttribute('data-needs-selection') || !form) return button.dataset.confirm;
	const n = all('tbody [type="checkbox"]:checked', form).length;
	return (button.dataset.confirmMany || button.dataset.confirm).replace('{n}', count(n, form.dataset.noun || 'row'));
}

export function initConfirm() {
	let parts = null;
	let sure = null;
	on(
		'click',
		'button[data-confirm]',
		(event, button) => {
			if (sure === button || !button.form) return;
			event.preventDefault();
			parts ??= makeDialog();
			const { dialog, question, keep, go } = parts;
			question.textContent = questionOf(button);
			keep.textContent = button.dataset.confirmKeep || 'Cancel';
			go.textContent = button.dataset.confirmButton || 'Yes';
			go.className = `button ${button.matches('.danger, .danger-text') ? 'danger' : 'primary'}`;
			dialog.returnValue = '';
			dialog.onclose = () => {
				if (dialog.returnValue !== 'go') return button.focus();
				sure = button;
				button.form.requestSubmit(button);
				sure = null;
			};
			dialog.showModal();
		},
		true,
	);
}
