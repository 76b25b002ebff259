// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 in the middle of putting in order what a kill -9 has left: after that every container is as it was, or, past the
// point of no return, as the backup has it, nothing half done is left, the queue goes on, and what died is called interrupted once.
import { test, assert, docker, dockerOk, before, sleep } from '../tools/harness.mjs';
import { long, longTest, pointsOf, container, engine, exists } from './rig.mjs';
import {
  p, name, small, program, replaceAll, files, state, stateSmall, differences, contents, contentsSmall, lostThings, write, writeSmall, lostPoints, pastPoints,
} from './points_restore_rig.mjs';
import { slowEngine } from './slow_engine.mjs';

// Every recovery comes by these; by recovery_undone and recovery_closed when the journal has something.
const always = ['recovery_told', 'recovery_requeued', 'recovery_let_go', 'recovery_helpers_gone', 'recovery_journal_done', 'recovery_partials_gone'];
const hit = new Set();

before(() => docker('create', '--name', `${p}next`, 'busybox:local', 'true'));

async function toldOnce(job) {
  const { logs } = (await program.app.api('GET', '/api/audit-logs?limit=1000')).json;
  const told = logs.filter((l) => l.operation_type !== 'recovery' && l.status === 'interrupted' && JSON.stringify(l).includes(job));
  assert.equal(told.length, 1, JSON.stringify(told));
}

// begin gives the job that is killed at first, and then its recovery at second. state: what the job is in the end.
async function twice(first, second, begin, { ended = ['interrupted'], look, env } = {}) {
  await program.start(first);
  const job = await begin();
  const next = await program.backup(`${p}next`);
  await program.killedAt(first, job);
  // Not waited for: it may hold the database.
  await program.start(second, { env, wait: false });
  await program.killedAt(second);
  hit.add(second.split(':')[0]);
  await program.start();
  await program.settled(`${first}, then ${second}`, { [job]: ended, [next]: ['complete'] }, look);
  await toldOnce(job);
}

const lock = { exec_pre: 'touch /lock', exec_post: 'rm -f /lock' };
function options(point) {
  if (/pause/.test(point)) return { consistency: 'pause', ...lock };
  return /image_piece|finished|committed/.test(point) ? { consistency: 'live' } : { consistency: 'stop', ...lock };
}

async function backup(first, second) {
  const was = await stateSmall();
  await twice(first, second, () => program.backup(small, options(first)), { ended: ['complete'], look: () => differences(was, stateSmall) });
  assert.ok(!await dockerOk('exec', small, 'test', '-e', '/lock'), 'the command after the backup was run');
  await program.app.stop();
}

async function back(first, second, file, look) {
  const was = await look();
  await twice(first, second, () => program.restore(file, replaceAll), { look: () => differences(was, look) });
  await program.app.stop();
}

for (const [first, second, when = test] of [
  ['backup_held', 'recovery_told'],
  ['backup_after_stop', 'recovery_undone'],
  ['backup_after_pause', 'recovery_undone', longTest],
  ['backup_before_undo', 'recovery_closed'],
  ['backup_image_piece', 'recovery_partials_gone'],
]) when(`a backup killed at ${first}, its recovery at ${second}`, () => backup(first, second));

for (const [first, second, when = test] of [
  ['restore_swapped_once', 'recovery_requeued'],
  ['restore_swapped_twice', 'recovery_helpers_gone'],
  ['restore_created', 'recovery_let_go'],
  ['restore_named', 'recovery_undone', longTest],
  ['restore_started', 'recovery_journal_done'],
]) when(`a restore killed at ${first}, its recovery at ${second}`, () => back(first, second, files.small, stateSmall));

for (const [second, when] of [['restore_old_removed', test], ['recovery_undone', longTest]]) {
  when(`past the point of no return, killed at ${second} on the way on, the new one stays`, async () => {
    await writeSmall('3');
    const { Id } = await container(small);
    await twice('restore_done', second, () => program.restore(files.small, replaceAll), { look: async () => (await exists('containers', Id) ? ['the old one is there'] : []) });
    assert.equal((await container(small)).State.Running, true);
    assert.equal(await contentsSmall(), '1');
    await writeSmall('2');
    await program.app.stop();
  });
}

