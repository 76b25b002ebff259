// SPDX-License-Identifier: GPL-3.0-or-later
// What people do to containers: start, stop and the like, one and several; delete with volumes and image; the list's filters.
import { test, assert, docker, dockerOk, engine, inspect, startApp, removeAll, after, before } from '../tools/harness.mjs';

import { personOf } from '../security/rig.mjs';

const p = 'cmact-';
const app = await startApp();
const run = (name, ...more) => docker('run', '-d', '--name', p + name, ...more, 'busybox:local', 'sleep', '1000000');
const state = async (name) => (await inspect(p + name)).State.Status;
const names = (list) => list.map((n) => p + n);
const bulk = (action, list, more = {}) => app.api('POST', `/api/containers/${action}`, { container: names(list), ...more });
const listed = async (query) => (await app.api('GET', `/api/containers?q=${p}&${query}`)).json.containers.map((c) => c.name.slice(p.length)).sort();

before(async () => {
  await removeAll(p);
  await docker('network', 'create', `${p}net`);
  await docker('tag', 'busybox:local', `${p}image:one`);
  await Promise.all([
    run('one', '--init', '-v', `${p}vol:/data`, '-v', `${p}shared:/shared`),
    run('two', '--init', '--network', `${p}net`, '-v', `${p}shared:/shared`),
    run('three', '--init', '-p', '127.0.0.1::80'),
  ]);
});
after(async () => {
  await removeAll(p);
  await docker('rmi', `${p}image:one`).catch(() => {});
});

test('several: each has its own result, in every state', async () => {
  let r = await bulk('pause', ['one', 'two', 'no-such']);
  assert.equal(r.status, 200);
  assert.deepEqual([r.json.success, r.json.done_count, r.json.message], [true, 2, '2 containers paused, 1 failed']);
  assert.deepEqual(r.json.results.map((x) => [x.name, x.success, x.code]),
    [[`${p}one`, true, null], [`${p}two`, true, null], [`${p}no-such`, false, 'NOT_FOUND']]);
  assert.equal(await state('one'), 'paused');
  r = await bulk('start', ['one']);
  assert.deepEqual([r.json.success, r.json.results[0].code], [false, 'BUSY']);
  assert.equal(r.json.results[0].error, `${p}one is paused: resume it first.`);
  assert.equal((await bulk('resume', ['one', 'two'])).json.done_count, 2);
  assert.equal(await state('two'), 'running');
  assert.equal((await bulk('kill', ['one'])).json.done_count, 1);
  assert.equal(await state('one'), 'exited');
  r = await bulk('kill', ['one']);
  assert.equal(r.json.errors[0], `${p}one is not running, so it cannot be killed.`);
  assert.equal((await bulk('stop', ['one'])).json.done_count, 1, 'what is stopped already is stopped');
  assert.equal((await bulk('start', ['one', 'two'])).json.done_count, 2);
  const before = (await inspect(`${p}two`)).State.StartedAt;
  assert.equal((await bulk('restart', ['two'])).json.done_count, 1);
  assert.notEqual((await inspect(`${p}two`)).State.StartedAt, before);
  assert.equal((await app.api('POST', '/api/containers/stop', {})).status, 400);
  const audit = (await app.api('GET', `/api/audit-logs?search=${p}one`)).json.logs;
  assert.ok(audit.some((l) => l.operation_type === 'container_kill' && l.status === 'completed' && l.user === 'admin'));
  assert.ok(audit.some((l) => l.operation_type === 'container_kill' && l.status === 'error'));
});

test('without JavaScript the page says what worked and what did not, and comes back where it was', async () => {
  const r = await app.post('/containers/kill', { container: names(['one', 'no-such']), back: `/containers?q=${p}` });
  assert.equal(r.status, 303);
  assert.equal(r.headers.location, `/containers?q=${p}`);
  await docker('start', `${p}one`);
  const foreign = await app.post('/containers/start', { container: names(['one']), back: '//elsewhere.example/container' });
  assert.equal(foreign.headers.location, '/containers');
});

