// SPDX-License-Identifier: GPL-3.0-or-later
// Stacks as Debian's docker-compose and a real swarm make them: listed, opened, started, stopped and removed in order.
import { test, assert, after, before, docker, dockerOk, engine, inspect, sleep, startApp } from '../tools/harness.mjs';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const app = await startApp();
const folder = mkdtempSync('/tmp/cmstack-');
const name = 'cmstack';
const file = path.join(folder, 'docker-compose.yml');
const service = (more) => `
    image: busybox:local
    init: true
    command: ["sleep", "1000000"]
${more.map((l) => `    ${l}\n`).join('')}`;
const compose = (...args) => run('docker-compose', ['-p', name, '-f', file, ...args]).then((r) => r.stdout);
const api = (method, what, body) => app.api(method, `/api/stack/${name}/${what}`, body);
const at = async (who, which) => Date.parse((await inspect(`${name}_${who}_1`)).State[which]);
const states = async () => (await engine('GET', `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${name}`] }))}`)).map((c) => c.State);

before(async () => {
  writeFileSync(file, `version: "2.4"
services:
  web:${service(['depends_on: [api]', 'networks: [front]', 'labels: ["com.docker.compose.depends_on=api:service_started:false"]'])}
  api:${service(['depends_on: [db]', 'networks: [front, back]', 'environment: ["SECRET=hunter2"]', 'labels: ["com.docker.compose.depends_on=db:service_healthy:false"]'])}
  db:${service(['networks: [back]', 'volumes: ["data:/data", "/scratch"]', 'healthcheck: {test: ["CMD", "test", "-e", "/tmp/ready"], interval: 1s, retries: 100}', 'labels: ["com.docker.compose.depends_on="]'])}
networks: {front: {}, back: {internal: true}}
volumes: {data: {}}
`);
  await compose('down', '-v', '-t', '0').catch(() => {});
  await compose('up', '-d', '--no-color');
  await docker('exec', `${name}_db_1`, 'touch', '/tmp/ready', '/data/kept');
});
after(async () => {
  await compose('down', '-v', '-t', '0').catch(() => {});
  await docker('swarm', 'leave', '--force').catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

test('a Compose project is listed with what belongs to it', async () => {
  const r = await app.api('GET', '/api/stacks');
  assert.equal(r.status, 200, r.text);
  const s = r.json.stacks.find((x) => x.name === name);
  assert.equal(s.type, 'compose');
  assert.deepEqual(s.services, ['api', 'db', 'web']);
  assert.deepEqual([s.services_count, s.containers_count], [3, 3]);
  assert.deepEqual(s.networks, [`${name}_back`, `${name}_front`]);
  assert.deepEqual(s.volumes, [`${name}_data`]);
  assert.equal(s.state_text, 'Running');
  const d = (await api('GET', 'details')).json;
  assert.deepEqual(d.containers.map((c) => c.name), ['db', 'api', 'web'].map((n) => `${name}_${n}_1`), 'in the order of starting');
  assert.deepEqual(d.network_list.map((n) => [n.name, n.internal, n.own]).sort(), [[`${name}_back`, true, true], [`${name}_front`, false, true]]);
  assert.deepEqual(d.volume_list.map((v) => [v.name, v.used_by]), [[`${name}_data`, [`${name}_db_1`]]]);
  assert.deepEqual(d.images.map((i) => [i.name, i.newer]), [['busybox:local', false]]);
  assert.ok(!JSON.stringify(d).includes('hunter2'), 'no environment value');
  for (const [where, text] of [['/stacks', `/containers?stack=${name}`], [`/stack/${name}`, `${name}_db_1`]]) {
    const page = await app.get(where);
    assert.equal(page.status, 200);
    assert.ok(page.text.includes(text), where);
  }
  assert.equal((await app.get('/stack/no-such')).status, 404);
  assert.equal((await app.api('GET', '/api/stack/no-such/details')).json.code, 'NOT_FOUND');
});

test('the Compose file made of it is one, and makes the same again', async () => {
  const masked = await app.get(`/api/stack/${name}/compose`);
  assert.equal(masked.status, 200, masked.text);
  assert.ok(!masked.text.includes('hunter2') && masked.text.includes('***'), 'values only for who asks');
  const made = await app.get(`/api/stack/${name}/compose?values=true`);
  assert.match(made.headers['content-disposition'], /cmstack-compose\.yml/);
  const other = path.join(folder, 'made.yml');
  writeFileSync(other, made.text);
  const config = (await run('docker-compose', ['-p', name, '-f', other, 'config'])).stdout;
  assert.match(config, /SECRET: hunter2/);
  assert.match(config, /condition: service_healthy/);
  // Compose finds nothing of networks and volumes to change.
  const before = await Promise.all([`${name}_front`, `${name}_back`].map(async (n) => JSON.parse(await docker('network', 'inspect', n))[0].Id));
  await run('docker-compose', ['-p', name, '-f', other, 'up', '-d', '--no-color', 'db']);
  await docker('exec', `${name}_db_1`, 'touch', '/tmp/ready');
  await run('docker-compose', ['-p', name, '-f', other, 'up', '-d', '--no-color']);
  assert.deepEqual(await Promise.all([`${name}_front`, `${name}_back`].map(async (n) => JSON.parse(await docker('network', 'inspect', n))[0].Id)), before);
  assert.equal(await docker('exec', `${name}_db_1`, 'ls', '/data'), 'kept');
  assert.deepEqual((await inspect(`${name}_api_1`)).Config.Env.filter((e) => /SECRET/.test(e)), ['SECRET=hunter2']);
  await compose('up', '-d', '--no-color', 'db');
  await docker('exec', `${name}_db_1`, 'touch', '/tmp/ready');
  await compose('up', '-d', '--no-color');
});

test('stop and start follow the dependencies, and a start waits for health', async () => {
  const stop = await api('POST', 'stop');
  assert.equal(stop.status, 200, stop.text);
  assert.deepEqual(stop.json.results.map((x) => [x.name, x.success]), ['web', 'api', 'db'].map((n) => [`${name}_${n}_1`, true]));
  assert.deepEqual(await states(), ['exited', 'exited', 'exited']);
  assert.ok(await at('web', 'FinishedAt') <= await at('api', 'FinishedAt') && await at('api', 'FinishedAt') <= await at('db', 'FinishedAt'));
  assert.equal((await app.api('GET', '/api/stacks')).json.stacks.find((x) => x.name === name).state_text, 'Stopped');
  const began = Date.now();
  const start = await app.post(`/stack/${name}/start`);
  assert.equal(start.status, 303, start.text);
  assert.match((await app.get(start.headers.location)).text, new RegExp(`Stack ${name} started`));
  assert.deepEqual(await states(), ['running', 'running', 'running']);
  assert.equal((await inspect(`${name}_db_1`)).State.Health.Status, 'healthy');
  assert.ok(await at('api', 'StartedAt') - await at('db', 'StartedAt') > 500, 'it was healthy first');
  console.log(`# start ${Date.now() - began} ms`);
});

