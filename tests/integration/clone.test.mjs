// SPDX-License-Identifier: GPL-3.0-or-later
// A container cloned beside itself, a whole project under another name; and what is left of a clone that failed: nothing.
import { test, assert, after, before, docker, inspect, sleep, startApp } from '../tools/harness.mjs';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const app = await startApp();
const p = 'cmclone-';
const name = `${p}one`;
const project = 'cmclonep';
const folder = mkdtempSync('/tmp/cmclone-');
const file = path.join(folder, 'docker-compose.yml');
const compose = (proj, ...args) => run('docker-compose', ['-p', proj, '-f', file, ...args]);
const clone = (body) => app.api('POST', '/api/docker/containers', { action: 'clone', ...body });
const things = async () => ({
  containers: (await docker('ps', '-a', '--format', '{{.Names}}')).split('\n').filter((n) => n.startsWith('cmclone')).sort(),
  volumes: (await docker('volume', 'ls', '-q')).split('\n').filter(Boolean).sort(),
  networks: (await docker('network', 'ls', '--format', '{{.Name}}')).split('\n').sort(),
});
let id;

async function clean() {
  for (const proj of [project, `${project}-clone-1`, `${project}x`]) await compose(proj, 'down', '-v', '-t', '0').catch(() => {});
  for (const c of (await docker('ps', '-aq', '--filter', 'name=cmclone')).split('\n').filter(Boolean)) await docker('rm', '-fv', c);
  for (const v of (await docker('volume', 'ls', '-q', '--filter', 'name=cmclone')).split('\n').filter(Boolean)) await docker('volume', 'rm', '-f', v);
}

before(async () => {
  writeFileSync(file, `version: "2.4"
services:
  web: {image: "busybox:local", init: true, command: ["sleep", "1000000"], depends_on: [db], networks: [front], ports: ["18970:80"], volumes: ["data:/seen"]}
  db: {image: "busybox:local", init: true, command: ["sleep", "1000000"], networks: [front], volumes: ["data:/data"]}
networks: {front: {}}
volumes: {data: {}}
`);
  await clean();
  await docker('run', '-d', '--init', '--name', name, '-p', '127.0.0.1:18960:80', '-e', 'A=1', '-e', 'B=2', '-v', `${p}data:/data`, '-v', '/anon',
    '--label', 'keep=this', '--label', 'com.docker.compose.project=not-of-the-clone', '--memory', '64m', '--restart', 'on-failure:3', '--user', '0:0',
    'busybox:local', 'sleep', '1000000');
  id = (await inspect(name)).Id;
  await docker('exec', name, 'sh', '-c', 'echo original >/data/what; echo hidden >/anon/what');
});
after(async () => {
  await clean();
  rmSync(folder, { recursive: true, force: true });
});

