// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 of the whole program at random moments of backups, restores and verifications, every other time once more soon
// after the next start, while that is being put in order: afterwards every container is as it was or as the backup has it,
// nothing half done is left, and the queue goes on by itself.
//   RANDOM_KILLS=40    how many          RANDOM_SEED=n    the moments of an earlier run (it is printed)
import { assert, docker, sleep } from '../tools/harness.mjs';
import { long, longTest as test } from './rig.mjs';
// Nothing is made when nothing is tested.
const { p, name, program, files, replaceAll, state, differences, contents, write, lostThings } = long ? await import('./points_restore_rig.mjs') : {};

const seed = Number(process.env.RANDOM_SEED || Date.now() % 1000000);
let dice = seed;
// A plain linear congruential generator: the same seed gives the same moments.
const random = () => { dice = (dice * 1103515245 + 12345) % 2147483648; return dice / 2147483648; };

async function forgetLost() {
  await docker('rm', '-f', '-v', `${p}lost`);
  await docker('volume', 'rm', '-f', `${p}lostvol`);
  await docker('network', 'rm', `${p}lostnet`);
  await docker('rmi', '-f', files.image);
}

// begin gives the job. ended: what it may be called afterwards; when that is not "interrupted", changes: not all is as it
// was. check: what must be so then.
const kinds = {
  'a backup that stops': { begin: () => program.backup(name, { consistency: 'stop' }), ended: ['complete'] },
  'a restore over what is there': {
    begin: () => program.restore(files.good, replaceAll), ended: ['interrupted', 'complete'], changes: true,
    async check(job) {
      if (job === 'interrupted') return;
      assert.equal(await contents(), '1 1 saved 1 1');
      await write('2');
    },
  },
  'a backup that pauses': { begin: () => program.backup(name, { consistency: 'pause' }), ended: ['complete'] },
  'a restore of what was lost': {
    begin: () => program.restore(files.lost), ended: ['interrupted', 'complete'], changes: true,
    async check(job) {
      if (job === 'interrupted') assert.deepEqual(await lostThings(), []);
      else await forgetLost();
    },
  },
  'a verification': { begin: () => program.enqueue(`/api/backup/${files.good}/verify`), ended: ['complete', 'interrupted'] },
};
const took = {};

// at: the share of its time after which it is killed. again: milliseconds from the next start to its end.
async function round(t, kind, at, again) {
  const { begin, ended, changes, check } = kinds[kind];
  const was = await state();
  await program.start();
  const began = Date.now();
  const job = await begin();
  const next = at === undefined ? undefined : await program.backup(`${p}next`);
  if (at !== undefined) {
    await sleep(at * took[kind]);
    await program.app.kill9();
    t.diagnostic(`killed ${Date.now() - began} ms after it began`);
    if (again !== undefined) {
      await program.start(undefined, { wait: false });
      await sleep(again);
      await program.app.kill9();
      t.diagnostic(/recovery|queued again|interrupted job/.test(program.app.stderr) ? 'killed again in the recovery or after it' : 'killed again before the recovery');
    }
    await program.start();
  }
  // What dies a second time is not begun a third time.
  const may = again === undefined ? [] : ['interrupted'];
  await program.settled(kind, { [job]: [...ended, ...may], ...(next ? { [next]: ['complete', ...may] } : {}) },
    async () => (changes && await program.state(job) !== 'interrupted' ? [] : differences(was)));
  took[kind] ??= Date.now() - began;
  await check?.(await program.state(job));
  await program.auditOf([job]);
  await program.app.stop();
}

test(`how long each takes undisturbed (seed ${seed})`, async (t) => {
  await docker('create', '--name', `${p}next`, 'busybox:local', 'true');
  for (const kind of Object.keys(kinds)) await round(t, kind);
});
const names = Object.keys(kinds);
for (let i = 0; i < Number(process.env.RANDOM_KILLS || 40); i++) {
  const at = random() * 1.05;
  const again = i % 2 === 1 ? Math.round(random() * 1200) : undefined;
  test(`${i + 1}: ${names[i % names.length]}, killed at ${Math.round(at * 100)} %${again === undefined ? '' : `, and ${again} ms after the next start`}`,
    (t) => round(t, names[i % names.length], at, again));
}
