// SPDX-License-Identifier: GPL-3.0-or-later
// Progress of jobs by server-sent events: on the job's page, in the list of jobs, in the top bar. A page nobody sees
// holds no connection, since browsers open only six to one server.
import { all, one, setText } from './dom.js';
import { refreshParts } from './refresh.js';

function follow(url, onProgress, onDone) {
	let source = null;
	let over = false;
	const close = () => {
		source?.close();
		source = null;
	};
	const open = () => {
		if (source || over || document.hidden) return;
		source = new EventSource(url);
		source.addEventListener('progress', (event) => {
			try {
				onProgress(JSON.parse(event.data));
			} catch (e) {
				console.warn('progress that cannot be shown', e);
			}
		});
		source.addEventListener('done', () => {
			over = true;
			close();
			onDone();
		});
		source.onerror = () => {
			if (source?.readyState !== EventSource.CLOSED) return; // it tries again by itself
			close();
			setTimeout(open, 5000);
		};
	};
	document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
	window.addEventListener('pagehide', close);
	window.addEventListener('pageshow', open);
	open();
}

const stateWords = {
	queued: 'Queued',
	waiting: 'Waiting',
	starting: 'Starting',
	running: 'Running',
};

function showBar(bar, job) {
	if (!bar) return;
	if (job.state === 'running' && (job.percent > 0 || job.bytes_total > 0)) bar.value = job.percent;
	else bar.removeAttribute('value');
}

function showTexts(root, job) {
	const texts = {
		...job,
		state_text: job.state_text || stateWords[job.state],
		step_text: job.step_total ? `Step ${job.step_number} of ${job.step_total}` : '',
		percent_text: job.state === 'running' ? `${job.percent} %` : '',
		bytes_total_text: job.bytes_total_text || 'unknown',
	};
	for (const element of all('[data-job-text]', root)) {
		const name = element.dataset.jobText;
		if (name in texts) setText(element, texts[name] == null ? '' : String(texts[name]));
	}
	showBar(one('[data-job-bar]', root), job);
}

function showWarnings(warnings) {
	const section = one('[data-job-warnings]');
	const list = one('[data-job-warning-list]');
	if (!section || !list || !warnings || warnings.length === list.children.length) return;
	list.replaceChildren(
		...warnings.map((warning) => {
			const item = document.createElement('li');
			item.className = 'break';
			item.textContent = warning.text ?? warning;
			return item;
		}),
	);
	section.hidden = warnings.length === 0;
}

// The page of a job that ended is loaded anew, and what a page begins with is not said by itself.
const endedKey = 'job-ended';

function loadAnew() {
	sessionStorage.setItem(endedKey, location.pathname);
	location.reload();
}

function sayTheEnd() {
	const said = one('[data-job-say]');
	const ended = sessionStorage.getItem(endedKey) === location.pathname;
	sessionStorage.removeItem(endedKey);
	if (!said || !ended) return;
	const text = `${one('h1').textContent}: ${one('[data-job-text="state_text"]')?.textContent ?? ''}`;
	setTimeout(() => setText(said, text), 300);
}

function startJobPage(card) {
	const shown = one('[data-job-text="step"]', card);
	let step = shown ? shown.textContent : '';
	follow(
		card.dataset.job,
		(job) => {
			showTexts(card, job);
			showWarnings(job.warnings);
			if (job.step && job.step !== step) {
				step = job.step;
				setText(one('[data-job-say]', card), step);
				refreshParts(['[data-job-log]']); // steps too quick to be seen in passing are there too
			}
			if (job.state !== card.dataset.jobState && stateWords[job.state]) {
				card.dataset.jobState = job.state;
				refreshParts(['.state-title', '.head']);
			}
		},
		loadAnew,
	);
}

// Of the jobs in a list only the first that runs is followed; when it ends the list is taken anew.
function startJobList() {
	const row = all('[data-row-job]').find((r) => one('progress[value]', r)) || one('[data-row-job]');
	if (!row) return;
	follow(
		row.dataset.rowJob,
		(job) => {
			const current = one(`[data-row-job="${CSS.escape(row.dataset.rowJob)}"]`);
			if (current) showTexts(current, job);
		},
		async () => {
			await refreshParts(['#jobs tbody', '.head .sub', '.tabs']);
			startJobList();
		},
	);
}

function startChip(chip) {
	follow(
		`${chip.dataset.chip}/events`,
		(job) => {
			setText(one('[data-chip-percent]', chip), job.state === 'running' ? `${job.percent} %` : '');
			showBar(one('progress', chip), job);
		},
		async () => {
			chip.hidden = true;
			await refreshParts(['#containers tbody']);
		},
	);
}

export function initJobs() {
	sayTheEnd();
	const card = one('[data-job-active]');
	const chip = one('[data-chip]');
	if (card) startJobPage(card);
	startJobList();
	const followed = [card?.dataset.job, ...all('[data-row-job]').map((r) => r.dataset.rowJob)];
	if (chip && !followed.includes(`${chip.dataset.chip}/events`)) startChip(chip);
}
