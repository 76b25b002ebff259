// SPDX-License-Identifier: GPL-3.0-or-later
// Load of the host in the top bar, every five seconds while the page is seen.
import { count, one, setText, whileSeen } from './dom.js';

function show(name, percent, title) {
	const meter = one(`[data-stat="${name}"]`);
	if (!meter) return;
	const known = typeof percent === 'number';
	meter.value = known ? percent : 0;
	setText(one(`[data-stat-text="${name}"]`), known ? `${Math.round(percent)} %` : 'unknown');
	meter.closest('li').title = title;
}

export function initStats() {
	if (!one('[data-stat]')) return;
	const stop = whileSeen(5000, async () => {
		let stats = {};
		try {
			const answer = await fetch('/api/system-stats', { headers: { accept: 'application/json' } });
			if (answer.status === 401) return stop();
			if (answer.ok) stats = await answer.json();
		} catch {
			// The server is not reachable: its load is unknown.
		}
		const gb = (mb) => `${(mb / 1024).toFixed(1)} GB`;
		show('cpu', stats.cpu_percent, stats.cpu_count ? `CPU ${Math.round(stats.cpu_percent)} % of ${count(stats.cpu_count, 'core')}` : 'Load unknown');
		show(
			'ram',
			stats.memory_percent,
			stats.memory_total_mb ? `Memory ${gb(stats.memory_used_mb)} of ${gb(stats.memory_total_mb)} used` : 'Memory unknown',
		);
	});
}
