// SPDX-License-Identifier: GPL-3.0-or-later
// What is in the program beside its own code, for the page "Versions and licences":
//   node conf/parts.mjs list <version of Kore>                        a C table: name, version, licence, use
//   node conf/parts.mjs texts <Kore's folder> <node_modules>          the texts of the licences, one after the other
// Versions are those of this build: of npm from the lock file, of Debian's libraries from dpkg.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

// Name, Debian's package with the headers, package with the licence, licence, use.
const libraries = [
	['SQLite', 'libsqlite3-dev', 'libsqlite3-0', 'Public domain', 'Database'],
	['libarchive', 'libarchive-dev', 'libarchive13', 'BSD-2-Clause', 'Archives'],
	['Zstandard', 'libzstd-dev', 'libzstd1', 'BSD-3-Clause', 'Compression'],
	['ISA-L', 'libisal-dev', 'libisal2', 'BSD-3-Clause', 'Compression'],
	['zlib', 'zlib1g-dev', 'zlib1g', 'Zlib', 'Compression'],
	['libcurl', 'libcurl4-openssl-dev', 'libcurl4', 'curl', 'Talks to the Docker Engine'],
	['OpenSSL', 'libssl-dev', 'libssl3', 'Apache-2.0', 'TLS and hashes'],
	['libsodium', 'libsodium-dev', 'libsodium23', 'ISC', 'Passwords and secrets'],
	['json-c', 'libjson-c-dev', 'libjson-c5', 'MIT', 'JSON'],
	['libacl', 'libacl1-dev', 'libacl1', 'LGPL-2.1-or-later', 'Access lists of files, in helpers'],
	['GNU C Library', 'libc6-dev', 'libc6', 'LGPL-2.1-or-later', 'C library'],
];

function packages() {
	const lock = JSON.parse(readFileSync('assets/package-lock.json', 'utf8'));
	return Object.entries(lock.packages).filter(([where]) => where)
		.map(([where, p]) => ({ name: where.replace(/^.*node_modules\//, ''), version: p.version, licence: p.license ?? 'unknown' }));
}

const uses = { '@phosphor-icons/core': 'Icons', '@xterm/xterm': 'Terminal', '@xterm/addon-fit': 'Terminal' };

function debianVersion(name) {
	const run = spawnSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' });
	return run.status === 0 ? run.stdout.replace(/^\d+:/, '') : 'unknown';
}

function list(kore) {
	const quoted = (row) => `\t{ ${row.map((s) => JSON.stringify(s)).join(', ')} },\n`;
	const rows = [['Kore', kore, 'ISC', 'HTTP server']];
	for (const [name, headers, , licence, use] of libraries) rows.push([name, debianVersion(headers), licence, use]);
	for (const { name, version, licence } of packages()) rows.push([name, version, licence, uses[name] ?? 'Pages']);
	return `/* Made by conf/parts.mjs. */\nstatic const struct part parts[] = {\n${rows.map(quoted).join('')}};\n`;
}

function texts(kore, modules) {
	const parts = [['Container Monkey', readFileSync('LICENSE', 'utf8')], ['Kore', readFileSync(join(kore, 'LICENSE.debian'), 'utf8')]];
	for (const [name, , doc] of libraries) {
		const file = `/usr/share/doc/${doc}/copyright`;
		if (existsSync(file)) parts.push([name, readFileSync(file, 'utf8')]);
	}
	for (const { name } of packages()) {
		const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license'].map((f) => join(modules, name, f)).find(existsSync);
		if (!file) throw new Error(`${name} has no file with its licence`);
		parts.push([name, readFileSync(file, 'utf8')]);
	}
	const line = '='.repeat(78);
	return parts.map(([name, text]) => `${line}\n${name}\n${line}\n\n${text.trim()}\n`).join('\n\n');
}

const [what, ...args] = process.argv.slice(2);
process.stdout.write(what === 'list' ? list(...args) : texts(...args));
