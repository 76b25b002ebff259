// SPDX-License-Identifier: GPL-3.0-or-later
// Start, end and size of the program.
import { test, assert, startApp, fetchRaw, freePort, pss, build, processTree, sleep } from '../tools/harness.mjs';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tmpdir } from 'node:os';

const app = await startApp();

test('it answers within one second of its start', () => {
  assert.ok(app.startMs < 1000, `${app.startMs} ms`);
  assert.match(app.stderr, /serving http:\/\/127\.0\.0\.1:\d+/);
});

test('a wrong setting is named, with what would be right, and ends the start', () => {
  for (const [name, value] of [['CM_PORT', '99999'], ['CM_WORKERS', 'many'], ['CM_TLS', 'maybe'], ['CM_BIND', 'not an address'],
    ['CM_TRUSTED_PROXIES', '10.0.0.0/99'], ['DOCKER_HOST', 'ftp://x'], ['CM_ADMIN_PASSWORD', 'weak']]) {
    const dir = mkdtempSync(path.join(tmpdir(), 'cm-test-'));
    const r = spawnSync(path.join(build, 'container-monkey'), [], { env: { PATH: process.env.PATH, CM_DATA: dir, CM_PORT: '18999', [name]: value }, timeout: 10000 });
    assert.notEqual(r.status, 0, name);
    assert.notEqual(r.status, null, `${name}: it went on`);
    assert.match(String(r.stderr), new RegExp(name), String(r.stderr));
  }
});

test('the key is readable by its owner alone', () => {
  assert.equal(statSync(path.join(app.dataDir, 'config/encryption.key')).mode & 0o777, 0o600);
});

test('a database of another program is kept aside, never opened for writing', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-test-'));
  spawnSync('mkdir', ['-p', `${dir}/config`]);
  spawnSync('sqlite3', [`${dir}/config/monkey.db`, 'create table users(id integer primary key, username text); insert into users values(1, "old");']);
  writeFileSync(`${dir}/config/encryption.key`, 'x'.repeat(43), { mode: 0o600 });
  const second = await startApp({ dataDir: dir });
  await second.stop();
  assert.equal(readFileSync(`${dir}/config/encryption.key`, 'utf8'), 'x'.repeat(43));
  const kept = spawnSync('sh', ['-c', `ls ${dir}/config | grep '^monkey.db.' | grep -v -e wal -e shm`]).stdout.toString().trim();
  assert.ok(kept, 'kept aside');
  assert.match(spawnSync('sqlite3', [`${dir}/config/${kept.split('\n')[0]}`, 'select username from users']).stdout.toString(), /old/);
});

test('workers run with a seccomp filter and, when started by root, without root', () => {
  const workers = processTree(app.process.pid).slice(1).map((p) => readFileSync(`/proc/${p}/status`, 'utf8'));
  const filtered = workers.filter((s) => /Seccomp:\s+2/.test(s));
  assert.ok(filtered.length >= 2, workers.join('\n'));
  if (process.getuid() === 0) for (const s of filtered) assert.doesNotMatch(s, /Uid:\s+0\s/);
});

test('after every page was opened once it idles at 40 MB or less', async () => {
  for (const page of ['/', '/containers', '/vault', '/jobs', '/audit', '/settings', '/account', '/help', '/api/openapi.json',
    '/api/containers', '/api/backups', '/api/check-environment']) {
    const r = await app.get(page);
    assert.ok(r.status < 400, `${page}: ${r.status}`);
  }
  await sleep(3000);
  const mb = pss(app.process.pid) / 1024;
  assert.ok(mb <= 40, `${mb.toFixed(1)} MB`);
});

test('TLS of its own: certificate made at the first start, cookie Secure, HSTS', async () => {
  const tlsPort = await freePort();
  const tls = await startApp({ env: { CM_TLS: 'self', CM_TLS_PORT: String(tlsPort) }, login: false });
  const r = await fetchRaw(`https://127.0.0.1:${tlsPort}/api/login`, { method: 'POST', body: { username: 'admin', password: 'Tests-need-a-Pass7!' } });
  assert.equal(r.status, 200, r.text);
  assert.match(r.headers['set-cookie'][0], /Secure/);
  assert.ok(r.headers['strict-transport-security']);
  assert.equal(statSync(path.join(tls.dataDir, 'config/tls')).isDirectory(), true);
});

test('answers carry the security headers', async () => {
  const r = await app.get('/containers');
  assert.match(r.headers['content-security-policy'], /default-src 'none'/);
  assert.match(r.headers['content-security-policy'], /frame-ancestors 'none'/);
  assert.doesNotMatch(r.headers['content-security-policy'], /unsafe/);
  assert.equal(r.headers['x-content-type-options'], 'nosniff');
  assert.ok(r.headers['referrer-policy']);
  assert.ok(r.headers['permissions-policy']);
  assert.match(r.headers['cache-control'], /no-store/);
});

test('assets are immutable, precompressed and have a strong ETag', async () => {
  const page = await app.get('/containers');
  const css = /href="(\/assets\/[^"]+\.css)"/.exec(page.text)[1];
  const r = await app.download(css, { 'accept-encoding': 'gzip' });
  assert.equal(r.status, 200);
  assert.equal(r.headers['content-encoding'], 'gzip');
  assert.match(r.headers['cache-control'], /immutable/);
  assert.match(r.headers.etag, /^"/);
  assert.equal((await app.download(css, { 'if-none-match': r.headers.etag, 'accept-encoding': 'gzip' })).status, 304);
});

test('Host names are checked when CM_HOSTS is set', async () => {
  const strict = await startApp({ env: { CM_HOSTS: 'backup.example' }, login: false });
  const port = new URL(strict.url).port;
  assert.equal((await fetchRaw(`${strict.url}/login`, { headers: { host: 'evil.example' } })).status, 421);
  for (const host of ['backup.example', `localhost:${port}`, '127.0.0.1', '[::1]:80'])
    assert.equal((await fetchRaw(`${strict.url}/login`, { headers: { host } })).status, 200, host);
});

test('SIGTERM ends it within ten seconds, with status 0', async () => {
  const begin = Date.now();
  const { code } = await app.stop();
  assert.ok(Date.now() - begin < 10000);
  assert.equal(code, 0);
});
