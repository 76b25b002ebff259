// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 on the way back of a restore, and again on the way back of the next start: what the volumes held is there in
// the end, and what was written into them after they were back stays.
import { test, assert } from '../tools/harness.mjs';
import { longTest, pointsOf } from './rig.mjs';
import { program, replaceAll, files, state, differences, write, contents } from './points_restore_rig.mjs';

// In the order in which they come by; each start is killed at the next one. A folder and a volume are copied back.
const chain = ['undo_emptied', 'undo_emptied', 'undo_copied', 'undo_emptied:2', 'undo_copied', 'undo_swapped_once', 'undo_swapped_twice', 'undo_step:1',
  'undo_renamed'];
const tail = ['undo_step:1', 'undo_step:2', 'undo_step:3', 'undo_step:4', 'undo_scratch_removed'];
const over = ['interrupted', 'error'];

test('every point is on these ways', () => {
  const hit = [...chain, ...tail].map((n) => n.split(':')[0]);
  assert.deepEqual(pointsOf('points').filter((n) => n.startsWith('undo_') && !hit.includes(n)), []);
});

async function killed(points) {
  await program.start(points[0]);
  const job = await program.restore(files.bad, replaceAll);
  await program.killedAt(points[0], job);
  for (const point of points.slice(1)) {
    await program.start(point);
    await program.killedAt(point);
  }
  return job;
}

test('killed at every point of the way back, again and again', async () => {
  const was = await state();
  const job = await killed(chain);
  await program.start();
  await program.settled('after all', { [job]: over }, () => differences(was));
  await program.app.stop();
});

for (const point of ['undo_emptied', 'undo_copied', 'undo_swapped_once', 'undo_swapped_twice', 'undo_renamed', 'undo_step:1']) {
  longTest(`killed twice at ${point}`, async () => {
    const was = await state();
    const job = await killed(point === 'undo_step:1' ? [point] : [point, 'undo_copied']);
    await program.start();
    await program.settled(point, { [job]: over }, () => differences(was));
    await program.app.stop();
  });
}

test('what the container wrote after it was back is not undone again', async () => {
  await write('2');
  const was = await state();
  const job = await killed(['undo_step:2']);
  await write('later');
  for (const point of ['undo_step:1', 'undo_scratch_removed']) {
    await program.start(point);
    await program.killedAt(point);
    assert.equal(await contents(), 'later later later later later', point);
  }
  await program.start();
  await program.settled('in the end', { [job]: over });
  assert.equal(await contents(), 'later later later later later');
  await write('2');
  const changed = (await differences(was)).map((d) => d.split(':')[0]).filter((k) => !['data', 'copied', 'bind', 'anon'].includes(k));
  assert.deepEqual(changed, []);
  await program.app.stop();
});
