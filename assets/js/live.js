// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of a page that go on by themselves. data-live-parts names them; data-live="5000" takes them anew that often,
// data-live-events="container,volume" (or "*") when the engine says that something happened to one of these. A part
// that somebody works in (a selection, an open menu, the focus) waits until that is over.
import { all, whileSeen } from './dom.js';
import { refreshParts } from './refresh.js';

const gather = 400; // what comes in a burst is one reason to look
const least = 1500; // between two looks

function refresher(parts) {
	let at = 0;
	let timer = 0;
	const look = async () => {
		timer = 0;
		at = Date.now();
		let left = true;
		try {
			left = await refreshParts(parts);
		} catch {
			// The server is not reachable now: the next time may do.
		}
		if (left && !document.hidden) ask(2 * least);
	};
	const ask = (wait = gather) => {
		timer ||= setTimeout(look, Math.max(wait, at + least - Date.now()));
	};
	return ask;
}

// One connection for the page, while somebody can see it: a browser has few of them for all its tabs.
function followEvents(types, ask) {
	let source = null;
	let again = 0;
	const open = () => {
		clearTimeout(again);
		if (source || document.hidden) return;
		source = new EventSource('/api/events/stream');
		source.addEventListener('engine', (event) => {
			const { type } = JSON.parse(event.data);
			if (types.includes('*') || types.includes(type)) ask();
		});
		source.addEventListener('error', () => {
			if (source?.readyState !== EventSource.CLOSED) return;
			source = null;
			again = setTimeout(open, 30000);
		});
	};
	const close = () => {
		clearTimeout(again);
		source?.close();
		source = null;
	};
	document.addEventListener('visibilitychange', () => {
		if (document.hidden) return close();
		ask();
		open();
	});
	window.addEventListener('pagehide', close);
	window.addEventListener('pageshow', open);
	open();
}

export function initLive() {
	for (const element of all('[data-live-parts]')) {
		const parts = element.dataset.liveParts.split(',');
		if (element.dataset.liveEvents) followEvents(element.dataset.liveEvents.split(','), refresher(parts));
		if (!element.dataset.live) continue;
		let busy = false;
		whileSeen(Number(element.dataset.live), async () => {
			if (busy) return;
			busy = true;
			try {
				await refreshParts(parts);
			} catch {
				// As above.
			}
			busy = false;
		});
	}
}
