// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of a page that go on by themselves: data-live="5000" data-live-parts="#a,#b" takes them anew that often.
import { all, whileSeen } from './dom.js';
import { refreshParts } from './refresh.js';

export function initLive() {
	for (const element of all('[data-live-parts]')) {
		const parts = element.dataset.liveParts.split(',');
		let busy = false;
		whileSeen(Number(element.dataset.live), async () => {
			if (busy) return;
			busy = true;
			try {
				await refreshParts(parts);
			} catch {
				// The server is not reachable now: the next time may do.
			}
			busy = false;
		});
	}
}
