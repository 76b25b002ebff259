// SPDX-License-Identifier: GPL-3.0-or-later
// A whole stack backed up as one set: held together, one entry of the vault, restored in order; and what a crash or a
// failing member leaves behind: nothing.
import { test, assert, after, before, docker, dockerOk, engine, inspect, sleep, startApp } from '../tools/harness.mjs';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const app = await startApp();
const folder = mkdtempSync('/tmp/cmset-');
const name = 'cmset';
const file = path.join(folder, 'docker-compose.yml');
const all = ['db', 'api', 'web'].map((n) => `${name}_${n}_1`);
const compose = (...args) => run('docker-compose', ['-p', name, '-f', file, ...args]).then((r) => r.stdout);
const api = (method, what, body) => app.api(method, `/api/stack/${name}/${what}`, body);
const states = async () => Promise.all(all.map((n) => inspect(n).then((c) => c.State.Status, () => 'none')));
const files = () => readdirSync(path.join(app.dataDir, 'backups'));
const write = (text) => docker('exec', `${name}_db_1`, 'sh', '-c', `echo ${text} >/data/what; echo ${text} >/shared/what`);
const read = (who, where) => docker('exec', `${name}_${who}_1`, 'cat', where);
const service = (...more) => `
    image: busybox:local
    init: true
    command: ["sleep", "1000000"]
${more.map((l) => `    ${l}\n`).join('')}`;

async function backup(body = {}, want = 'complete') {
  const r = await api('POST', 'backup', body);
  assert.equal(r.status, 202, r.text);
  const job = await app.waitJob(r.json.job_id);
  assert.equal(job.state, want, JSON.stringify(job));
  return job;
}
async function restore(body, want = 'complete') {
  const r = await api('POST', 'restore', body);
  assert.equal(r.status, 202, r.text);
  const job = await app.waitJob(r.json.job_id);
  assert.equal(job.state, want, JSON.stringify(job));
  return job;
}