test('the list by network, image, state, stack; addresses and what each row allows', async () => {
  assert.deepEqual(await listed(`network=${p}net`), ['two']);
  assert.deepEqual(await listed('image=busybox:local'), ['one', 'three', 'two']);
  assert.deepEqual(await listed('image=busybox'), []);
  await bulk('pause', ['three']); // what we change shows at once
  assert.deepEqual(await listed('state=paused'), ['three']);
  const row = (await app.api('GET', `/api/containers?q=${p}two`)).json.containers[0];
  const { IPAddress } = (await inspect(`${p}two`)).NetworkSettings.Networks[`${p}net`];
  assert.equal(row.address, IPAddress);
  assert.equal(row.addresses_text, `${IPAddress} in ${p}net`);
  assert.equal(row.can, 'backup stop restart kill pause delete');
  const page = (await app.get(`/containers?network=${p}net`)).text;
  assert.match(page, new RegExp(`Not only of Network ${p}net`));
  await bulk('resume', ['three']);
});

test('delete of one: asks first, names what goes with it; a volume in use stays', async () => {
  const { Id } = await inspect(`${p}one`);
  const ask = (await app.get(`/container/${Id}/delete`)).text;
  assert.match(ask, new RegExp(`Delete its volumes too: ${p}vol<`));
  assert.match(ask, /Its image busybox:local is also used by/);
  const r = await app.api('DELETE', `/api/container/${p}one/delete?delete_volumes=true&delete_image=true`);
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json.deleted_volumes, [`${p}vol`]);
  assert.deepEqual(r.json.kept_volumes, [`${p}shared`]);
  assert.equal(r.json.kept_image, 'busybox:local');
  assert.equal(await dockerOk('volume', 'inspect', `${p}vol`), false);
  assert.equal((await app.api('DELETE', `/api/container/${p}one/delete`)).status, 404);
});

test('delete of several: a page lists them; volumes and images by choice', async () => {
  await docker('run', '-d', '--name', `${p}four`, '--init', '-v', `${p}four:/data`, `${p}image:one`, 'sleep', '1000000');
  const ask = await app.post('/containers/delete', { container: names(['two', 'four', 'no-such']) });
  assert.equal(ask.status, 200);
  assert.match(ask.text, /Delete 2 containers\?/);
  assert.match(ask.text, new RegExp(`${p}no-such is gone already`));
  assert.match(ask.text, new RegExp(`${p}four has no backup`));
  assert.equal(await state('four'), 'running', 'asking deletes nothing');
  assert.equal((await app.post('/containers/delete', {})).status, 303);
  const r = await bulk('delete', ['two', 'four'], { delete_volumes: true, delete_image: true });
  assert.equal(r.json.done_count, 2, r.text);
  assert.deepEqual(r.json.deleted_volumes.sort(), [`${p}four`, `${p}shared`]);
  assert.equal(await engine('GET', `/containers/${p}two/json`), null);
  assert.ok(await dockerOk('image', 'inspect', 'busybox:local'), 'another container uses this image');
});

const box = `${p}box`;
const details = async (who = app) => (await who.api('GET', `/api/container/${box}/details`)).json;
const secret = 'never-to-be-seen-8812', plain = 'plain-value-5521', user = `${p}user`;

