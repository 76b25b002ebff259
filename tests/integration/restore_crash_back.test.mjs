// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 while the old container is being stopped, on the way back, and past the point of no return.
import { test, assert, docker, inspect, startApp } from '../tools/harness.mjs';
import { leftovers, exists, until } from './restore_tools.mjs';
import { p, name, dataDir, replaceAll, state, crash, recovered, files } from './restore_crash_rig.mjs';

test('killed while the engine is stopping the old one: it is started again when it has stopped', async () => {
  await docker('run', '-d', '--name', `${p}slow`, '--stop-timeout', '20', 'busybox:local', 'sh', '-c', 'trap "sleep 4; exit 0" TERM; while :; do sleep 0.1; done');
  const first = await startApp({ dataDir });
  const { file } = await first.backup(`${p}slow`);
  const id = (await inspect(`${p}slow`)).Id;
  const r = await first.api('POST', '/api/restore-backup', { filename: file, replace: true }, { prefer: 'respond-async' });
  assert.equal(r.status, 202, r.text);
  await until('the stop', 30, async () => (await docker('top', `${p}slow`).catch(() => '')).includes('sleep 4'));
  await first.kill9();
  const app = await recovered(r.json.job_id);
  await until('it to run again', 60, async () => {
    const c = await inspect(`${p}slow`);
    return c.State.Running && c.State.FinishedAt > '2001';
  });
  assert.equal((await inspect(`${p}slow`)).Id, id);
  await docker('rm', '-f', `${p}slow`);
  await app.stop();
});

for (const point of ['undo_swapped_once', 'undo_swapped_twice', 'undo_emptied', 'undo_renamed']) {
  test(`a crash on the way back, at ${point}, and the way back is gone again`, async () => {
    const was = await state();
    const { died, job } = await crash(point, files.bad, replaceAll);
    assert.ok(died, 'the point is on the way');
    const app = await recovered(job);
    await until('the old one to run', 60, async () => (await leftovers(app, 0)).length === 0 && (await inspect(name)).State.Running);
    assert.deepEqual(await state(), was);
    await app.stop();
  });
}

for (const point of ['restore_done', 'restore_old_removed']) {
  test(`past the point of no return, at ${point}, the new one stays`, async () => {
    await docker('exec', name, 'sh', '-c', 'echo 3 >/data/f');
    const old = (await inspect(name)).Id;
    const { died, job } = await crash(point, files.good, replaceAll);
    assert.ok(died, 'the point is on the way');
    const app = await recovered(job);
    await until('the rest to be tidied up', 60, async () => (await leftovers(app, 0)).length === 0);
    assert.ok(!(await exists('container', old)));
    assert.equal((await inspect(name)).State.Running, true);
    assert.equal(await docker('exec', name, 'cat', '/data/f', '/copied/f', '/bind/x', '/anon/f', '/etc/changed'), '1\n1\nsaved1\n1');
    await app.stop();
  });
}
