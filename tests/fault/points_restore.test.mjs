// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 of the whole program at every point of a restore: at the next start everything is as it was before, or, past
// the point of no return, wholly as it was in the backup.
import { assert, docker, sleep } from '../tools/harness.mjs';
import { test, pointsOf, container, engine, exists } from './rig.mjs';
import { p, name, program, replaceAll, files, state, differences, contents, lostThings, write } from './points_restore_rig.mjs';

const over = ['interrupted', 'error'];
const lost = ['restore_image_loaded', 'restore_network_made', 'restore_volume_made'];
const past = ['restore_done', 'restore_old_removed'];
const points = pointsOf('points').filter((n) => n.startsWith('restore_'));
// Once restore_created is on the way of both.
const back = points.filter((n) => !lost.includes(n) && !past.includes(n));

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

for (const point of back) {
  test(`the old one is back after a crash at ${point}`, async () => {
    const was = await state();
    const job = await crash(point, files.good, replaceAll);
    await program.settled(point, { [job]: over }, () => differences(was));
    await audited(job);
    await program.app.stop();
  });
}

test('the old one was paused, and is again', async () => {
  await docker('pause', name);
  const was = await state();
  const job = await crash('restore_swapped_twice', files.good, replaceAll);
  await program.settled('paused', { [job]: over }, () => differences(was));
  await docker('unpause', name);
  await program.app.stop();
});

test('the old one was started meanwhile, as an engine does that is restarted: it gets its volumes all the same', async () => {
  const was = await state();
  await program.start('restore_started');
  const job = await program.restore(files.good, replaceAll);
  await program.killedAt('restore_started', job);
  await docker('rm', '-f', name);
  await engine('POST', `/containers/${was.id}/start`);
  await program.start();
  await program.settled('started meanwhile', { [job]: over }, () => differences(was));
  assert.equal(await docker('exec', name, 'cat', '/data/f', '/copied/f', '/bind/x'), '222');
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
  for (let i = 0; !(await engine('GET', `/containers/${slow}/top`)).Processes.some((l) => l.join(' ').includes('sleep 4')); i++, await sleep(50)) assert.ok(i < 600);
  await program.app.kill9();
  await program.start();
  await program.settled('slow', { [job]: over }, async () => {
    const c = await container(slow);
    return c.Id === Id && c.State.Running && c.State.FinishedAt > '2001' ? [] : [JSON.stringify(c.State)];
  });
  await docker('rm', '-f', slow);
  await program.app.stop();
});

for (const point of past) {
  test(`past the point of no return, at ${point}, the new one stays`, async () => {
    await write('3');
    const { Id } = await container(name);
    const job = await crash(point, files.good, replaceAll);
    await program.settled(point, { [job]: over });
    assert.ok(!(await exists('containers', Id)), 'the old one is gone');
    assert.equal((await container(name)).State.Running, true);
    assert.equal(await contents(), '1 1 saved 1 1');
    await program.app.stop();
  });
}
