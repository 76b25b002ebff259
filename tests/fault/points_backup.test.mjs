// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 of the whole program at every point of a backup and of the queue: afterwards the container is as it was,
// nothing half done is left, the interrupted backup and the one behind it complete by themselves.
import { test, assert, docker, removeAll, before, after } from '../tools/harness.mjs';
import { Program, pointsOf, container, snapshot, volumeDir } from './rig.mjs';
import { randomBytes } from 'node:crypto';
import { openSync, writeSync, closeSync, rmSync } from 'node:fs';

const p = `cmfaultb${process.pid}-`;
const name = `${p}web`;
const program = new Program();
const points = pointsOf('points').filter((n) => !/^(restore|undo)_/.test(n));
let dir;
let was;

async function state() {
  const c = await container(name);
  return { id: c.Id, name: c.Name, running: c.State.Running, paused: c.State.Paused, data: snapshot(dir, { inodes: true }) };
}

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', name, '--restart', 'unless-stopped', '--stop-timeout', '2', '-v', `${p}data:/data`, 'busybox:local', 'sh', '-c',
    'trap "exit 0" TERM; while :; do sleep 0.1; done');
  await docker('create', '--name', `${p}next`, 'busybox:local', 'true');
  dir = await volumeDir(`${p}data`);
  await docker('exec', name, 'sh', '-c', 'mkdir /data/sub; echo one >/data/sub/one; ln -s sub/one /data/link');
  was = await state();
});
after(() => removeAll(p));

function large() {
  const fd = openSync(`${dir}/large`, 'w');
  const piece = randomBytes(1 << 20);
  for (let i = 0; i < 256; i++) writeSync(fd, piece);
  closeSync(fd);
}

function options(point) {
  const o = { exec_pre: 'touch /data/sub/one.lock', exec_post: 'rm -f /data/sub/one.lock' };
  if (/pause/.test(point)) return { ...o, consistency: 'pause' };
  if (/image_piece|parts_piece|finished|committed/.test(point)) return { consistency: 'live' };
  return { ...o, consistency: 'stop' };
}

for (const point of points) {
  test(`killed at ${point}`, async () => {
    const first = point === 'runner_recovered' ? 'backup_held' : point;
    // Pieces of the data are only told of when it takes a while.
    if (point === 'backup_parts_piece') large();
    await program.start(first);
    const job = await program.backup(name, options(point));
    const next = await program.backup(`${p}next`);
    await program.killedAt(first);
    rmSync(`${dir}/large`, { force: true });
    if (first !== point) {
      await program.start(point);
      await program.killedAt(point);
    }
    await program.start();
    const now = async () => JSON.stringify({ ...await state(), data: '' });
    await program.settled(`after a crash at ${point}`, { [job]: ['complete'], [next]: ['complete'] },
      async () => (await now() === JSON.stringify({ ...was, data: '' }) ? [] : [await now()]));
    // The command before and after leave the time of the folder they wrote into.
    const plain = (s) => s.replace(/^(\.\/sub \S+ \S+ \S+ ) \d+/m, '$1');
    const is = await state();
    assert.equal(plain(is.data).replace(/^(\. \S+ \S+ \S+ ) \d+/, '$1'), plain(was.data).replace(/^(\. \S+ \S+ \S+ ) \d+/, '$1'));
    const [of, ofNext] = await program.auditOf([job, next]);
    assert.deepEqual(ofNext.filter((s) => s === 'interrupted'), [], 'the next one was not touched');
    if (point !== 'job_finished') assert.deepEqual(of.filter((s) => s === 'interrupted').length >= 1, true, String(of));
    else assert.deepEqual(of.filter((s) => s === 'interrupted'), [], 'it had ended');
    await program.app.stop();
  });
}
