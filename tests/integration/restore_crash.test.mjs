// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 of the whole program at every point of a restore; at the next start everything is as it was before.
import { test, assert, inspect } from '../tools/harness.mjs';
import { leftovers, exists, until } from './restore_tools.mjs';
import { p, name, replaceAll, state, crash, recovered, files } from './restore_crash_rig.mjs';

for (const point of ['restore_image_loaded', 'restore_network_made', 'restore_volume_made', 'restore_created', 'restore_started']) {
  test(`new things are gone after a crash at ${point}`, async () => {
    const { died, job } = await crash(point, files.lost, {});
    assert.ok(died, 'the point is on the way');
    const app = await recovered(job);
    await until('everything to be gone', 30, async () => (await leftovers(app, 0)).length === 0 && !(await exists('image', files.image)));
    for (const [kind, n] of [['container', `${p}lost`], ['volume', `${p}lostvol`], ['network', `${p}lostnet`], ['image', `${p}img`]])
      assert.ok(!(await exists(kind, n)), `${kind} ${n}`);
    await app.stop();
  });
}

const before_the_end = ['restore_scratch_made', 'restore_prepared', 'restore_before_stop', 'restore_after_stop', 'restore_after_rename', 'restore_swapped_once',
  'restore_swapped_twice', 'restore_copied_aside', 'restore_emptied', 'restore_bind_aside', 'restore_created', 'restore_connected',
  'restore_volumes_in_place', 'restore_layer_written', 'restore_named', 'restore_started'];
for (const point of before_the_end) {
  test(`the old one is back after a crash at ${point}`, async () => {
    const was = await state();
    const { died, job } = await crash(point, files.good, replaceAll);
    if (point !== 'restore_connected') assert.ok(died, 'the point is on the way');
    const app = await recovered(job);
    await until('the old one to run', 60, async () => (await leftovers(app, 0)).length === 0 && (await inspect(name)).State.Running);
    assert.deepEqual(await state(), was);
    await app.stop();
  });
}