before(async () => {
  writeFileSync(file, `version: "2.4"
services:
  web:${service('depends_on: [api]', 'networks: [front]', 'labels: ["com.docker.compose.depends_on=api:service_started:false"]')}
  api:${service('depends_on: [db]', 'networks: [front, back]', 'volumes: ["shared:/shared"]', 'labels: ["com.docker.compose.depends_on=db:service_started:false"]')}
  db:${service('networks: [back]', 'volumes: ["data:/data", "shared:/shared"]', 'labels: ["com.docker.compose.depends_on="]')}
networks: {front: {}, back: {internal: true}}
volumes: {data: {}, shared: {}}
`);
  await compose('down', '-v', '-t', '0').catch(() => {});
  await compose('up', '-d', '--no-color');
  await write('first');
});
after(async () => {
  await compose('down', '-v', '-t', '0').catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

let set;

test('all are paused at the same time, and the set is one entry of the vault', async () => {
  const since = Date.now();
  const job = await backup({ note: 'as one' });
  const events = (await docker('events', '--since', `${since / 1000}`, '--until', `${Date.now() / 1000}`, '--format', '{{.Action}}',
    '--filter', 'type=container', '--filter', `label=com.docker.compose.project=${name}`, '--filter', 'event=pause', '--filter', 'event=unpause'));
  assert.equal(events, 'pause\npause\npause\nunpause\nunpause\nunpause');
  assert.deepEqual(await states(), ['running', 'running', 'running']);
  set = job.result.set_id;
  assert.deepEqual(job.result.containers, all);
  assert.equal(files().filter((f) => f.endsWith('.tar.gz')).length, 3);
  assert.deepEqual(job.warnings, [], 'they are all held: nobody writes behind the others');
  const page = await app.get('/vault');
  assert.match(page.text, /Stack cmset, 3 containers/);
  assert.ok(!page.text.includes(job.result.files[0]), 'its members are inside');
  assert.ok((await app.get(`/vault?q=${name}`)).text.includes(job.result.files[0]), 'and found by a search');
  assert.equal((await app.api('GET', '/api/backups')).json.total, 3, 'the API lists files');
  const inside = (await app.api('GET', `/api/backup-set/${set}`)).json;
  assert.deepEqual(inside.backups.map((b) => b.container_name), all);
  assert.equal(inside.is_whole, true);
  for (const where of [`/backup-set/${set}`, `/stack/${name}`, `/job/${job.id}`]) assert.equal((await app.get(where)).status, 200, where);
  assert.match((await app.get(`/stack/${name}`)).text, /backed up as a whole/);
});

test('a restore that stands in its own way begins nothing', async () => {
  const r = await api('POST', 'restore', { set });
  assert.equal(r.status, 409, r.text);
  assert.equal(r.json.members.length, 3);
  assert.ok(r.json.members.every((m) => m.findings.some((f) => f.code === 'NAME_TAKEN')));
  const page = await app.post(`/stack/${name}/restore`, { set, volumes: 'replace' });
  assert.equal(page.status, 409);
  assert.match(page.text, /A container named cmset_db_1 exists/);
});

test('everything is restored beside what runs: shared volumes once, in order', async () => {
  await write('second');
  const before = await Promise.all(all.map((n) => inspect(n).then((c) => c.Id)));
  const job = await restore({ set, replace: true, volumes: 'replace' });
  assert.deepEqual(job.result.containers.map((c) => [c.name, c.started]), all.map((n) => [n, true]));
  assert.equal(await read('db', '/data/what'), 'first');
  assert.equal(await read('db', '/shared/what'), 'first');
  assert.equal(await read('api', '/shared/what'), 'first');
  const now = await Promise.all(all.map((n) => inspect(n)));
  now.forEach((c, i) => assert.notEqual(c.Id, before[i]));
  assert.ok(now[0].State.StartedAt < now[1].State.StartedAt && now[1].State.StartedAt < now[2].State.StartedAt);
  assert.deepEqual((await app.api('GET', '/api/stacks')).json.stacks.find((s) => s.name === name).services, ['api', 'db', 'web']);
});

test('lost altogether, with volumes and networks, it comes back', async () => {
  await app.api('DELETE', `/api/stack/${name}/delete?delete_volumes=true`);
  assert.deepEqual(await states(), ['none', 'none', 'none']);
  assert.ok(!await dockerOk('network', 'inspect', `${name}_back`));
  await restore({});
  assert.deepEqual(await states(), ['running', 'running', 'running']);
  assert.equal(await read('api', '/shared/what'), 'first');
  assert.equal(JSON.parse(await docker('network', 'inspect', `${name}_back`))[0].Internal, true);
  assert.equal(await docker('exec', `${name}_web_1`, 'ping', '-c', '1', '-w', '5', 'api').then(() => 'reached'), 'reached', 'names are known again');
});

test('a member that fails fails the set, and nothing of it remains', async () => {
  const before = files();
  await docker('run', '-d', '--init', '--name', `${name}_x_1`, '--label', `com.docker.compose.project=${name}`, '--label',
    'com.docker.compose.service=x', '--label', 'monkey.exec.pre=false', 'busybox:local', 'sleep', '1000000');
  const job = await backup({ consistency: 'stop' }, 'error');
  assert.match(job.error, /cmset_x_1: The command before the backup/);
  assert.deepEqual(files(), before);
  assert.deepEqual(await states(), ['running', 'running', 'running']);
  await docker('rm', '-f', `${name}_x_1`);
  const log = (await app.api('GET', '/api/audit-logs?operation_type=stack_backup')).json.logs;
  assert.equal(log[0].status, 'error');
});

// Lets it go as far as this point, kills every process of it, and starts it again.
async function killed(point, begin) {
  await app.stop();
  app.env.CM_FAULT = `${point}!`;
  await app.spawn();
  await app.login();
  const r = await begin();
  for (let i = 0; i < 300 && !app.stderr.includes(`fault point ${point}`); i++) await sleep(50);
  await app.kill9();
  const then = await states();
  delete app.env.CM_FAULT;
  await app.spawn();
  await app.login();
  for (let i = 0; i < 100 && (await states()).some((s) => s !== 'running'); i++) await sleep(100);
  assert.deepEqual(await states(), ['running', 'running', 'running']);
  return { then, job: await app.waitJob(r.json.job_id) };
}

test('kill -9 while all stand still: they run again, and the backup is made after all', async () => {
  const { then, job } = await killed('stack_backup_held', () => api('POST', 'backup', { consistency: 'stop' }));
  assert.deepEqual(then, ['exited', 'exited', 'exited']);
  assert.equal(job.state, 'complete', 'queued again, once');
  assert.ok((await inspect(all[0])).State.StartedAt < (await inspect(all[2])).State.StartedAt, 'in order');
});

test('kill -9 after a restore stopped the first: it runs again', async () => {
  const { then, job } = await killed('stack_restore_stopped_one', () => api('POST', 'restore', { set, replace: true, volumes: 'keep' }));
  assert.deepEqual(then, ['running', 'running', 'exited']);
  assert.equal(job.state, 'interrupted');
});

test('the whole set is deleted from the list, after its names were shown', async () => {
  const ask = await app.post('/vault/delete', { file: `set:${set}` });
  assert.match(ask.text, /Delete 3 backups/);
  const gone = (await app.api('GET', `/api/backup-set/${set}`)).json.backups.map((b) => b.filename);
  const r = await app.post('/vault/delete', { confirm: '1', file: gone.slice(1) });
  assert.equal(r.status, 303);
  const left = (await app.api('GET', `/api/backup-set/${set}`)).json;
  assert.equal(left.is_whole, false);
  assert.match((await app.get('/vault')).text, /Incomplete/);
  assert.equal((await api('POST', 'restore', { set, replace: true })).status, 404);
  await app.post('/vault/delete', { confirm: '1', file: `set:${set}` });
  assert.equal((await app.api('GET', `/api/backup-set/${set}`)).status, 404);
});
