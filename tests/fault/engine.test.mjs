// SPDX-License-Identifier: GPL-3.0-or-later
// The engine ends (SIGTERM, as at its upgrade), is killed, or hangs in the middle of a backup and of a restore. Afterwards
// what we stopped, paused or renamed is as it was, the job says what happened, nothing of ours is left, and the next backup
// works. What an engine does with containers of its own when it comes back shows a witness that nobody backs up.
import { begin, signal, outside } from './own_engine.mjs';
import { test, assert, docker, removeAll, before, after, sleep } from '../tools/harness.mjs';
import { Program, long, longTest, container, containers, snapshot, volumeDir } from './rig.mjs';
import { slowEngine } from './slow_engine.mjs';
import { randomBytes } from 'node:crypto';
import { openSync, writeSync, closeSync } from 'node:fs';

const p = `cmfaulte${process.pid}-`;
const name = `${p}web`;
const program = new Program();
let dir;
let file;
let data;
let id;

before(async () => {
  for (const n of [name, `${p}witness`])
    await docker('run', '-d', '--name', n, '--restart', 'unless-stopped', '--stop-timeout', '2', '-v', `${n}data:/data`, 'busybox:local', 'sh', '-c',
      'trap "exit 0" TERM; while :; do sleep 0.1; done');
  dir = outside(await volumeDir(`${name}data`));
  const fd = openSync(`${dir}/large`, 'w');
  const piece = randomBytes(1 << 20);
  for (let i = 0; i < 200; i++) writeSync(fd, piece);
  closeSync(fd);
  id = (await container(name)).Id;
  data = snapshot(dir);
});
after(() => removeAll(p));

async function backup() {
  const job = await program.backup(name);
  await program.settled('a backup', { [job]: ['complete'] });
  return (await program.app.api('GET', `/api/backup-progress/${job}`)).json.backup_filename;
}

const state = (c) => (c ? (c.State.Paused ? 'paused' : c.State.Running ? 'running' : 'stopped') : 'gone');

async function until(what, fn, seconds = 60) {
  for (const end = Date.now() + seconds * 1000; !await fn(); await sleep(5)) assert.ok(Date.now() < end, `${what}\n${program.app.stderr}`);
}

// Moments in the middle of a job.
const moments = {
  'while it reads': async () => (await containers()).some((c) => c.Labels['container-monkey.helper'] && c.State === 'running'),
  'while it is paused': async () => state(await container(name)) === 'paused',
  'while it is stopped': async () => state(await container(id)) === 'stopped',
  'while its name is another': async () => (await container(id))?.Name !== `/${name}`,
};

async function putBack(touched) {
  const c = await container(name);
  if (!c) return [`${name} is gone`];
  const witness = state(await container(`${p}witness`));
  const out = c.Id === id ? [] : [`${name} is another one`];
  if (state(c) !== 'running' && (touched || state(c) !== witness)) out.push(`${name} is ${state(c)}, the witness ${witness}`);
  return out;
}

// Both of them as they were before the engine ended, as an admin would.
async function anew() {
  for (const n of [name, `${p}witness`]) await docker('start', n);
}

const jobs = {
  'a backup that stops': () => program.backup(name, { consistency: 'stop' }),
  'a backup that pauses': () => program.backup(name, { consistency: 'pause' }),
  'a live backup': () => program.backup(name, { consistency: 'live' }),
  'a restore': () => program.restore(file, { replace: true, volumes: 'replace' }),
};

async function round(t, what, how, moment) {
  await program.start();
  const job = await jobs[what]();
  await until(`${what}: ${moment}`, moments[moment]);
  signal(how);
  const page = await program.app.get('/containers');
  assert.equal(page.status, 200);
  begin();
  const at = Date.now();
  await program.settled(`${what}, ${how} ${moment}`, { [job]: ['error', 'complete'] }, () => putBack(moment !== 'while it reads'), 90);
  const { error } = await program.job(job);
  const ended = await program.state(job);
  t.diagnostic(`${ended} ${Date.now() - at} ms after the engine was back: ${error ?? ''}`);
  if (ended === 'error') assert.match(error, /Docker Engine|helper/);
  else if (what === 'a restore') id = (await container(name)).Id;
  assert.equal(snapshot(dir), data);
  await anew();
  await backup();
}

