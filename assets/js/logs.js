// SPDX-License-Identifier: GPL-3.0-or-later
// Follows a log by server-sent events. The page keeps so many lines and draws once a frame; what comes faster is counted
// and said. Lines arrive as texts with class names: nothing of a log is ever read as markup.
import { all, one, setText } from './dom.js';

const keep = 2000;

function runNode([text, name, hit]) {
	if (!name && !hit) return document.createTextNode(text);
	const node = document.createElement(hit ? 'mark' : 'i');
	if (name) node.className = name;
	node.textContent = text;
	return node;
}

function part(tag, text, name) {
	const node = document.createElement(tag);
	node.textContent = text;
	if (name) node.className = name;
	return node;
}

function lineNode(line) {
	const item = document.createElement('li');
	if (line.e) item.className = 'err';
	if (line.t) item.append(part('s', line.t));
	if (line.n) item.append(part('b', line.n, line.c));
	const text = document.createElement('span');
	text.append(...line.r.map(runNode));
	item.append(text);
	return item;
}

function noteNode(text) {
	return part('li', text, 'note');
}

// Lines that wait for the next frame; more than the page keeps are never drawn.
function makeScreen(list) {
	let waiting = [];
	let skipped = 0;
	let timer = 0;
	const words = () => (one('[data-log-filter]')?.value || '').toLowerCase();
	const draw = () => {
		timer = 0;
		const low = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
		const fresh = waiting;
		const word = words() === (list.dataset.logFind || '').toLowerCase() ? '' : words();
		waiting = [];
		if (skipped) fresh.unshift(noteNode(`${skipped.toLocaleString('en')} lines were skipped: they came faster than a page can show. The download has them all.`));
		skipped = 0;
		if (word) for (const node of fresh) node.hidden = !node.textContent.toLowerCase().includes(word);
		list.append(...fresh);
		for (let over = list.children.length - keep; over > 0; over--) list.firstElementChild.remove();
		if (low) list.scrollTop = list.scrollHeight;
		one('[data-log-empty]')?.remove();
		const n = all('li:not(.note)', list).length;
		setText(one('[data-log-count]'), `The last ${n.toLocaleString('en')} line${n === 1 ? '' : 's'}`);
	};
	return {
		add(nodes, left) {
			skipped += left;
			waiting.push(...nodes);
			if (waiting.length > keep) skipped += waiting.splice(0, waiting.length - keep).length;
			// A page nobody sees draws no frames.
			timer ||= document.hidden ? setTimeout(draw, 1000) : requestAnimationFrame(draw);
		},
	};
}

function startFollow(button, list) {
	const screen = makeScreen(list);
	const state = one('[data-log-state]');
	let source = null;
	let wanted = true;
	let url = button.dataset.logFollow;
	const show = () => {
		button.setAttribute('aria-pressed', String(wanted));
		setText(one('span', button), wanted ? 'Following' : 'Follow');
		one('use', button)?.setAttribute('href', one('use', button).getAttribute('href').replace(/#.*/, wanted ? '#pause' : '#play'));
		setText(state, wanted ? 'New lines are shown as they are written.' : 'New lines are not shown.');
	};
	const close = () => {
		source?.close();
		source = null;
	};
	const open = () => {
		if (source || !wanted) return;
		source = new EventSource(url);
		source.addEventListener('lines', (event) => {
			const data = JSON.parse(event.data);
			const next = new URL(url, location.href);
			next.searchParams.set('from_ns', event.lastEventId);
			url = next.pathname + next.search;
			const nodes = data.lines.map(lineNode);
			if (data.note) nodes.push(noteNode(data.note));
			screen.add(nodes, data.skipped);
		});
		source.addEventListener('done', () => {
			wanted = false;
			close();
			show();
		});
		source.onerror = () => {
			if (source?.readyState !== EventSource.CLOSED) return; // it tries again by itself
			close();
			setText(state, 'The connection was lost; it is tried again.');
			setTimeout(open, 5000);
		};
	};
	button.addEventListener('click', () => {
		wanted = !wanted;
		if (wanted) open();
		else close();
		show();
	});
	window.addEventListener('pagehide', close);
	window.addEventListener('pageshow', open);
	open();
	show();
}

export function initLogs() {
	const list = one('#log.log-lines');
	if (!list) return;
	list.scrollTop = list.scrollHeight;
	one('[data-log-filter]')?.addEventListener('input', (event) => {
		const word = event.target.value.toLowerCase();
		for (const item of list.children) item.hidden = !item.textContent.toLowerCase().includes(word);
	});
	const button = one('[data-log-follow]');
	if (button) startFollow(button, list);
}
