// SPDX-License-Identifier: GPL-3.0-or-later
// What people do to containers: start, stop and the like, one and several; delete with volumes and image; the list's filters.
import { test, assert, docker, dockerOk, engine, inspect, startApp, removeAll, after, before } from '../tools/harness.mjs';

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