test('a backup before all that', async () => {
  await program.start();
  file = await backup();
});

const rounds = [
  ['a backup that stops', 'TERM', 'while it is stopped'],
  ['a backup that stops', 'KILL', 'while it is stopped'],
  ['a backup that pauses', 'TERM', 'while it is paused'],
  ['a backup that pauses', 'KILL', 'while it is paused'],
  ['a restore', 'TERM', 'while it reads'],
  ['a restore', 'KILL', 'while its name is another'],
];
const more = [
  ['a live backup', 'TERM', 'while it reads'],
  ['a live backup', 'KILL', 'while it reads'],
  ['a restore', 'KILL', 'while it reads'],
  ['a restore', 'TERM', 'while its name is another'],
];
for (const [what, how, moment] of rounds) test(`the engine gets SIG${how} ${moment}: ${what}`, (t) => round(t, what, how, moment));
for (const [what, how, moment] of more) longTest(`the engine gets SIG${how} ${moment}: ${what}`, (t) => round(t, what, how, moment));

// What needs the engine waits for it a while, and says that it does not answer.
const pages = { '/vault': 5000, '/jobs': 5000, '/healthz': 1000, ...(long ? { '/containers': 15000 } : {}) };
async function pagesAnswer() {
  for (const [where, most] of Object.entries(pages)) {
    const start = Date.now();
    const r = await program.app.get(where);
    assert.ok(r.status === 200 && Date.now() - start < most, `${where}: ${r.status} after ${Date.now() - start} ms`);
  }
}

async function hanging(what, moment, seconds) {
  await program.start();
  const job = await jobs[what]();
  await until(`${what}: ${moment}`, moments[moment]);
  signal('STOP');
  const end = Date.now() + seconds * 1000;
  try {
    do {
      await pagesAnswer();
      await sleep(500);
    } while (Date.now() < end && !['error', 'complete'].includes(await program.state(job)));
    return { job, ended: await program.state(job) };
  } finally {
    signal('CONT');
  }
}

test('the engine hangs while a backup stops a container, and goes on', async () => {
  const { job, ended } = await hanging('a backup that stops', 'while it is stopped', 3);
  assert.equal(ended, 'running');
  await program.settled('the engine hung', { [job]: ['complete'] }, () => putBack(true));
  assert.equal(snapshot(dir), data);
});

for (const [what, moment] of [['a live backup', 'while it reads'], ['a backup that stops', 'while it is stopped'], ['a restore', 'while its name is another']]) {
  longTest(`the engine hangs for long ${moment}: ${what} ends and says so`, async (t) => {
    const at = Date.now();
    const { job, ended } = await hanging(what, moment, 900);
    const { error } = await program.job(job);
    t.diagnostic(`${ended} after ${Math.round((Date.now() - at) / 1000)} s: ${error}`);
    assert.equal(ended, 'error');
    assert.match(error, /Docker Engine did not answer|Docker Engine is not reachable/);
    await program.settled('the engine hung', { [job]: ['error'] }, () => putBack(true));
    assert.equal(snapshot(dir), data);
  });
}

test('a container that the engine refuses to resume is ended and begun again, and the job says so', async () => {
  const slow = await slowEngine();
  await program.start(null, { env: { DOCKER_HOST: slow.host } });
  slow.refuse(/^POST \S*\/unpause/);
  const was = (await container(name)).State.StartedAt;
  const job = await program.backup(name, { consistency: 'pause' });
  await program.settled('resuming is refused', { [job]: ['complete'] }, () => putBack(true));
  assert.notEqual((await container(name)).State.StartedAt, was);
  assert.match(JSON.stringify((await program.job(job)).warnings), /could not be resumed again: .*goes on trying/);
});
