// SPDX-License-Identifier: GPL-3.0-or-later
// The rules for a new password, checked while it is typed. The server has the same ones and the last word.
import { all, one } from './dom.js';

const passwordRules = {
	length: (text) => [...text].length >= 12,
	upper: (text) => /[A-Z]/.test(text),
	lower: (text) => /[a-z]/.test(text),
	digit: (text) => /[0-9]/.test(text),
	special: (text) => /[^A-Za-z0-9]/.test(text),
};

function startRules(input) {
	const list = document.getElementById(input.dataset.rules);
	if (!list) return;
	const update = () => {
		for (const item of all('[data-rule]', list)) {
			const met = Boolean(passwordRules[item.dataset.rule]?.(input.value));
			item.classList.toggle('is-met', met);
			const state = one('[data-rule-state]', item);
			if (state) state.textContent = met ? ': met' : ': not met yet';
		}
	};
	input.addEventListener('input', update);
	update();
}

function startRepeat(input) {
	const first = document.getElementById(input.dataset.repeats);
	const update = () => {
		input.setCustomValidity(input.value && input.value !== first.value ? 'The two new passwords differ.' : '');
	};
	input.addEventListener('input', update);
	first?.addEventListener('input', update);
}

export function initPassword() {
	all('input[data-rules]').forEach(startRules);
	all('input[data-repeats]').forEach(startRepeat);
}
