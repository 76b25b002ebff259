// SPDX-License-Identifier: GPL-3.0-or-later
// Hostile names in every place of a path, a query and a body: no file outside is read or written, no header and no log
// line is begun, nothing falls over. The places come from the route table.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, assert, startApp, processTree, sleep, docker, removeAll, before, after } from '../tools/harness.mjs';
import { cmdline, talk } from '../tools/kore_harness.mjs';
import { routeTable, pathOf, personOf } from './rig.mjs';

const app = await startApp();
const port = Number(new URL(app.url).port);
const table = routeTable().filter((r) => r.id !== 'logout');
const workers = () => processTree(app.process.pid).filter((pid) => /\[wrk/.test(cmdline(pid))).join();
const firstWorkers = workers();
const secret = 'cmsec-outside-the-vault';
const outside = path.join(app.dataDir, 'outside.tar.gz');
const name = 'cmsecname-box';
let backup;
before(async () => {
  writeFileSync(outside, secret);
  await docker('run', '-d', '--name', name, 'busybox:local', 'sleep', '100000');
  backup = await app.backup(name);
});
after(() => removeAll('cmsecname'));

const hostile = ['../outside.tar.gz', '..', '.', '../../../../../../etc/passwd', '/etc/passwd', '....//outside.tar.gz', '..\\outside.tar.gz',
  '../config/encryption.key', '/proc/self/environ', 'a\r\nset-cookie: session=stolen', 'a\nerror main forged=line', '$(id>/tmp/cmsec)', "';DROP TABLE users;--", '%2e%2e%2foutside.tar.gz',
  '\u202e\u0007name', 'x'.repeat(3000), '{"a":1}', 'none/../../outside.tar.gz', '-rf', '?x#y', '*', 'unix:///var/run/docker.sock'];
const raw = ['%00', 'a%00.tar.gz', '%ff%fe', '%', '%zz', '..%2foutside.tar.gz', '%2e%2e%2f%2e%2e%2fetc%2fpasswd', '%0d%0aset-cookie:%20session=stolen', '..%5coutside.tar.gz', '%252e%252e%252foutside.tar.gz'];

function harmless(r, what) {
  assert.ok(r.status < 500, `${what}: ${r.status} ${r.text.slice(0, 300)}`);
  assert.ok(!r.text.includes(secret) && !/root:x?:0:0/.test(r.text) && !/CM_DATA=/.test(r.text), `${what} shows a file: ${r.text.slice(0, 300)}`);
  for (const c of [r.headers['set-cookie'] ?? []].flat()) assert.doesNotMatch(c, /stolen/, what);
  if (r.headers.location) assert.match(r.headers.location, /^\/(?![/\\])/, what);
}
const ask = (method, where, body, headers) => app.api(method, where, body, headers);
const faces = (r) => [r.page, r.api].filter(Boolean);
const fields = (text) => [...(text ?? '').matchAll(/(\w+)\??:([\w|]+)/g)].map(([, field, type]) => ({ field, type }));

test('in a path', async () => {
  for (const r of table) for (const face of faces(r)) {
    const captures = [...face.matchAll(/<(\w+)>/g)].map((m) => m[1]);
    for (const capture of captures) {
      for (const value of hostile) harmless(await ask(r.method, face.replace(`<${capture}>`, encodeURIComponent(value))), `${r.method} ${face} ${JSON.stringify(value)}`);
      for (const value of raw) harmless(await ask(r.method, face.replace(`<${capture}>`, value)), `${r.method} ${face} ${value}`);
    }
  }
});

test('in a query, also of a backup that exists', async () => {
  for (const r of table) for (const face of faces(r)) for (const { field } of fields(r.query)) {
    const where = pathOf(face, { id: name, file: backup.file, key: 'server_name' });
    if (r.method === 'DELETE') continue;
    for (const value of hostile) harmless(await ask(r.method, `${where}?${field}=${encodeURIComponent(value)}`), `${r.method} ${face}?${field} ${JSON.stringify(value)}`);
    for (const value of raw) harmless(await ask(r.method, `${where}?${field}=${value}`), `${r.method} ${face}?${field}=${value}`);
  }
});

test('in a body, as JSON and as a form', async () => {
  for (const r of table.filter((x) => x.body)) for (const face of faces(r)) for (const { field } of fields(r.body)) for (const value of hostile) {
    const where = pathOf(face);
    const what = `${r.method} ${face} ${field}=${JSON.stringify(value)}`;
    if (face.startsWith('/api/')) harmless(await ask(r.method, where, { [field]: value }), what);
    else harmless(await app.post(where, { [field]: value }), what);
  }
});

// Odd values where a text, a number or a list is expected: refused or ignored, never 500, never a dead worker.
const odd = [null, true, 0, -1, 1.5, 1e308, 9007199254740993, '', ' ', 'null', [], [null], [[]], {}, { a: {} }, Array(2000).fill('x'), '\u0000', 'a\u0000b', '\ud800', 'x'.repeat(900000)];
const bodies = ['', '{', '[', 'null', '[]', '"text"', '1', '{"a":', '{"a":1,"a":2}', '\u0000', Buffer.from([0xff, 0xfe, 0]), '{"\ud800":1}', '['.repeat(5000), '{"a":'.repeat(2000), 'x'.repeat(1 << 20), '9'.repeat(100000), '{"a":1e99999}', '=&=&&=', 'a'.repeat(70000) + '=b', '%=%zz'];
test('odd bodies at every path that takes a change', async () => {
  const jumbo = { 'content-type': 'application/json' };
  for (const r of table.filter((x) => x.method !== 'GET')) for (const face of faces(r)) {
    const where = pathOf(face);
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'multipart/form-data', 'text/plain', 'application/json; charset=utf-16'])
      for (const body of bodies) {
        if (body.length > 60000 && type !== jumbo['content-type']) continue;
        const answer = await ask(r.method, where, body, { 'content-type': type }).catch((e) => { assert.match(e.code ?? '', /ECONNRESET|EPIPE/); return null; });
        if (answer) harmless(answer, `${r.method} ${face} ${type} ${String(body).slice(0, 30)}`);
      }
    for (const { field } of fields(r.body)) for (const value of odd)
      harmless(await ask(r.method, where, { [field]: value }, jumbo), `${r.method} ${face} ${field}: ${JSON.stringify(value).slice(0, 40)}`);
  }
});

