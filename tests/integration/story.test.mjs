// SPDX-License-Identifier: GPL-3.0-or-later
// The main job by API: back up a real container, lose it with its volumes, networks and image, restore it.
import { test, assert, docker, inspect, startApp, removeAll, after, before, sleep } from '../tools/harness.mjs';

const p = 'cmstory-';
const app = await startApp();
let first;
let file;

before(async () => {
  await removeAll(p);
  await docker('network', 'create', '--subnet', '10.213.7.0/24', '--label', 'team=a b', `${p}net`);
  await docker('run', '-d', '--name', `${p}web`, '--network', `${p}net`, '--ip', '10.213.7.9', '--network-alias', 'www',
    '-v', `${p}data:/data`, '-v', '/anon', '-e', 'QUOTED=a "b" $c', '-l', 'who=the operator', '--restart', 'on-failure:3',
    '--memory', '64m', '-p', '127.0.0.1::8080', '--hostname', 'web-host', 'busybox:local', 'sh', '-c',
    'echo one > /data/file; echo two > /anon/file; echo three > /etc/changed; exec sleep 1000000');
  await sleep(500);
});
after(() => removeAll(p));

test('the containers list shows it, running and not yet protected', async () => {
  const r = await app.api('GET', '/api/containers');
  assert.equal(r.status, 200);
  const c = r.json.containers.find((x) => x.name === `${p}web`);
  assert.equal(c.status, 'running');
  assert.match(c.id, /^[0-9a-f]{12}$/);
  assert.equal(c.image, 'busybox:local');
  assert.deepEqual(c.networks, [`${p}net`]);
});

test('a backup completes, verified, and the vault lists it', async () => {
  first = await inspect(`${p}web`);
  const done = await app.backup(`${p}web`);
  file = done.file;
  assert.match(file, new RegExp(`^${p}web_\\d{8}_\\d{6}-[0-9a-f]{6}\\.tar\\.gz$`));
  assert.equal(done.progress.status, 'complete');
  assert.equal(done.progress.progress, 100);
  const r = await app.api('GET', '/api/backups');
  const b = r.json.backups.find((x) => x.filename === file);
  assert.equal(b.backup_type, 'manual');
  assert.equal(b.storage_location, 'local');
  assert.equal(b.type, 'container');
  assert.ok(b.size > 0);
  assert.ok(b.verified_at, JSON.stringify(b));
});

test('the container runs on, and no helper is left', async () => {
  assert.equal((await inspect(`${p}web`)).State.StartedAt, first.State.StartedAt);
  assert.equal(await docker('ps', '-aq', '--filter', 'label=container-monkey.helper'), '');
});

test('the preview names what is in it and hides secrets', async () => {
  const r = await app.api('GET', `/api/backup/${file}/preview`);
  assert.equal(r.status, 200);
  assert.equal(r.json.container_name, `${p}web`);
  assert.equal(r.json.image_backed_up, true);
  assert.equal(r.json.volumes.length, 2);
});

test('restoring over the living one is refused with findings', async () => {
  const r = await app.restore(file);
  assert.equal(r.status, 409);
  assert.ok(r.json.error);
});

test('after losing container, volumes and network, restore brings everything back, running', async () => {
  await docker('rm', '-f', '-v', `${p}web`);
  await docker('volume', 'rm', `${p}data`);
  await docker('network', 'rm', `${p}net`);
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.success, true);
  assert.equal(r.json.container_name, `${p}web`);
  const now = await inspect(`${p}web`);
  assert.equal(now.State.Running, true);
  assert.equal(await docker('exec', `${p}web`, 'cat', '/data/file', '/anon/file', '/etc/changed'), 'one\ntwo\nthree');
  assert.deepEqual(now.Config.Env, first.Config.Env);
  assert.deepEqual(now.Config.Labels, first.Config.Labels);
  assert.deepEqual(now.HostConfig.RestartPolicy, first.HostConfig.RestartPolicy);
  assert.equal(now.HostConfig.Memory, first.HostConfig.Memory);
  assert.equal(now.Config.Hostname, 'web-host');
  assert.equal(now.NetworkSettings.Networks[`${p}net`].IPAMConfig.IPv4Address, '10.213.7.9');
  const net = (await inspect(`${p}net`));
  assert.deepEqual(net.Labels, { team: 'a b' });
});

test('the audit tells the story', async () => {
  const r = await app.api('GET', '/api/audit-logs?search=cmstory-web');
  const seen = r.json.logs.map((l) => `${l.operation_type} ${l.status}`);
  for (const want of ['backup_manual started', 'backup_manual completed', 'restore started', 'restore completed'])
    assert.ok(seen.includes(want), `${want} in ${seen}`);
});

test('a download is the file, whole and in ranges', async () => {
  const whole = await app.download(`/api/download/${file}`);
  assert.equal(whole.status, 200);
  assert.equal(Number(whole.headers['content-length']), whole.buffer.length);
  const part = await app.download(`/api/download/${file}`, { range: 'bytes=10-19' });
  assert.equal(part.status, 206);
  assert.deepEqual(part.buffer, whole.buffer.subarray(10, 20));
});

test('deleting the backup removes archive and companion', async () => {
  const r = await app.api('DELETE', `/api/backup/${file}`);
  assert.equal(r.status, 200);
  const list = await app.api('GET', '/api/backups');
  assert.ok(!list.json.backups.some((b) => b.filename === file));
  assert.equal((await app.api('DELETE', `/api/backup/${file}`)).status, 404);
});
