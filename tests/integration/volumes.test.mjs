// SPDX-License-Identifier: GPL-3.0-or-later
// Volumes of a real engine: the list with users and sizes, making and removing.
import { test, assert, docker, engine, startApp, removeAll, after, before, sleep } from '../tools/harness.mjs';

const p = 'cmvol-';
const app = await startApp();
const there = (name) => engine('GET', `/volumes/${p}${name}`).then(Boolean);
const list = async (query = '') => {
  const r = await app.api('GET', `/api/volumes${query}`);
  assert.equal(r.status, 200, r.text);
  return r.json.volumes.filter((v) => v.name.startsWith(p));
};

before(async () => {
  await removeAll(p);
  await docker('volume', 'create', '--label', 'com.docker.compose.project=cmvolstack', '--label', 'x=<b>&"', `${p}used`);
  await docker('volume', 'create', `${p}free`);
  await docker('volume', 'create', '--label', 'container-monkey.drill=x', `${p}drill`);
  await docker('run', '-d', '--name', `${p}web`, '-v', `${p}used:/data`, 'busybox:local', 'sleep', '1000000');
  await docker('exec', `${p}web`, 'sh', '-c', 'head -c 3000000 /dev/zero > /data/big');
});
after(() => removeAll(p));

test('the list says who uses what, how much it is, and leaves out what is ours', async () => {
  const all = await list();
  assert.deepEqual(all.map((v) => v.name).sort(), [`${p}free`, `${p}used`]);
  const used = all.find((v) => v.name === `${p}used`);
  assert.deepEqual(used.containers, [`${p}web`]);
  assert.equal(used.in_use, true);
  assert.equal(used.is_self, false);
  assert.equal(used.stack, 'cmvolstack');
  assert.equal(used.driver, 'local');
  assert.equal(used.labels.x, '<b>&"');
  assert.match(used.mountpoint, /cmvol-used\/_data$/);
  assert.match(used.created, /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(used.options, {});
  assert.equal((await list('?own=1')).find((v) => v.name === `${p}drill`).is_self, true);
  assert.deepEqual((await list('?state=unused')).map((v) => v.name), [`${p}free`]);
  assert.deepEqual((await list('?stack=cmvolstack')).map((v) => v.name), [`${p}used`]);
  assert.deepEqual((await list(`?q=${p}web`)).map((v) => v.name), [`${p}used`]);
  assert.deepEqual((await list('?sort=-used')).map((v) => v.name), [`${p}used`, `${p}free`]);
  assert.equal((await app.api('GET', '/api/volumes?sort=nonsense')).status, 400);
});

test('sizes are counted in the background', async () => {
  let used;
  for (let i = 0; i < 100 && !(used?.size_bytes >= 3000000); i++, await sleep(100)) used = (await list()).find((v) => v.name === `${p}used`);
  assert.ok(used.size_bytes >= 3000000, JSON.stringify(used));
  assert.equal(used.size, '2.9 MB');
  const page = (await app.get('/volumes')).text;
  assert.match(page, /2\.9 MB/);
  assert.match(page, /counted <time/);
});

test('a volume is made, with options and labels, once', async () => {
  const made = await app.api('POST', '/api/volume', { name: `${p}made`, labels: { a: 'b=c' }, options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } });
  assert.equal(made.status, 201, made.text);
  const v = await engine('GET', `/volumes/${p}made`);
  assert.deepEqual(v.Labels, { a: 'b=c' });
  assert.deepEqual(v.Options, { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' });
  const again = await app.api('POST', '/api/volume', { name: `${p}made` });
  assert.equal(again.status, 409);
  assert.match(again.json.error, /exists already/);
  for (const bad of [{}, { name: '../x' }, { name: '-x' }, { name: `${p}y`, labels: { a: 1 } }, { name: `${p}y`, labels: [] }])
    assert.equal((await app.api('POST', '/api/volume', bad)).status, 400, JSON.stringify(bad));
  assert.equal(await there('y'), false);
  const form = await app.post('/volumes/new', { name: `${p}form`, driver: 'local', labels: 'a=1\r\nb=x=y\r\n' });
  assert.equal(form.status, 303);
  assert.equal(form.headers.location, '/volumes');
  assert.deepEqual((await engine('GET', `/volumes/${p}form`)).Labels, { a: '1', b: 'x=y' });
  const wrong = await app.post('/volumes/new', { name: `${p}wrong`, labels: 'nonsense' });
  assert.equal(wrong.status, 422);
  assert.match(wrong.text, /value="cmvol-wrong"/);
  assert.match(wrong.text, /name=value/);
});

test('what is used stays; what is ours is not touched', async () => {
  const used = await app.api('DELETE', `/api/volume/${p}used/delete`);
  assert.equal(used.status, 400);
  assert.equal(used.json.in_use, true);
  assert.match(used.json.error, /cmvol-used is in use by cmvol-web/);
  assert.equal(used.json.message, used.json.error);
  assert.equal((await app.api('DELETE', `/api/volume/${p}drill/delete`)).status, 422);
  assert.equal((await app.api('DELETE', `/api/volume/${p}none/delete`)).status, 404);
  assert.equal((await app.api('DELETE', '/api/volume/a%20b/delete')).status, 400);
  assert.equal((await app.get(`/volume/${p}none/delete`)).status, 404);
  assert.equal(await there('used') && await there('drill'), true);
  assert.equal(await there('none'), false);
});

test('several at once, each with its own result; the page asks first', async () => {
  const ask = await app.post('/volumes/delete', { names: [`${p}form`, `${p}used`, `${p}gone`] });
  assert.equal(ask.status, 200);
  assert.match(ask.text, /Delete 1 volume/);
  assert.match(ask.text, /cmvol-used is used by cmvol-web and stays/);
  assert.match(ask.text, /cmvol-gone is gone already/);
  assert.equal(await there('form'), true);
  const done = await app.post('/volumes/delete', { names: [`${p}form`], confirm: '1' });
  assert.equal(done.status, 303);
  assert.equal(await there('form'), false);
  const r = await app.api('POST', '/api/volumes/delete', { names: [`${p}made`, `${p}used`, `${p}drill`] });
  assert.equal(r.status, 200);
  assert.equal(r.json.success, true);
  assert.equal(r.json.deleted_count, 1);
  assert.deepEqual(r.json.in_use_volumes, [`${p}used`]);
  assert.equal(r.json.errors.length, 2);
  assert.equal(r.json.message, 'Deleted 1 volume(s). 1 volume(s) are in use and were not deleted.');
  assert.equal(await there('made'), false);
  const bad = await app.api('POST', '/api/volumes/delete', { names: 'x' });
  assert.equal(bad.status, 400);
  assert.equal(bad.json.error, 'Volume names must be a list');
  const logs = (await app.api('GET', '/api/audit-logs?operation_type=volume_delete')).json.logs;
  assert.ok(logs.some((l) => l.status === 'completed' && l.details?.volume === `${p}made`), JSON.stringify(logs[0]));
  assert.ok(logs.some((l) => l.status === 'error' && l.details?.volume === `${p}used`));
});

test('all that nobody uses, after a page that names them', async () => {
  const ask = await app.get('/volumes/prune');
  assert.equal(ask.status, 200);
  assert.match(ask.text, /cmvol-free/);
  assert.doesNotMatch(ask.text, /cmvol-used|cmvol-drill/);
  const r = await app.api('POST', '/api/volumes/prune');
  assert.equal(r.status, 200, r.text);
  assert.ok(r.json.deleted_volumes.includes(`${p}free`));
  assert.equal(await there('free'), false);
  assert.equal(await there('used') && await there('drill'), true);
});

test('an engine that is away is said, on a page that comes', async () => {
  const away = await startApp({ env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
  const page = await away.get('/volumes');
  assert.equal(page.status, 200);
  assert.match(page.text, /The volumes cannot be shown/);
  assert.equal((await away.api('GET', '/api/volumes')).status, 503);
});
