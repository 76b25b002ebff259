// SPDX-License-Identifier: GPL-3.0-or-later
// The terminal of the console page: xterm.js over a websocket. Neither side is ahead of the other by more than a
// window: typed bytes wait for "took", and the server waits for "shown".
(() => {
	'use strict';
	const box = document.querySelector('[data-console]');
	if (!box || !globalThis.Terminal) return;
	const find = (name) => box.querySelector(`[data-console-${name}]`);
	const form = find('form'), button = find('button'), state = find('state'), screen = find('screen'), keys = find('keys');
	const TYPED_WINDOW = 64000, PIECE = 8000, SHOWN_STEP = 32000;

	// xterm.js makes style elements and style attributes; the page's policy wants a nonce for the first and knows the
	// second only as properties.
	const nonce = document.currentScript.nonce;
	const make = document.createElement.bind(document);
	document.createElement = (name, ...more) => {
		const element = make(name, ...more);
		if (String(name).toLowerCase() === 'style') element.nonce = nonce;
		return element;
	};
	const set = Element.prototype.setAttribute;
	Element.prototype.setAttribute = function (name, value) {
		if (name === 'style') this.style.cssText = value;
		else set.call(this, name, value);
	};

	const encoder = new TextEncoder();
	let term, fit, socket, typed = [], sent = 0, took = 0, shown = 0, said = 0;

	function say(text, bad = false) {
		state.textContent = text;
		state.classList.toggle('is-bad', bad);
	}

	function pump() {
		while (socket?.readyState === WebSocket.OPEN && typed.length && sent - took < TYPED_WINDOW) {
			const first = typed[0], piece = first.subarray(0, PIECE);
			if (piece.length === first.length) typed.shift();
			else typed[0] = first.subarray(PIECE);
			socket.send(piece);
			sent += piece.length;
		}
	}

	function type(bytes) {
		if (socket?.readyState !== WebSocket.OPEN) return;
		typed.push(bytes);
		pump();
	}

	function size() {
		if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ rows: term.rows, cols: term.cols }));
	}

	let sizing = 0;
	function refit() {
		clearTimeout(sizing);
		sizing = setTimeout(() => fit.fit(), 60);
	}

	// Keys that the browser and the clipboard need; all others are the terminal's.
	function key(event) {
		if (event.type !== 'keydown' || !event.ctrlKey || event.altKey || event.metaKey) return true;
		const letter = event.key.toLowerCase();
		if (letter === 'c' && (event.shiftKey || term.hasSelection())) {
			const text = term.getSelection();
			if (text && navigator.clipboard) navigator.clipboard.writeText(text).catch(() => document.execCommand('copy'));
			else if (text) document.execCommand('copy');
			if (!event.shiftKey) term.clearSelection();
			event.preventDefault();
			return false;
		}
		if (letter === 'v') return false; // the browser's own paste
		if (letter === 'x' && event.shiftKey) {
			event.preventDefault();
			button.focus();
			return false;
		}
		return true;
	}

	function open() {
		if (term) return;
		screen.hidden = false;
		keys.hidden = false;
		term = new globalThis.Terminal({
			cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
			fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono') || 'monospace',
			fontSize: 13,
			scrollback: 5000,
			theme: { background: '#11151b', foreground: '#e6e9ee', cursor: '#e6e9ee', selectionBackground: '#3a5a94' },
		});
		fit = new globalThis.FitAddon.FitAddon();
		term.loadAddon(fit);
		term.open(screen);
		fit.fit();
		term.attachCustomKeyEventHandler(key);
		term.onData((text) => {
			if (!socket && text === '\r') connect();
			else type(encoder.encode(text));
		});
		term.onBinary((text) => type(Uint8Array.from(text, (c) => c.charCodeAt(0))));
		term.onResize(size);
		new ResizeObserver(refit).observe(screen);
	}

	function over(text, bad) {
		const last = socket;
		socket = undefined;
		last.onclose = last.onmessage = null;
		last.close();
		button.textContent = 'Connect again';
		say(text, bad);
		term.write(`\r\n\x1b[0m\x1b[2m${text} Press Enter to connect again.\x1b[0m\r\n`);
	}

	function heard(event) {
		if (typeof event.data !== 'string') {
			const bytes = new Uint8Array(event.data);
			const own = socket;
			term.write(bytes, () => {
				if (own !== socket) return; // of a former connection
				shown += bytes.length;
				if (shown - said < SHOWN_STEP) return;
				said = shown;
				socket.send(JSON.stringify({ shown }));
			});
			return;
		}
		const message = JSON.parse(event.data);
		if (message.ready) {
			say(`Connected: ${message.shell}`);
			button.textContent = 'Disconnect';
			size();
			term.focus();
		} else if (message.took) {
			took = message.took;
			pump();
		} else if ('end' in message) {
			over(message.end, message.exit_code !== 0);
		}
	}

	function connect() {
		const again = Boolean(term);
		open();
		if (again) term.reset();
		typed = [];
		sent = took = shown = said = 0;
		const fields = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
		history.replaceState(null, '', fields.size ? `?${fields}` : location.pathname);
		fields.set('rows', term.rows);
		fields.set('cols', term.cols);
		say('Connecting…');
		const url = new URL(`${box.dataset.console}?${fields}`, location.href);
		url.protocol = url.protocol.replace('http', 'ws');
		socket = new WebSocket(url);
		socket.binaryType = 'arraybuffer';
		socket.onmessage = heard;
		let ready = false;
		socket.onopen = () => { ready = true; };
		socket.onclose = () => over(ready ? 'The connection broke.' : 'The server did not let the console be opened. Load the page again.', true);
	}

	form.addEventListener('submit', (event) => {
		event.preventDefault();
		if (socket) over('Disconnected.', false);
		else connect();
	});
})();