// Everything else, in turn.
for (const [i, first] of pointsOf('points').filter((n) => n.startsWith('backup_') && n !== 'backup_parts_piece').entries()) {
  const second = always[i % always.length];
  longTest(`a backup killed at ${first}, its recovery at ${second}`, () => backup(first, second));
}
const ways = pointsOf('points').filter((n) => n.startsWith('restore_') && !lostPoints.includes(n) && !pastPoints.includes(n));
for (const [i, first] of ways.entries()) {
  const seconds = [...always, 'recovery_undone', 'recovery_closed'], second = seconds[i % seconds.length];
  longTest(`a restore of everything killed at ${first}, its recovery at ${second}`, () => back(first, second, files.good, state));
}
for (const first of lostPoints) {
  longTest(`new things are gone, killed at ${first}, their recovery at recovery_undone`, async () => {
    await twice(first, 'recovery_undone', () => program.restore(files.lost), { look: lostThings });
    await program.app.stop();
  });
}
longTest('past the point of no return with everything', async () => {
  await write('3');
  await twice('restore_done', 'recovery_closed', () => program.restore(files.good, replaceAll));
  assert.equal((await container(name)).State.Running, true);
  assert.equal(await contents(), '1 1 saved 1 1');
  await write('2');
  await program.app.stop();
});

// One that takes some seconds to end.
async function slowToEnd() {
  const slow = `${p}slow`;
  await docker('run', '-d', '--name', slow, '--stop-timeout', '20', 'busybox:local', 'sh', '-c', 'trap "sleep 4; exit 0" TERM; while :; do sleep 0.1; done');
  const { Id } = await container(slow);
  const ending = async () => (await engine('GET', `/containers/${slow}/top`)).Processes.some((l) => l.at(-1) === 'sleep 4');
  const runs = async () => {
    const c = await container(slow);
    return c.Id === Id && c.State.Running && c.State.FinishedAt > '2001' ? [] : [JSON.stringify(c.State)];
  };
  return { slow, ending, runs };
}

longTest('killed while the engine stops a container, and again while its end is awaited: it runs again', async () => {
  const { slow, ending, runs } = await slowToEnd();
  await program.start();
  const copy = await program.backup(slow, { consistency: 'live' });
  await program.settled('a copy', { [copy]: ['complete'] });
  const { backup_filename: file } = (await program.app.api('GET', `/api/backup-progress/${copy}`)).json;
  for (const [second, begin, ended] of [
    ['recovery_awaits_end', () => program.backup(slow, { consistency: 'stop' }), ['complete']],
    ['recovery_awaits_old', () => program.restore(file, { replace: true }), ['interrupted']],
  ]) {
    const job = await begin();
    for (let i = 0; !await ending(); i++, await sleep(50)) assert.ok(i < 600);
    await program.app.kill9();
    await program.start(second);
    await program.killedAt(second);
    hit.add(second);
    await program.start();
    await program.settled(second, { [job]: ended }, runs);
    await toldOnce(job);
  }
  await docker('rm', '-f', slow);
  await program.app.stop();
});

longTest('killed when a container that cannot be resumed was ended: it is begun again', async () => {
  const was = await stateSmall();
  const slow = await slowEngine();
  slow.refuse(/^POST \S*\/unpause/);
  await twice('backup_after_pause', 'recovery_ended_anew', () => program.backup(small, { consistency: 'pause' }),
    { ended: ['complete'], look: () => differences(was, stateSmall), env: { DOCKER_HOST: slow.host } });
  await program.app.stop();
});

// Those that take as long as a container takes to end are for TEST_LONG=1.
const slowOnes = ['recovery_awaits_end', 'recovery_awaits_old', 'recovery_ended_anew'];
test('every point was hit', () => assert.deepEqual(pointsOf('killed_twice').filter((n) => !hit.has(n) && (long || !slowOnes.includes(n))), []));