test('what needs a failed one is not started, and each says why', async () => {
  await api('POST', 'stop');
  // Its network is gone: the database cannot start.
  const id = (await inspect(`${name}_db_1`)).Id;
  for (const n of ['db', 'api']) await docker('network', 'disconnect', `${name}_back`, `${name}_${n}_1`);
  await docker('network', 'create', 'cmstack-gone');
  await docker('network', 'connect', 'cmstack-gone', id);
  await docker('network', 'rm', 'cmstack-gone');
  const r = await api('POST', 'start');
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json.results.map((x) => x.success), [false, false, false], r.text);
  assert.equal(r.json.success, false);
  assert.match(r.json.results[1].error, /needs cmstack_db_1/);
  assert.match(r.json.results[2].error, /needs cmstack_api_1/);
  const page = await app.get((await app.post(`/stack/${name}/start`)).headers.location);
  assert.match(page.text, /container cmstack_api_1: Not started/);
  await docker('network', 'disconnect', '--force', 'cmstack-gone', id).catch(() => {});
  for (const n of ['db', 'api']) await docker('network', 'connect', '--alias', n, `${name}_back`, `${name}_${n}_1`);
  await compose('up', '-d', '--no-color');
  await docker('exec', `${name}_db_1`, 'touch', '/tmp/ready');
});

test('restart', async () => {
  const before = await Promise.all(['db', 'api', 'web'].map((n) => at(n, 'StartedAt')));
  const r = await api('POST', 'restart');
  assert.equal(r.json.success, true, r.text);
  assert.deepEqual(r.json.results.map((x) => x.text), ['restarted', 'restarted', 'restarted']);
  const now = await Promise.all(['db', 'api', 'web'].map((n) => at(n, 'StartedAt')));
  now.forEach((t, i) => assert.ok(t > before[i]));
});

