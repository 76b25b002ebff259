// SPDX-License-Identifier: GPL-3.0-or-later
// Every page works without this file. Each part makes it nicer by itself: one that fails leaves the others alone.
import { initConfirm } from './confirm.js';
import { initFilter } from './filter.js';
import { initForms } from './forms.js';
import { initJobs } from './job.js';
import { initLive } from './live.js';
import { initLogs } from './logs.js';
import { initMenus } from './menus.js';
import { initPassword } from './password.js';
import { initSelection } from './select.js';
import { initStats } from './stats.js';
import { initTables } from './tables.js';
import { initTheme } from './theme.js';
import { initTime } from './time.js';

for (const init of [
	initTables,
	initMenus,
	initConfirm,
	initSelection,
	initFilter,
	initTime,
	initStats,
	initPassword,
	initTheme,
	initForms,
	initJobs,
	initLive,
	initLogs,
]) {
	try {
		init();
	} catch (e) {
		console.error(e);
	}
}