test('details: everything it is, secrets masked; the role decides what of the environment is seen', async () => {
  await docker('run', '-d', '--name', box, '--init', '-e', `DB_PASSWORD=${secret}`, '-e', `COLOUR=${plain}`, '--label', `api.token=${secret}`,
    '--label', 'tier=front', '-v', `${p}boxvol:/data`, '-v', '/tmp:/host:ro', '--network', `${p}net`, '-p', '127.0.0.1::8080', '--memory', '64m',
    '--restart', 'unless-stopped', '--cap-add', 'NET_ADMIN', '--health-cmd', 'echo all is well', '--health-interval', '1s', 'busybox:local', 'sleep', '1000000');
  const i = await inspect(box);
  const d = await details();
  for (const key of ['id', 'name', 'image', 'image_id', 'created', 'started', 'status', 'config', 'host_config', 'mounts', 'network_settings'])
    assert.ok(key in d, key);
  assert.deepEqual([d.name, d.status, d.image, d.image_id], [box, 'running', 'busybox:local', i.Image]);
  assert.deepEqual(d.config.cmd, ['sleep', '1000000']);
  assert.ok(d.config.env.includes('DB_PASSWORD=***') && d.config.env.includes(`COLOUR=${plain}`));
  assert.equal(d.config.labels['api.token'], '***');
  assert.deepEqual(d.host_config.cap_add, i.HostConfig.CapAdd);
  assert.equal(d.host_config.restart_policy.Name, 'unless-stopped');
  assert.equal(d.mounts.length, 2);
  assert.ok(d.network_settings.Networks[`${p}net`]);
  assert.deepEqual(d.limits.filter((t) => /Memory|Restarts/.test(t.term)).map((t) => t.text), ['64.0 MB', 'unless stopped by hand']);
  assert.equal((await app.api('GET', `/api/container/${p}no-such/details`)).status, 404);
  assert.equal((await app.get(`/container/${p}no-such`)).status, 404);
  for (const path of [`/container/${box}`, `/container/${box}/inspect`, `/api/container/${box}/details`, `/api/container/${box}/inspect`])
    assert.doesNotMatch((await app.get(path)).text, new RegExp(secret), path);
});

test('the environment with its secrets: admins, by a form, and the audit says so', async () => {
  const page = await app.post(`/container/${box}/environment`);
  assert.equal(page.status, 200);
  assert.match(page.text, new RegExp(secret));
  const r = await app.api('POST', `/api/container/${box}/environment`);
  assert.equal(r.json.env.find((v) => v.name === 'DB_PASSWORD').value, secret);
  const audit = (await app.api('GET', `/api/audit-logs?search=${box}`)).json.logs.filter((l) => l.operation_type === 'container_reveal');
  assert.equal(audit.length, 2);
  assert.doesNotMatch(JSON.stringify(audit), new RegExp(secret));
});

test('processes, changed files, the engine’s own description', async () => {
  await docker('exec', box, 'sh', '-c', 'echo x > /etc/new-file; rm /bin/yes; chmod 755 /tmp');
  const top = (await app.api('GET', `/api/container/${box}/top`)).json;
  assert.ok(top.processes.some((row) => row[top.titles.length - 1] === 'sleep 1000000'), JSON.stringify(top));
  const { changes, total } = (await app.api('GET', `/api/container/${box}/changes`)).json;
  const of = (path) => changes.find((c) => c.path === path)?.kind;
  assert.deepEqual([of('/etc/new-file'), of('/bin/yes'), of('/tmp')], ['added', 'deleted', 'changed']);
  assert.equal(total, changes.length);
  const narrow = (await app.api('GET', `/api/container/${box}/changes?kind=deleted&q=YES`)).json;
  assert.deepEqual(narrow.changes.map((c) => c.path), ['/bin/yes']);
  assert.match((await app.get(`/container/${box}/changes`)).text, /new-file/);
  const raw = (await app.api('GET', `/api/container/${box}/inspect`)).json;
  assert.equal(raw.Id, (await inspect(box)).Id);
  assert.ok(raw.Config.Env.every((e) => e.endsWith('=***')));
  assert.match((await app.get(`/container/${box}/inspect`)).text, /&quot;HostConfig&quot;|"HostConfig"/);
  await bulk('stop', ['box']);
  assert.equal((await app.api('GET', `/api/container/${box}/top`)).status, 409);
  const page = await app.get(`/container/${box}/top`);
  assert.equal(page.status, 200);
  assert.match(page.text, /not running, so it has no processes/);
  await bulk('start', ['box']);
});