test('delete asks, keeps the volumes unless told, and takes the networks along', async () => {
  const ask = await app.get(`/stack/${name}/delete`);
  for (const n of [`${name}_web_1`, `${name}_front`, `${name}_data`]) assert.ok(ask.text.includes(n), n);
  const anonymous = (await inspect(`${name}_db_1`)).Mounts.find((m) => m.Destination === '/scratch').Name;
  const r = await api('DELETE', 'delete');
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json.results.map((x) => `${x.kind} ${x.name}`).sort(),
    [`container ${name}_api_1`, `container ${name}_db_1`, `container ${name}_web_1`, `network ${name}_back`, `network ${name}_front`].sort());
  assert.deepEqual(await states(), []);
  assert.ok(await dockerOk('volume', 'inspect', `${name}_data`), 'its data stays');
  assert.ok(!await dockerOk('network', 'inspect', `${name}_front`));
  assert.equal((await api('GET', 'details')).status, 404);
  await docker('volume', 'rm', anonymous);
  await compose('up', '-d', '--no-color');
  await app.api('GET', '/api/stacks');
  const gone = await app.post(`/stack/${name}/delete`, { confirm: '1', delete_volumes: '1' });
  assert.equal(gone.headers.location, '/stacks', gone.text);
  assert.ok(!await dockerOk('volume', 'inspect', `${name}_data`), 'asked for, it goes');
  const log = (await app.api('GET', `/api/audit-logs?operation_type=stack_delete`)).json.logs;
  assert.deepEqual(log.map((l) => [l.container_name, l.status, l.user]), [[name, 'completed', 'admin'], [name, 'completed', 'admin']]);
});

test('a stack of a swarm: services, scaled to nothing and back, removed', async () => {
  await docker('swarm', 'init', '--advertise-addr', '127.0.0.1');
  const label = 'com.docker.stack.namespace=cmswarm';
  await docker('network', 'create', '--label', label, 'cmswarm_default');
  // Without IP_VS no virtual addresses: names answer with every task's own, ports are the host's.
  await docker('service', 'create', '--detach', '--name', 'cmswarm_web', '--label', label, '--container-label', label, '--no-resolve-image',
    '--endpoint-mode', 'dnsrr', '--replicas', '2', '--init', '--stop-grace-period', '1s', 'busybox:local', 'sleep', '1000000');
  await docker('service', 'create', '--detach', '--name', 'cmswarm_agent', '--label', label, '--container-label', label, '--no-resolve-image',
    '--endpoint-mode', 'dnsrr', '--mode', 'global', '--publish', 'published=18933,target=80,mode=host', '--init', 'busybox:local', 'sleep', '1000000');
  const details = async () => (await app.api('GET', '/api/stack/cmswarm/details')).json;
  const until = async (want) => {
    for (let i = 0; i < 100; i++) {
      const d = await details();
      if (d.state_text === want) return d;
      await sleep(200);
    }
    assert.fail(`not ${want}: ${JSON.stringify(await details())}`);
  };
  let d = await until('Running');
  assert.equal(d.type, 'swarm');
  assert.deepEqual(d.service_list.map((s) => [s.name, s.mode, s.running, s.replicas, s.ports_text]), [['agent', 'global', 1, 1, '18933 → 80'], ['web', 'replicated', 2, 2, null]]);
  assert.equal(d.containers.length, 3);
  let r = await app.api('POST', '/api/stack/cmswarm/stop');
  assert.deepEqual(r.json.results.map((x) => [x.name, x.success]), [['agent', false], ['web', true]]);
  assert.match(r.json.results[0].error, /global/);
  d = await until('Running'); // the global one alone is what is wanted now
  assert.deepEqual(d.service_list.map((s) => s.replicas), [1, 0]);
  r = await app.api('POST', '/api/stack/cmswarm/start');
  assert.equal(r.json.success, true, r.text);
  d = await until('Running');
  assert.deepEqual(d.service_list.map((s) => s.replicas), [1, 2], 'as many as before');
  r = await app.api('POST', '/api/stack/cmswarm/restart');
  assert.equal(r.json.success, true, r.text);
  const gone = await app.api('DELETE', '/api/stack/cmswarm/delete');
  assert.equal(gone.json.success, true, gone.text);
  assert.deepEqual(gone.json.results.map((x) => x.name), ['agent', 'web', 'cmswarm_default']);
  for (let i = 0; i < 50 && (await app.api('GET', '/api/stack/cmswarm/details')).status !== 404; i++) await sleep(200);
  assert.equal((await app.api('GET', '/api/stack/cmswarm/details')).status, 404);
});
