// SPDX-License-Identifier: GPL-3.0-or-later
// What is ours on the engine: the container the program runs in with its image and volume, helpers, and what restores
// and drills make for a while. Lists leave it out, and nothing of it is stopped or deleted. The program finds its
// container by the host name, which Docker makes from the id: here it gets that name in a namespace of its own.
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, assert, docker, dockerOk, startApp, removeAll, after, build, inspect } from '../tools/harness.mjs';

const p = 'cmown-';
const scratch = `cm-restore-${p}1-1`;
const label = (word, value = '1') => ['-l', `container-monkey.${word}=${value}`];

const clean = async () => {
  await removeAll(p);
  await docker('volume', 'rm', '-f', scratch).catch(() => {});
  await docker('rmi', '-f', `${p}image:1`).catch(() => {});
};

await clean();
await docker('create', '--name', `${p}base`, 'busybox:local', 'true');
await docker('commit', `${p}base`, `${p}image:1`);
await docker('rm', `${p}base`);
const id = await docker('run', '-d', '--name', `${p}self`, '-v', `${p}vault:/backups`, `${p}image:1`, 'sleep', '100000');
await docker('run', '-d', '--name', `${p}helper`, ...label('helper'), 'busybox:local', 'sleep', '100000');
await docker('run', '-d', '--name', `${p}drill`, ...label('drill', 'x'), 'busybox:local', 'sleep', '100000');
await docker('run', '-d', '--name', `${p}theirs`, '-v', `${p}theirs:/data`, 'busybox:local', 'sleep', '100000');
await docker('volume', 'create', '--label', 'container-monkey.restore=x', scratch);
await docker('volume', 'create', '--label', 'container-monkey.restore=x', `${p}theirs_before_20260101`);
await docker('volume', 'create', '--label', 'container-monkey.drill=x', `${p}drilled`);
const folder = mkdtempSync(path.join(tmpdir(), 'cm-own-'));
const start = path.join(folder, 'start');
writeFileSync(start, '#!/bin/sh\nexec unshare --uts sh -c \'printf %s "$OWN_NAME" >/proc/sys/kernel/hostname && exec "$OWN_PROGRAM"\'\n', { mode: 0o755 });
const app = await startApp({ binary: start, env: { OWN_NAME: id.slice(0, 12), OWN_PROGRAM: process.env.CM_BINARY ?? path.join(build, 'container-monkey') } });
after(async () => {
  await clean();
  rmSync(folder, { recursive: true });
});

test('containers: helpers and drills are in no list, our own is marked; none is touched', async () => {
  const { containers } = (await app.api('GET', `/api/containers?q=${p}`)).json;
  assert.deepEqual(containers.map((c) => [c.name, c.is_self]).sort(), [[`${p}self`, true], [`${p}theirs`, false]]);
  const page = await app.get('/containers');
  assert.ok(page.text.includes(`${p}theirs`));
  for (const name of ['helper', 'drill']) assert.ok(!page.text.includes(p + name), name);
  for (const name of ['self', 'helper', 'drill']) {
    for (const [method, what] of [['POST', 'stop'], ['POST', 'kill'], ['POST', 'pause'], ['DELETE', 'delete?delete_volumes=true']]) {
      const r = await app.api(method, `/api/container/${p}${name}/${what}`, method === 'POST' ? {} : undefined);
      assert.equal(r.status, 422, `${what} ${name}: ${r.text}`);
      assert.match(r.json.error, /this program's own/);
    }
    assert.equal((await inspect(p + name)).State.Status, 'running', name);
  }
  const ids = await Promise.all(['self', 'helper', 'drill'].map(async (n) => (await inspect(p + n)).Id.slice(0, 12)));
  const bulk = await app.api('POST', '/api/containers/stop', { container: ids });
  assert.equal(bulk.json.success, false, bulk.text);
  assert.equal(bulk.json.results.filter((r) => r.success).length, 0, bulk.text);
  for (const name of ['self', 'helper', 'drill']) assert.equal((await inspect(p + name)).State.Status, 'running', name);
});

test('volumes: ours are listed only when asked for, and cannot be deleted', async () => {
  const ours = [`${p}vault`, scratch, `${p}drilled`];
  const names = async (query) => (await app.api('GET', `/api/volumes?${query}limit=1000`)).json.volumes.map((v) => v.name);
  const shown = await names('');
  for (const name of ours) assert.ok(!shown.includes(name), name);
  assert.ok(shown.includes(`${p}theirs`));
  assert.ok(shown.includes(`${p}theirs_before_20260101`), 'what a restore kept for the user is theirs');
  const all = await names('own=1&');
  for (const name of ours) assert.ok(all.includes(name), name);
  const prune = await app.get('/volumes/prune');
  for (const name of ours) {
    assert.ok(!prune.text.includes(`value="${name}"`), name);
    const r = await app.api('DELETE', `/api/volume/${name}/delete`);
    assert.ok([400, 422].includes(r.status), r.text);
  }
  const bulk = await app.api('POST', '/api/volumes/delete', { names: ours });
  assert.equal(bulk.json.deleted_count, 0, bulk.text);
  for (const name of ours) assert.ok(await dockerOk('volume', 'inspect', name), name);
});

test('images: that of the program and that of its helpers', async () => {
  await app.api('GET', '/api/check-environment'); // makes the helper's image
  const names = async (query) => (await app.api('GET', `/api/images?${query}limit=1000`)).json.images.map((i) => i.name);
  const shown = await names(''), all = await names('own=1&');
  const ours = all.filter((n) => n.startsWith('container-monkey-helper:') || n === `${p}image:1`);
  assert.equal(ours.length, 2, all.join(' '));
  assert.ok(shown.includes('busybox:local'));
  for (const name of ours) {
    assert.ok(!shown.includes(name), name);
    const r = await app.api('DELETE', `/api/image/${encodeURIComponent(name)}/delete`);
    assert.equal(r.status, 422, r.text);
    assert.ok(await dockerOk('image', 'inspect', name), name);
  }
});

test('the dashboard counts what the lists show, and nothing of ours', async () => {
  const n = (await app.api('GET', '/api/dashboard-stats')).json;
  const list = async (what) => (await app.api('GET', `/api/${what}?limit=1000`)).json[what];
  const count = (rows, key) => new Set(rows.map((r) => r[key])).size;
  assert.equal(n.volumes_qty, count(await list('volumes'), 'name'));
  assert.equal(n.images_qty, count(await list('images'), 'full_id'));
  assert.equal(n.networks_qty, count(await list('networks'), 'full_id'));
  assert.equal(n.containers_qty, (await list('containers')).filter((c) => !c.is_self).length);
});
