// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of the program end: one worker, the helper container's process; and the whole of it in order (SIGTERM) in the
// middle of a backup and of a restore.
import { assert, docker, removeAll, before, after, sleep, processTree } from '../tools/harness.mjs';
import { long, longTest as test, Program, container, containers, snapshot, volumeDir } from './rig.mjs';
import { randomBytes } from 'node:crypto';
import { openSync, writeSync, closeSync } from 'node:fs';

const p = `cmfaultp${process.pid}-`;
const name = `${p}web`;
const program = new Program();
const held = { consistency: 'stop' };
let dir;
let was;
let file;

const state = async () => {
  const c = await container(name);
  return { id: c?.Id, name: c?.Name, running: c?.State.Running, paused: c?.State.Paused };
};
const asItWas = async () => (JSON.stringify(await state()) === JSON.stringify(was) ? [] : [JSON.stringify(await state())]);

before(async () => {
  if (!long) return;
  await removeAll(p);
  await docker('run', '-d', '--name', name, '--stop-timeout', '2', '-v', `${p}data:/data`, 'busybox:local', 'sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done');
  dir = await volumeDir(`${p}data`);
  const fd = openSync(`${dir}/large`, 'w');
  const piece = randomBytes(1 << 20);
  for (let i = 0; i < 300; i++) writeSync(fd, piece);
  closeSync(fd);
  was = await state();
  await program.start(null, { env: { CM_WORKERS: '2' } });
  const job = await program.backup(name);
  await program.settled('the first backup', { [job]: ['complete'] });
  file = (await program.app.api('GET', `/api/backup-progress/${job}`)).json.backup_filename;
  await program.app.stop();
});
after(() => removeAll(p));

const holder = () => Number([...program.app.stderr.matchAll(/runs the jobs owner=(\d+)-/g)].at(-1)[1]);
const workers = () => processTree(program.app.process.pid).slice(1);
// Our helper at work on the volume, or on the one that is made to take its place: its process as the host sees it.
async function helper() {
  for (let i = 0; i < 3000; i++, await sleep(10)) {
    const c = (await containers()).find((x) => x.Labels['container-monkey.helper'] && x.State === 'running' && x.Mounts.some((m) => m.Name === `${p}data` || /^cm-restore-/.test(m.Name)));
    const pid = c && (await container(c.Id))?.State.Pid;
    if (pid) return pid;
  }
  return assert.fail('no helper at work');
}

const start = () => program.start(null, { env: { CM_WORKERS: '2' } });

test('kill -9 of a worker that does not run the jobs: the backup does not notice', async () => {
  await start();
  const job = await program.backup(name, held);
  await helper();
  const other = workers().find((pid) => pid !== holder());
  process.kill(other, 'SIGKILL');
  await program.settled('a worker was killed', { [job]: ['complete'] }, asItWas);
  assert.ok(!(await program.auditOf([job]))[0].includes('interrupted'));
  await program.app.stop();
});

test('kill -9 of the worker that runs the jobs: another one goes on', async () => {
  await start();
  const job = await program.backup(name, held);
  await helper();
  process.kill(holder(), 'SIGKILL');
  await program.settled('the runner was killed', { [job]: ['complete'] }, asItWas);
  assert.ok((await program.auditOf([job]))[0].includes('interrupted'));
  await program.app.stop();
});

test('kill -9 of the helper: the backup fails, says so, and leaves nothing', async () => {
  await start();
  const job = await program.backup(name, held);
  process.kill(await helper(), 'SIGKILL');
  await program.settled('the helper was killed', { [job]: ['error'] }, asItWas);
  assert.match((await program.job(job)).error, /helper/i);
  await program.app.stop();
});

for (const what of ['backup', 'restore']) {
  test(`SIGTERM in the middle of a ${what}: a clean end, and all is put in order after the next start`, async () => {
    await start();
    const data = snapshot(dir);
    const job = what === 'backup' ? await program.backup(name, held) : await program.restore(file, { replace: true, volumes: 'replace' });
    await helper();
    const begin = Date.now();
    const end = await program.app.stop();
    assert.equal(end.code, 0, JSON.stringify(end));
    assert.ok(Date.now() - begin < 10500, `${Date.now() - begin} ms`);
    await start();
    await program.settled('after SIGTERM', { [job]: [what === 'backup' ? 'complete' : 'interrupted'] }, asItWas);
    assert.equal(snapshot(dir), data);
    await program.app.stop();
  });
}
