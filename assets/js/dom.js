// SPDX-License-Identifier: GPL-3.0-or-later
// Small words for the page's elements.

export function one(selector, root = document) {
	return root.querySelector(selector);
}

export function all(selector, root = document) {
	return [...root.querySelectorAll(selector)];
}

// Listens on the whole document for events of elements that match, also of ones that come later.
export function on(type, selector, fn, options) {
	document.addEventListener(
		type,
		(event) => {
			const target = event.target instanceof Element && event.target.closest(selector);
			if (target) fn(event, target);
		},
		options,
	);
}

export function setText(element, text) {
	if (element && element.textContent !== text) element.textContent = text;
}

// Runs fn every ms milliseconds while somebody can see the page, and at once when it is seen again.
export function whileSeen(ms, fn) {
	let timer = 0;
	const look = () => {
		clearInterval(timer);
		if (document.hidden) return;
		fn();
		timer = setInterval(fn, ms);
	};
	document.addEventListener('visibilitychange', look);
	timer = document.hidden ? 0 : setInterval(fn, ms);
	return () => {
		clearInterval(timer);
		document.removeEventListener('visibilitychange', look);
	};
}

// Like the server's: powers of 1024, one decimal.
export function sizeText(bytes) {
	const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
	let i = 0;
	while (bytes >= 1024 && i < units.length - 1) {
		bytes /= 1024;
		i++;
	}
	return i ? `${bytes.toFixed(1)} ${units[i]}` : `${bytes} B`;
}

export function count(n, noun) {
	return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