test('a clone: same settings, own name, own volumes, the next free port', async () => {
  const r = await clone({ containerId: id.slice(0, 12) });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.success, true);
  assert.equal(r.json.action, 'clone');
  assert.equal(r.json.sourceId, id);
  assert.equal(r.json.newName, `${name}-clone-1`);
  assert.deepEqual(r.json.ports, [{ container: '80/tcp', was: '18960', now: '18961' }]);
  const c = await inspect(r.json.newId);
  const was = await inspect(id);
  assert.equal(was.State.Status, 'running', 'the original goes on');
  assert.equal(c.State.Status, 'running');
  assert.deepEqual(c.Config.Env.filter((e) => /^[AB]=/.test(e)), ['A=1', 'B=2']);
  assert.deepEqual([c.HostConfig.Memory, c.HostConfig.RestartPolicy.Name, c.Config.User], [was.HostConfig.Memory, 'on-failure', '0:0']);
  assert.deepEqual([c.Config.Labels.keep, c.Config.Labels['com.docker.compose.project']], ['this', undefined]);
  assert.deepEqual(c.HostConfig.PortBindings, { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18961' }] });
  assert.equal(await docker('exec', r.json.newName, 'cat', '/data/what', '/anon/what'), 'original\nhidden');
  await docker('exec', r.json.newName, 'sh', '-c', 'echo changed >/data/what; echo changed >/anon/what');
  assert.equal(await docker('exec', name, 'cat', '/data/what', '/anon/what'), 'original\nhidden', 'they are apart');
});

test('what is asked for: name, environment, ports, shared volumes, not started', async () => {
  const r = await clone({ containerId: name, options: { name: `${p}two`, env: { A: 'x', B: null, C: 'new' }, ports: { '80/tcp': '18990' }, volumes: 'share', start: false, path: '/etc' } });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual([r.json.newName, r.json.ports], [`${p}two`, []]);
  const c = await inspect(`${p}two`);
  assert.equal(c.State.Status, 'created');
  assert.deepEqual(c.Config.Env.filter((e) => /^[ABC]=/.test(e)).sort(), ['A=x', 'C=new']);
  assert.deepEqual(c.Mounts.map((m) => m.Name).sort(), (await inspect(id)).Mounts.map((m) => m.Name).sort());
  assert.equal(c.HostConfig.PortBindings['80/tcp'][0].HostPort, '18990');
  const none = await clone({ containerId: name, options: { volumes: 'none', start: false } });
  assert.equal(none.json.newName, `${name}-clone-2`);
  assert.deepEqual((await inspect(none.json.newId)).Mounts, []);
});

test('bad wishes are refused, and a clone that fails leaves nothing', async () => {
  const before = await things();
  for (const [options, status] of [[{ name: 'no/name' }, 400], [{ volumes: 'some' }, 400], [{ colour: 'red' }, 400], [{ image: 'no-such-image:1' }, 404],
    [{ name: `${p}two` }, 409], [{ ports: { '80/tcp': '18960' } }, 409], [{ env: ['no value'] }, 400]]) {
    const r = await clone({ containerId: name, options });
    assert.equal(r.status, status, `${JSON.stringify(options)}: ${r.text}`);
    assert.equal(r.json.code, 'CLONE_FAILED');
    assert.match(r.json.error, /^Clone failed: /);
  }
  assert.equal((await clone({ containerId: 'no-such-container' })).status, 404);
  assert.equal((await app.api('POST', '/api/docker/containers', { action: 'dance' })).status, 400);
  assert.deepEqual(await things(), before);
});

test('by form, in the browser', async () => {
  const page = await app.get(`/container/${id.slice(0, 12)}/clone`);
  assert.match(page.text, /the next free after 18960/);
  const again = await app.post(`/container/${id.slice(0, 12)}/clone`, { name: 'no/name', volumes: 'copy', env: 'A=kept' });
  assert.equal(again.status, 422);
  assert.match(again.text, /A=kept/);
  const r = await app.post(`/container/${id.slice(0, 12)}/clone`, { name: `${p}form`, volumes: 'none', env: 'A=form\nD=4', 'port:80/tcp': '18991' });
  assert.equal(r.status, 303, r.text);
  const job = await app.waitJob(r.headers.location.split('/').pop());
  assert.equal(job.state, 'complete', JSON.stringify(job));
  const c = await inspect(`${p}form`);
  assert.equal(c.State.Status, 'created', 'the box was not ticked');
  assert.deepEqual(c.Config.Env.filter((e) => /^[AD]=/.test(e)).sort(), ['A=form', 'D=4']);
  assert.equal((await app.get(r.headers.location)).status, 200);
});

test('a whole project: networks, volumes and containers of its own, in order', async () => {
  await compose(project, 'up', '-d', '--no-color');
  await docker('exec', `${project}_db_1`, 'sh', '-c', 'echo first >/data/what');
  const r = await clone({ stack: project });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.newName, `${project}-clone-1`);
  assert.deepEqual(r.json.containers.map((c) => c.name), [`${project}-clone-1_db_1`, `${project}-clone-1_web_1`]);
  assert.deepEqual(r.json.ports.map((x) => x.now), ['18971']);
  const s = (await app.api('GET', '/api/stacks')).json.stacks.find((x) => x.name === `${project}-clone-1`);
  assert.deepEqual([s.services, s.networks, s.volumes, s.state_text], [['db', 'web'], [`${project}-clone-1_front`], [`${project}-clone-1_data`], 'Running']);
  assert.equal(await docker('exec', `${project}-clone-1_web_1`, 'cat', '/seen/what'), 'first', 'one copy for both');
  assert.equal(await docker('exec', `${project}-clone-1_web_1`, 'ping', '-c', '1', '-w', '5', 'db').then(() => 'reached'), 'reached');
  // Compose takes it for its own.
  const { stdout } = await compose(`${project}-clone-1`, 'ps', '-q');
  assert.equal(stdout.trim().split('\n').length, 2);
  assert.equal((await clone({ stack: project, options: { name: `${project}-clone-1` } })).status, 409);
});

test('kill -9 in the middle of a project: nothing of the clone remains', async () => {
  const before = await things();
  await app.stop();
  app.env.CM_FAULT = 'clone_before_create:2!';
  await app.spawn();
  await app.login();
  const r = await app.api('POST', '/api/docker/containers', { action: 'clone', stack: project, options: { name: `${project}x` } }, { prefer: 'respond-async' });
  assert.equal(r.status, 202, r.text);
  for (let i = 0; i < 300 && !app.stderr.includes('fault point clone_before_create'); i++) await sleep(50);
  await app.kill9();
  assert.ok((await things()).containers.includes(`${project}x_db_1`), 'half of it was there');
  delete app.env.CM_FAULT;
  await app.spawn();
  await app.login().catch(() => sleep(500).then(() => app.login()));
  for (let i = 0; i < 100 && (await things()).networks.includes(`${project}x_front`); i++) await sleep(100);
  assert.deepEqual(await things(), before);
  assert.equal((await app.waitJob(r.json.job_id)).state, 'interrupted');
  assert.equal((await inspect(`${project}_db_1`)).State.Status, 'running');
});