test('in headers: nothing comes back as a header, nothing forges a line of the log', async () => {
  const bad = ['\x1b[31mred', 'a\tb', '<script>', 'a'.repeat(2000), 'é\xff'];
  for (const header of ['User-Agent', 'X-Forwarded-For', 'X-Forwarded-Proto', 'Referer', 'Origin', 'Cookie', 'Accept-Language', 'Range', 'If-None-Match', 'Authorization', 'Prefer'])
    for (const value of bad) {
      const r = await talk(port, `POST /api/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n${header}: ${value}\r\n\r\n`, { quiet: 8000 });
      assert.match(r.text, /^HTTP\/1\.1 [234]/, `${header}: ${value}`);
      assert.ok(!r.text.includes('\x1b'), header);
    }
});

test('afterwards: no line of the log is forged, nothing lies outside, no shell ran, and everybody still works', async () => {
  await sleep(200);
  for (const line of app.stderr.split('\n').filter(Boolean))
    assert.match(line, /^(\d{4}-\d\d-\d\dT\S+Z (debug|info|warn|error) \S+ [^\x00-\x1f\x7f]*|serving https?:\S+)$/, JSON.stringify(line.slice(0, 300)));
  assert.ok(existsSync(outside) && !existsSync('/tmp/cmsec'));
  assert.deepEqual(readdirSync(app.dataDir).sort(), ['backups', 'config', 'outside.tar.gz', 'tmp']);
  assert.equal(workers(), firstWorkers, app.stderr.split('\n').filter((l) => / error /.test(l)).join('\n'));
  assert.equal((await docker('inspect', '-f', '{{.State.Running}}', name)), 'true');
  const again = await personOf(app, 'admin', 'admin');
  assert.equal((await again.api('GET', '/api/backups')).status, 200);
});
