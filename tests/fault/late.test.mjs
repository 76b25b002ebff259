// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 (or a cancel) while the engine has a request of ours that it carries out only later: what comes after
// everybody has looked is put in order too.
import { test, assert, docker, removeAll, before, after, sleep } from '../tools/harness.mjs';
import { Program, containers, exists } from './rig.mjs';
import { slowEngine } from './slow_engine.mjs';

const p = `cmfaultl${process.pid}-`;
const program = new Program();
const slow = await slowEngine();
const start = () => program.start(null, { env: { DOCKER_HOST: slow.host } });
let file;

before(async () => {
  await removeAll(p);
  await docker('network', 'create', `${p}net`);
  await docker('run', '-d', '--name', `${p}web`, '--network', `${p}net`, '--stop-timeout', '1', '-v', `${p}data:/d`, 'busybox:local', 'sh', '-c', 'echo 1 >/d/f; trap "exit 0" TERM; while :; do sleep 0.1; done');
});
after(() => removeAll(p));

async function until(what, fn, seconds = 120) {
  for (const end = Date.now() + seconds * 1000; !await fn(); await sleep(100)) assert.ok(Date.now() < end, `${what}\n${program.app.stderr}`);
}

test('a helper container that the engine makes when its program is dead is removed', async () => {
  await start();
  const came = slow.hold(/^POST \S*\/containers\/create\?name=cm-helper-/);
  const job = await program.backup(`${p}web`);
  const helper = /cm-helper-\w+/.exec(await came)[0];
  await program.app.kill9();
  await start();
  await program.settled('the backup', { [job]: ['complete'] });
  file = (await program.app.api('GET', `/api/backup-progress/${job}`)).json.backup_filename;
  slow.release();
  const there = async () => (await containers()).some((c) => c.name === helper);
  await until(`${helper} to be made`, there);
  await until(`${helper} to be removed`, async () => !await there());
  await program.app.stop();
  await removeAll(p);
});

const requests = { container: /^POST \S*\/containers\/create\?name=cm-restore-/, volume: /^POST \S*\/volumes\/create/, network: /^POST \S*\/networks\/create/ };

async function nothing() {
  const out = [];
  for (const [kind, n] of [['containers', `${p}web`], ['volumes', `${p}data`], ['networks', `${p}net`]]) if (await exists(kind, n)) out.push(`${kind} ${n}`);
  return out;
}

async function restoreHeldAt(kind) {
  await start();
  const came = slow.hold(requests[kind]);
  const job = await program.restore(file);
  await came;
  return job;
}

for (const kind of Object.keys(requests)) {
  test(`a ${kind} that the engine makes for a restore when its program is dead is removed`, async () => {
    const job = await restoreHeldAt(kind);
    await program.app.kill9();
    await start();
    await until('the recovery', () => /interrupted job/.test(program.app.stderr));
    await sleep(1500);
    let made = false;
    slow.answered().then(() => { made = true; });
    slow.release();
    await until('the engine to have made it', () => made);
    await program.settled(kind, { [job]: ['interrupted'] }, nothing);
    await program.app.stop();
  });
}

test('the same when the next program is killed too, after the way back had begun', async () => {
  const job = await restoreHeldAt('container');
  await program.app.kill9();
  await program.start('undo_step:2', { env: { DOCKER_HOST: slow.host } });
  await program.killedAt('undo_step:2');
  await start();
  await sleep(1500);
  let made = false;
  slow.answered().then(() => { made = true; });
  slow.release();
  await until('the engine to have made it', () => made);
  await program.settled('killed twice', { [job]: ['interrupted'] }, nothing);
  await program.app.stop();
});

test('a container that the engine makes for a restore that was cancelled is removed', async () => {
  const job = await restoreHeldAt('container');
  const r = await program.app.api('POST', `/api/jobs/${job}/cancel`);
  assert.ok(r.status < 300, r.text);
  await until('the way back', async () => /back/.test((await program.job(job)).step));
  await sleep(1500);
  let made = false;
  slow.answered().then(() => { made = true; });
  slow.release();
  await until('the engine to have made it', () => made);
  await program.settled('cancelled', { [job]: ['cancelled'] }, nothing);
  await program.app.stop();
});
