// SPDX-License-Identifier: GPL-3.0-or-later
// The disk died: another machine, with an engine that knows nothing of the container, and a program that was just
// installed and finds nothing but the backups.
import { test, assert, docker, inspect, startApp, removeAll, after, before } from '../tools/harness.mjs';
import { snapshot, normal, build, removeImages, until } from './restore_tools.mjs';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const p = `cmelse${process.pid}-`, name = `${p}shop`, other = `cmelse${process.pid}`;
const subnet = `10.${100 + (process.pid % 100)}.7`;
const sh = (what) => run('tests/tools/engine.sh', [what, other]);
const moved = mkdtempSync('/tmp/cmelse-');
let socket, folder;
// Docker's command on the other machine.
const there = (...args) => docker('-H', `unix://${socket}`, ...args);

before(async () => {
  await removeAll(p);
  await sh('start');
  folder = (await run('tests/tools/engine.sh', ['dir', other])).stdout.trim();
  socket = path.join(folder, 'run/docker.sock');
});
after(async () => {
  await removeAll(p);
  await removeImages();
  await sh('stop');
  rmSync(moved, { recursive: true, force: true });
});

// Where a volume lies is the engine's own matter.
const known = (o) => {
  const d = normal(o);
  for (const m of d.Mounts) delete m.Source;
  return d;
};

test('a backup is restored by another program on an engine that has nothing of it', async () => {
  await build(`${p}img`, 'FROM busybox:local\nENV FROM=image\nRUN echo image >/etc/of-image\nCMD ["sleep", "1000000"]');
  await docker('network', 'create', '--subnet', `${subnet}.0/24`, '--internal', '--label', 'of=the shop', `${p}net`);
  await docker('volume', 'create', '--label', 'keep=yes', `${p}data`);
  await docker('run', '-d', '--name', name, '--network', `${p}net`, '--ip', `${subnet}.9`, '-v', `${p}data:/data`, '-v', '/anon', '-e', 'QUOTED=a "b" $c',
    '--restart', 'unless-stopped', '--memory', '64m', `${p}img`, 'sh', '-c',
    'test -f /data/f || { echo one >/data/f; ln /data/f /data/hard; mkfifo /data/pipe; chown 7:8 /data/f; echo two >/anon/f; echo layer >/etc/of-layer; rm /etc/of-image; }; exec sleep 1000000');
  await until('its files', 20, () => docker('exec', name, 'test', '-f', '/etc/of-layer').then(() => true, () => false));
  const here = await startApp();
  const was = await inspect(name), data = await snapshot(`${p}data`), anon = await snapshot(was.Mounts.find((m) => m.Destination === '/anon').Name);
  const { file } = await here.backup(name);
  await here.stop();
  cpSync(path.join(here.dataDir, 'backups'), path.join(moved, 'backups'), { recursive: true });
  await run('chown', ['-R', '--reference', here.dataDir, moved]);
  assert.deepEqual(readdirSync(moved), ['backups']);
  assert.equal(await there('ps', '-aq'), '');
  assert.equal(await there('images', '-q'), '');

  const app = await startApp({ dataDir: moved, env: { DOCKER_HOST: `unix://${socket}` } });
  const listed = (await app.api('GET', '/api/backups')).json.backups;
  assert.deepEqual(listed.map((b) => b.filename), [file]);
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);

  const is = JSON.parse(await there('inspect', name))[0];
  assert.equal(is.State.Running, true);
  assert.deepEqual(known(is), known(was));
  const volume = (n) => path.join(folder, 'docker/volumes', n, '_data');
  assert.equal(await snapshot(volume(`${p}data`)), data);
  assert.equal(await snapshot(volume(is.Mounts.find((m) => m.Destination === '/anon').Name)), anon);
  assert.equal(await there('exec', name, 'cat', '/etc/of-layer'), 'layer');
  await assert.rejects(there('exec', name, 'cat', '/etc/of-image'));
  const net = JSON.parse(await there('network', 'inspect', `${p}net`))[0];
  assert.deepEqual([net.Internal, net.Labels, net.IPAM.Config[0].Subnet], [true, { of: 'the shop' }, `${subnet}.0/24`]);
  assert.deepEqual(JSON.parse(await there('volume', 'inspect', `${p}data`))[0].Labels, { keep: 'yes' });
  await app.stop();
});
