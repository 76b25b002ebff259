// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 of the whole program at every point of a restore: at the next start everything is as it was before, or, past
// the point of no return, wholly as it was in the backup.
import { test, assert, docker, sleep } from '../tools/harness.mjs';
import { longTest, pointsOf, container, engine, exists } from './rig.mjs';
import {
  p, name, small, program, replaceAll, files, state, stateSmall, differences, contents, contentsSmall, lostThings, write, writeSmall,
  lostPoints as lost, pastPoints as past,
} from './points_restore_rig.mjs';

const over = ['interrupted', 'error'];
const points = pointsOf('points').filter((n) => n.startsWith('restore_'));
// Once restore_created is on the way of both.
const back = points.filter((n) => !lost.includes(n) && !past.includes(n));
// Those that only a container with everything comes by, and the last one. The others are hit once more with everything
// when there is time.
const whole = ['restore_copied_aside', 'restore_emptied', 'restore_bind_aside', 'restore_volumes_in_place', 'restore_layer_written', 'restore_started'];

async function crash(point, file, options) {
  await program.start(point);
  const job = await program.restore(file, options);
  await program.killedAt(point, job);
  await program.start();
  return job;
}
const audited = async (job) => assert.ok((await program.auditOf([job]))[0].includes('interrupted'), 'the audit log says interrupted');

for (const point of [...lost, 'restore_created']) {
  test(`new things are gone after a crash at ${point}`, async () => {
    const job = await crash(point, files.lost, {});
    await program.settled(point, { [job]: over }, lostThings);
    await audited(job);
    await program.app.stop();
  });
}

async function back_is(point, file, look) {
  const was = await look();
  const job = await crash(point, file, replaceAll);
  await program.settled(point, { [job]: over }, () => differences(was, look));
  await audited(job);
  await program.app.stop();
}
for (const point of back) {
  (whole.includes(point) ? test : longTest)(`the old one is back, with everything, after a crash at ${point}`, () => back_is(point, files.good, state));
  if (!whole.includes(point)) test(`the old one is back after a crash at ${point}`, () => back_is(point, files.small, stateSmall));
}

test('the old one was paused, and is again', async () => {
  await docker('pause', small);
  await back_is('restore_swapped_twice', files.small, stateSmall);
  await docker('unpause', small);
});

test('the old one was started meanwhile, as an engine does that is restarted: it gets its volume all the same', async () => {
  const was = await stateSmall();
  await program.start('restore_started');
  const job = await program.restore(files.small, replaceAll);
  await program.killedAt('restore_started', job);
  await docker('rm', '-f', small);
  await engine('POST', `/containers/${was.id}/start`);
  await program.start();
  await program.settled('started meanwhile', { [job]: over }, () => differences(was, stateSmall));
  assert.equal(await docker('exec', small, 'cat', '/data/f'), '2');
  await program.app.stop();
});

test('killed while the engine is stopping the old one: it is started again when it has stopped', async () => {
  const slow = `${p}slow`;
  await docker('run', '-d', '--name', slow, '--stop-timeout', '20', 'busybox:local', 'sh', '-c', 'trap "sleep 4; exit 0" TERM; while :; do sleep 0.1; done');
  const { Id } = await container(slow);
  await program.start();
  const backup = await program.backup(slow);
  await program.settled('backup', { [backup]: ['complete'] });
  const { backup_filename: file } = (await program.app.api('GET', `/api/backup-progress/${backup}`)).json;
  const job = await program.restore(file, { replace: true });
  for (let i = 0; !(await engine('GET', `/containers/${slow}/top`)).Processes.some((l) => l.at(-1) === 'sleep 4'); i++, await sleep(50)) assert.ok(i < 600);
  await program.app.kill9();
  await program.start();
  await program.settled('slow', { [job]: over }, async () => {
    const c = await container(slow);
    return c.Id === Id && c.State.Running && c.State.FinishedAt > '2001' ? [] : [JSON.stringify(c.State)];
  });
  await docker('rm', '-f', slow);
  await program.app.stop();
});

for (const [point, n, file, set, look, content] of [
  ['restore_done', name, 'good', write, contents, '1 1 saved 1 1'],
  ['restore_old_removed', small, 'small', writeSmall, contentsSmall, '1'],
]) {
  test(`past the point of no return, at ${point}, the new one stays`, async () => {
    await set('3');
    const { Id } = await container(n);
    const job = await crash(point, files[file], replaceAll);
    await program.settled(point, { [job]: over });
    assert.ok(!(await exists('containers', Id)), 'the old one is gone');
    assert.equal((await container(n)).State.Running, true);
    assert.equal(await look(), content);
    await program.app.stop();
  });
}

test('every point was hit', () => {
  assert.deepEqual(points.filter((n) => ![...lost, ...back, ...past].includes(n)), []);
});
