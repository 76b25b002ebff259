// SPDX-License-Identifier: GPL-3.0-or-later
// The filter of conf/docker-filter.cfg (haproxy) before the Docker socket: backup, restore and the pages work through it;
// what the program does not need is refused.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, assert, before, after, docker, inspect, removeAll, startApp, freePort, root, sleep } from '../tools/harness.mjs';

const prefix = 'cmsecfilter';
const dir = mkdtempSync(path.join(tmpdir(), 'cm-filter-'));
chmodSync(dir, 0o755); // the program's workers go in there
const port = await freePort();
const socket = path.join(dir, 'filter.sock');
let haproxy, log = '';

const ask = (method, where, body = '') => new Promise((resolve, reject) => {
  const r = request({ port, host: '127.0.0.1', method, path: where, headers: { 'content-type': 'application/json', 'content-length': body.length } }, (a) => { a.resume(); resolve(a.statusCode); });
  r.on('error', reject);
  r.end(body);
});

before(async () => {
  const engine = (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');
  const text = readFileSync(path.join(root, 'conf/docker-filter.cfg'), 'utf8')
    .replace('unix@/run/docker-filter.sock mode 660', `unix@${socket} mode 666\n\tbind 127.0.0.1:${port}`).replace('unix@/var/run/docker.sock', `unix@${engine}`);
  writeFileSync(path.join(dir, 'filter.cfg'), text);
  haproxy = spawn('haproxy', ['-db', '-f', path.join(dir, 'filter.cfg')], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const s of [haproxy.stdout, haproxy.stderr]) s.on('data', (c) => { log += c; });
  for (let i = 0; (await ask('GET', '/_ping').catch(() => 0)) !== 200; i++) {
    assert.ok(i < 500 && haproxy.exitCode === null, `haproxy does not serve: ${log}`);
    await sleep(20);
  }
});
after(async () => {
  haproxy?.kill('SIGTERM');
  await removeAll(prefix);
  rmSync(dir, { recursive: true, force: true });
});

test('backup and restore work through the filter', async () => {
  const name = `${prefix}-tcp`;
  await docker('run', '-d', '--name', name, '-v', `${name}-data:/data`, 'busybox:local', 'sh', '-c', 'echo kept >/data/file; exec sleep 100000');
  const app = await startApp({ env: { DOCKER_HOST: `tcp://127.0.0.1:${port}` } });
  assert.equal((await app.api('GET', '/api/check-environment')).json.ok, true);
  const backup = await app.backup(name, { consistency: 'pause' });
  await docker('rm', '-f', name);
  await docker('volume', 'rm', `${name}-data`);
  const r = await app.restore(backup.file);
  assert.equal(r.status, 200, r.text);
  assert.equal((await inspect(name)).State.Running, true);
  assert.equal(await docker('exec', name, 'cat', '/data/file'), 'kept');
  for (const page of ['/', '/containers', '/vault', '/jobs', '/settings']) assert.equal((await app.get(page)).status, 200, page);
  await app.cleanup();
});

test('what the program does not need is refused, however it is written', async () => {
  for (const [method, where] of [['GET', '/swarm'], ['POST', '/swarm/init'], ['GET', '/services'], ['POST', '/services/create'], ['GET', '/plugins'], ['POST', '/plugins/pull'], ['POST', '/build'], ['POST', '/v1.41/build'],
    ['POST', '/session'], ['POST', '/auth'], ['GET', '/secrets'], ['GET', '/configs'], ['GET', '/nodes'], ['POST', '/commit'], ['POST', '/images/x/push'], ['GET', '/images/search'], ['POST', '/containers/x/secret'],
    ['PUT', '/containers/x'], ['DELETE', '/containers/x/archive'], ['POST', '/containers/x/../../build'], ['POST', '/v1.41//build'], ['POST', '/containers/%2e%2e/create'], ['GET', '/distribution/x/json'],
    ['POST', '/grpc'], ['PATCH', '/containers/json'], ['POST', '/_ping']])
    assert.equal(await ask(method, where), 403, `${method} ${where}`);
  for (const where of ['/version', '/v1.41/info', '/containers/json', '/images/json', '/volumes', '/networks']) assert.equal(await ask('GET', where), 200, where);
});
