// SPDX-License-Identifier: GPL-3.0-or-later
// Two programs on one data folder: one runs the jobs; it is killed, and the other takes over. No job is lost or run
// twice.
import { assert, docker, removeAll, before, after, freePort, sleep } from '../tools/harness.mjs';
import { long, longTest as test, Program, container } from './rig.mjs';

const p = `cmfaulti${process.pid}-`;
const program = new Program();

before(async () => {
  if (!long) return;
  await removeAll(p);
  for (const n of ['a', 'b'])
    await docker('run', '-d', '--name', `${p}${n}`, '--stop-timeout', '1', '-v', `${p}${n}:/d`, 'busybox:local', 'sh', '-c', 'trap "exit 0" TERM; head -c 3000000 /dev/urandom >/d/f; while :; do sleep 0.1; done');
});
after(() => removeAll(p));

test('one runs the jobs, is killed, and the other takes over', async () => {
  const first = await program.start();
  const second = await program.start(null, { env: { CM_PORT: String(await freePort()) } });
  assert.match(first.stderr, /runs the jobs/);
  await sleep(1500);
  assert.doesNotMatch(second.stderr, /runs the jobs/, 'only one holds the queue');
  const jobs = [];
  for (let i = 0; i < 6; i++) {
    program.app = i % 2 ? second : first;
    jobs.push(await program.backup(`${p}${'ab'[i % 2]}`, { consistency: i % 3 ? 'stop' : 'pause' }));
  }
  program.app = second;
  for (let i = 0; (await program.state(jobs[1])) !== 'running'; i++, await sleep(10)) assert.ok(i < 6000);
  await first.kill9();
  await program.settled('the other took over', Object.fromEntries(jobs.map((j) => [j, ['complete']])), async () => {
    const states = await Promise.all(['a', 'b'].map(async (n) => (await container(`${p}${n}`)).State));
    return states.every((s) => s.Running && !s.Paused) ? [] : [JSON.stringify(states)];
  });
  assert.match(second.stderr, /runs the jobs/);
  const audits = await program.auditOf(jobs);
  const interrupted = audits.filter((a) => a.includes('interrupted')).length;
  assert.ok(interrupted <= 1, JSON.stringify(audits));
  const begun = [...`${first.stderr}${second.stderr}`.matchAll(/begin job=(\S+)/g)].map((m) => m[1]);
  for (const [i, j] of jobs.entries()) assert.equal(begun.filter((b) => b === j).length, audits[i].includes('interrupted') ? 2 : 1, j);
});