test('limits and restart policy change at once; what cannot be says why and keeps what was typed', async () => {
  const started = (await inspect(box)).State.StartedAt;
  let r = await app.api('POST', `/api/container/${box}/update`, { memory: '96m', cpus: 0.5, restart_policy: 'on-failure', max_retries: 3 });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json.changed, ['memory', 'cpus', 'restart_policy']);
  let i = await inspect(box);
  assert.deepEqual([i.HostConfig.Memory, i.HostConfig.NanoCpus, i.HostConfig.RestartPolicy], [96 << 20, 5e8, { Name: 'on-failure', MaximumRetryCount: 3 }]);
  assert.equal(i.State.StartedAt, started, 'it was not restarted');
  r = await app.api('POST', `/api/container/${box}/update`, { restart_policy: 'always' });
  assert.deepEqual(r.json.changed, ['restart_policy'], 'what is not named stays');
  r = await app.post(`/container/${box}/update`, { memory: '96m', cpus: '0.5', pids_limit: '', restart_policy: 'no', max_retries: '' });
  assert.deepEqual([r.status, r.headers.location], [303, `/container/${box}`]);
  i = await inspect(box);
  assert.deepEqual([i.HostConfig.Memory, i.HostConfig.RestartPolicy.Name], [96 << 20, 'no']);
  r = await app.post(`/container/${box}/update`, { memory: 'much', cpus: '0.25', restart_policy: 'no' });
  assert.equal(r.status, 400);
  assert.match(r.text, /value="much"/);
  assert.match(r.text, /value="0.25"/);
  assert.equal((await app.api('POST', `/api/container/${box}/update`, { memory: 0 })).status, 422);
  assert.equal((await app.api('POST', `/api/container/${box}/update`, { cpus: 'many' })).status, 400);
  assert.equal((await inspect(box)).HostConfig.NanoCpus, 5e8);
});

test('rename; a taken name is 409 and nothing changes', async () => {
  assert.equal((await app.api('POST', `/api/container/${box}/rename`, { name: `${p}three` })).status, 409);
  assert.equal((await app.api('POST', `/api/container/${box}/rename`, { name: '../x' })).status, 400);
  const page = await app.post(`/container/${box}/rename`, { new_name: `${p}three` });
  assert.equal(page.status, 409);
  assert.match(page.text, new RegExp(`value="${p}three"`));
  const { Id } = await inspect(box);
  const r = await app.api('POST', `/api/container/${box}/rename`, { name: `${p}crate` });
  assert.deepEqual([r.status, r.json.name, r.json.old_name, r.json.id], [200, `${p}crate`, box, Id]);
  assert.equal((await inspect(`${p}crate`)).Id, Id);
  assert.equal((await app.api('POST', `/api/container/${p}crate/rename`, { name: `${p}crate` })).status, 200);
});

test('a viewer sees no value of the environment, and changes nothing', async () => {
  const viewer = await personOf(app, 'viewer', user);
  const d = (await viewer.api('GET', `/api/container/${p}crate/details`)).json;
  assert.ok(d.config.env.length > 1 && d.config.env.every((e) => e.endsWith('=***')));
  const page = (await viewer.get(`/container/${p}crate`)).text;
  assert.doesNotMatch(page, new RegExp(`${secret}|${plain}|formaction`));
  for (const what of ['environment', 'update', 'rename'])
    assert.equal((await viewer.api('POST', `/api/container/${p}crate/${what}`, {})).status, 403, what);
  assert.equal((await viewer.api('GET', `/api/container/${p}crate/inspect`)).status, 403);
  assert.equal((await viewer.api('GET', `/api/container/${p}crate/top`)).status, 403);
});

test('an engine that is away: the pages say so', async () => {
  const away = await startApp({ env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
  assert.equal((await away.get('/containers')).status, 200);
  assert.equal((await away.get('/container/x')).status, 503);
  assert.equal((await away.api('POST', '/api/containers/stop', { container: ['x'] })).json.results[0].code, 'UNREACHABLE');
});
