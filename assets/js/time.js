// SPDX-License-Identifier: GPL-3.0-or-later
// The clock of the top bar, and ages such as "3 minutes ago", go on. Both follow the server's clock, not the browser's.
import { all, one, setText, whileSeen } from './dom.js';

let skew = 0; // what to add to this machine's clock to have the server's, in milliseconds

export function serverNow() {
	return Date.now() + skew;
}

const ageUnits = [
	[31536000, 'year'],
	[2592000, 'month'],
	[86400, 'day'],
	[3600, 'hour'],
	[60, 'minute'],
];

function ageText(ms) {
	const seconds = Math.trunc((serverNow() - ms) / 1000);
	for (const [size, unit] of ageUnits) {
		const n = Math.trunc(Math.abs(seconds) / size);
		if (n === 0) continue;
		const text = `${n} ${unit}${n === 1 ? '' : 's'}`;
		return seconds < 0 ? `in ${text}` : `${text} ago`;
	}
	return 'just now';
}

// "18:44" in the zone the server wrote its time in.
function clockText(zone) {
	return new Date(serverNow() + zone).toISOString().slice(11, 16);
}

function zoneOf(text) {
	const m = /([+-])(\d\d):(\d\d)$/.exec(text);
	return m ? (m[1] === '-' ? -1 : 1) * (m[2] * 60 + Number(m[3])) * 60000 : 0;
}

export function initTime() {
	const clock = one('[data-clock]');
	const at = clock && Date.parse(clock.dateTime);
	if (at) {
		// The page may come from the history: then its time is old, and this machine's clock is the better guess.
		const entry = performance.getEntriesByType('navigation')[0];
		if (!entry || entry.type !== 'back_forward') skew = at - Date.now();
	}
	const tick = () => {
		if (at) setText(clock, clockText(zoneOf(clock.dateTime)));
		for (const time of all('time[data-ago]')) {
			const ms = Date.parse(time.dateTime);
			if (ms && /^just now$|^in | ago$/.test(time.textContent)) setText(time, ageText(ms));
		}
	};
	whileSeen(15000, tick);
}
