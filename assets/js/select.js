// SPDX-License-Identifier: GPL-3.0-or-later
// Selecting rows: all, one by click on the row, a range with shift; and what the buttons above say about it. A button
// with data-can is there for rows whose data-can has the same word.
import { all, count, one, sizeText } from './dom.js';

function startSelection(form) {
	const boxes = () => all('tbody [type="checkbox"]', form).filter((box) => !box.closest('tr').hidden);
	const noun = form.dataset.noun || 'row';
	let last = null;

	const update = () => {
		const shown = boxes();
		const chosen = shown.filter((box) => box.checked);
		const can = new Set(chosen.flatMap((box) => (box.dataset.can || '').split(' ')));
		for (const button of all('[data-needs-selection]', form)) {
			button.disabled = chosen.length === 0 || (button.dataset.can && !can.has(button.dataset.can));
		}
		const bytes = chosen.reduce((sum, box) => sum + Number(box.dataset.size || 0), 0);
		const size = bytes ? `, ${sizeText(bytes)}` : '';
		for (const label of all('[data-count]', form)) {
			label.textContent = chosen.length ? ` (${chosen.length}${size})` : '';
		}
		const status = one('[data-selection]', form);
		if (status) status.textContent = chosen.length ? `${count(chosen.length, noun)} selected${size}` : '';
		const every = one('[data-select-all]', form);
		if (every) {
			every.checked = chosen.length > 0 && chosen.length === shown.length;
			every.indeterminate = chosen.length > 0 && chosen.length < shown.length;
			every.disabled = shown.length === 0;
		}
	};

	form.addEventListener('click', (event) => {
		const row = event.target.closest('tbody tr');
		if (!row) return;
		const box = one('.check [type="checkbox"]', row);
		if (!box) return;
		if (event.target !== box) {
			if (event.target.closest('a, button, input, summary, details, label, select')) return;
			if (String(window.getSelection())) return;
			box.checked = !box.checked;
		}
		const list = boxes();
		if (event.shiftKey && last && list.includes(last)) {
			const [from, to] = [list.indexOf(last), list.indexOf(box)].sort((a, b) => a - b);
			for (const other of list.slice(from, to + 1)) other.checked = box.checked;
		}
		last = box;
		update();
	});
	form.addEventListener('change', (event) => {
		if (event.target.matches('[data-select-all]')) {
			for (const box of boxes()) box.checked = event.target.checked;
		}
		update();
	});
	form.addEventListener('cm-rows', update);
	window.addEventListener('pageshow', update);
	update();
}

export function initSelection() {
	all('form[data-select]').forEach(startSelection);
}
