// SPDX-License-Identifier: GPL-3.0-or-later
// Builds what browsers load: node conf/assets.mjs <node_modules> <output folder> <licences>. See conf/assets.mk.
// Everything it writes depends on its input alone, so that two builds of one tree are equal.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { gzipSync } from 'node:zlib';

const [modules, out, licences] = process.argv.slice(2);
if (!licences) {
	console.error('usage: node conf/assets.mjs <node_modules> <output folder> <licences>');
	process.exit(2);
}

// The style sheets in the order of the cascade, without comments and indentation.
const sheets = ['tokens', 'base', 'layout', 'forms', 'tables', 'parts', 'pages', 'logs', 'console', 'charts', 'narrow'];

function styles() {
	const left = readdirSync('assets/css').filter((f) => !sheets.includes(f.replace(/\.css$/, '')));
	if (left.length) throw new Error(`not in the list of style sheets: ${left.join(', ')}`);
	return sheets
		.map((f) => readFileSync(`assets/css/${f}.css`, 'utf8'))
		.join('\n')
		.replace(/\/\*[^]*?\*\//g, '')
		.replace(/^\s+/gm, '')
		.replace(/\n+/g, '\n');
}

// Modules joined into one, each after the ones it imports. They share one scope, so equal names at the top level are an
// error.
function scripts(entry) {
	const done = new Set();
	const names = new Set();
	const parts = [];
	const take = (file) => {
		if (done.has(file)) return;
		done.add(file);
		const text = readFileSync(join('assets/js', file), 'utf8');
		const body = text.replace(/^import\s+[^;]*?['"]\.\/([^'"]+)['"];\n/gm, (_, name) => {
			take(name);
			return '';
		});
		if (/^\s*import[\s{]/m.test(body)) throw new Error(`${file}: an import that is not of a neighbour`);
		for (const [, name] of body.matchAll(/^(?:export )?(?:async )?(?:function|const|let|class) (\w+)/gm)) {
			if (names.has(name)) throw new Error(`${file}: ${name} exists in another module`);
			names.add(name);
		}
		parts.push(body.replace(/^export (?=function|const|let|class|async)/gm, ''));
	};
	take(entry);
	const left = readdirSync('assets/js').filter((f) => f.endsWith('.js') && !done.has(f));
	if (left.length) throw new Error(`nothing imports ${left.join(', ')}`);
	const code = `(() => {\n'use strict';\n${parts.join('\n')}})();\n`;
	new Script(code);
	return code.replace(/^\s*\/\/.*\n/gm, '').replace(/\n+/g, '\n');
}

// One sprite with the icons that are used and no other.
function sprite() {
	const symbols = readFileSync('assets/icons/list.txt', 'utf8')
		.split('\n')
		.map((line) => line.trim())
		.filter((line) => line && !line.startsWith('#'))
		.map((line) => {
			const [name, weight = 'regular'] = line.split(/\s+/);
			const file = weight === 'regular' ? name : `${name}-${weight}`;
			const svg = readFileSync(join(modules, '@phosphor-icons/core/assets', weight, `${file}.svg`), 'utf8');
			const [, box, body] = svg.match(/^<svg[^>]*viewBox="([^"]+)"[^>]*>([^]*)<\/svg>\s*$/);
			return `<symbol id="${file}" viewBox="${box}">${body}</symbol>`;
		});
	return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>\n`;
}

function plain(text, comments) {
	return text.replace(comments, '').replace(/^\s+/gm, '').replace(/\n+/g, '\n');
}

const files = new Map();
files.set('app.css', Buffer.from(styles()));
files.set('app.js', Buffer.from(scripts('app.js')));
// The console page alone: the terminal with its own licence line, what drives it, and the styles of both.
const npm = (file) => readFileSync(join(modules, '@xterm', file), 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
const licence = `/*! ${npm('xterm/LICENSE').match(/^Copyright.*$/m)[0]} and others (xterm.js), MIT */\n`;
files.set('xterm.js', Buffer.from(`${licence}${npm('xterm/lib/xterm.js')}\n${npm('addon-fit/lib/addon-fit.js')}\n`));
files.set('console.js', Buffer.from(plain(readFileSync('assets/console/console.js', 'utf8'), /^\s*\/\/.*\n/gm)));
files.set('console.css', Buffer.from(plain(npm('xterm/css/xterm.css') + readFileSync('assets/console/terminal.css', 'utf8'), /\/\*[^]*?\*\//g)));
files.set('icons.svg', Buffer.from(sprite()));
files.set('licences.txt', readFileSync(licences));
for (const f of readdirSync('assets/img').sort()) files.set(f, readFileSync(join('assets/img', f)));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const lines = [];
for (const [name, data] of files) {
	const hash = createHash('sha256').update(data).digest('hex').slice(0, 12);
	const dot = name.lastIndexOf('.');
	const hashed = `${name.slice(0, dot)}.${hash}${name.slice(dot)}`;
	writeFileSync(join(out, hashed), data);
	const zipped = gzipSync(data, { level: 9 });
	if (zipped.length < data.length * 0.95) writeFileSync(join(out, `${hashed}.gz`), zipped);
	lines.push(`${name} ${hashed}\n`);
}
writeFileSync(join(out, 'assets.txt'), lines.join(''));
