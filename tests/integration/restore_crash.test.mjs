// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 of the whole program at every point of a restore; at the next start everything is as it was before, or, past
// the point of no return, as it was to be.
import { test, assert, docker, inspect, startApp, removeAll, after, before, sleep, processTree, password } from '../tools/harness.mjs';
import { snapshot, leftovers, lose, exists, lines, build, until } from './restore_tools.mjs';
import { mkdtempSync, mkdirSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

const p = 'cmrescrash-';
const name = `${p}db`;
const dataDir = mkdtempSync(`${process.env.CM_TEST_TMP || tmpdir()}/cm-crash-`);
const host = mkdtempSync('/tmp/cmrescrash-');
const command = 'test -f /data/bad && exit 3; test -f /data/f || echo 1 >/data/f; trap "exit 0" TERM; while :; do sleep 0.1; done';
const replaceAll = { replace: true, volumes: 'replace', restore_binds: 'replace' };
let good; // a backup that can be restored
let bad; // one whose container ends at once
let lost; // one of a container that is lost with everything
let imageId;
let was;

async function make() {
  mkdirSync(`${host}/copied`, { recursive: true });
  mkdirSync(`${host}/bind`, { recursive: true });
  writeFileSync(`${host}/bind/x`, 'saved');
  await docker('volume', 'create', '--opt', 'type=none', '--opt', 'o=bind', '--opt', `device=${host}/copied`, `${p}copied`);
  await docker('network', 'create', `${p}net`);
  await docker('run', '-d', '--name', name, '--stop-timeout', '2', '--network', `${p}net`, '-v', `${p}data:/data`, '-v', `${p}copied:/copied`, '-v', '/anon',
    '-v', `${host}/bind:/bind`, 'busybox:local', 'sh', '-c', command);
  await until('its first file', 10, async () => docker('exec', name, 'test', '-f', '/data/f').then(() => true, () => false));
  await docker('exec', name, 'sh', '-c', 'echo 1 >/copied/f; echo 1 >/anon/f; echo 1 >/etc/changed');
}

async function state() {
  const c = await inspect(name);
  return {
    id: c.Id, running: c.State.Running, mounts: c.Mounts.map((m) => m.Name ?? m.Source).sort(), networks: Object.keys(c.NetworkSettings.Networks),
    data: await snapshot(`${p}data`, { inodes: true }), copied: await snapshot(`${p}copied`), bind: await snapshot(`${host}/bind`),
    anon: await docker('exec', name, 'cat', '/anon/f', '/etc/changed'),
    volumes: (await lines('volume', 'ls', '--format', '{{.Name}}')).filter((v) => v.startsWith(p)).sort(),
    containers: (await lines('ps', '-a', '--format', '{{.Names}}')).filter((v) => v.startsWith(p)).sort(),
  };
}

// Runs a restore that dies at this point, with all of the program; false when the point was never reached.
async function crash(point, file, options) {
  const app = await startApp({ dataDir, env: { CM_FAULT: point, CM_WORKERS: '1' } });
  const pids = processTree(app.process.pid);
  const r = await app.api('POST', '/api/restore-backup', { filename: file, ...options }, { prefer: 'respond-async' });
  assert.equal(r.status, 202, r.text);
  const alive = (pid) => { try { process.kill(pid, 0); return true; } catch { return false; } };
  let died = false;
  for (const end = Date.now() + 60000; Date.now() < end && !died; await sleep(5)) {
    died = app.exited !== null || !pids.every((pid) => alive(pid) && processTree(app.process.pid).includes(pid));
    if (!died && Math.random() < 0.05) {
      const job = await app.api('GET', `/api/jobs/${r.json.job_id}`).catch(() => null);
      const s = job?.json && (job.json.job ?? job.json).state;
      if (['complete', 'error'].includes(s)) break;
    }
  }
  await app.kill9();
  return { died, job: r.json.job_id };
}

async function recovered(job) {
  const app = await startApp({ dataDir, env: { CM_ADMIN_PASSWORD: password } });
  await until('the recovery', 60, async () => /recovered|recovery/.test(app.stderr) || (await leftovers(app, 0)).length === 0);
  await until('the end of the job', 60, async () => {
    const j = await app.api('GET', `/api/jobs/${job}`);
    return ['interrupted', 'complete', 'error', 'cancelled'].includes((j.json.job ?? j.json).state);
  });
  return app;
}

before(async () => {
  await removeAll(p);
  await make();
  const app = await startApp({ dataDir });
  ({ file: good } = await app.backup(name));
  await docker('exec', name, 'touch', '/data/bad');
  ({ file: bad } = await app.backup(name));
  await docker('exec', name, 'sh', '-c', 'rm /data/bad; echo 2 >/data/f; echo 2 >/copied/f; echo 2 >/bind/x; echo 2 >/anon/f; echo 2 >/etc/changed');
  await build(`${p}img`, `FROM busybox:local\nRUN echo ${Date.now()} >/unique\n`);
  await docker('network', 'create', '--subnet', '10.216.1.0/24', `${p}lostnet`);
  await docker('run', '-d', '--name', `${p}lost`, '--network', `${p}lostnet`, '-v', `${p}lostvol:/v`, `${p}img`, 'sh', '-c', 'echo 1 >/v/f; exec sleep 1000000');
  imageId = (await inspect(`${p}lost`)).Image;
  await sleep(300);
  ({ file: lost } = await app.backup(`${p}lost`));
  await lose(`${p}lost`, { volumes: [`${p}lostvol`], networks: [`${p}lostnet`], images: [`${p}img`] });
  await app.stop();
});
after(async () => {
  await removeAll(p);
  await docker('rmi', '-f', `${p}img`).catch(() => {});
  rmSync(host, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
});

for (const point of ['restore_image_loaded', 'restore_network_made', 'restore_volume_made', 'restore_created', 'restore_started']) {
  test(`new things are gone after a crash at ${point}`, async () => {
    const { died, job } = await crash(point, lost, {});
    assert.ok(died, 'the point is on the way');
    const app = await recovered(job);
    await until('everything to be gone', 30, async () => (await leftovers(app, 0)).length === 0 && !(await exists('image', imageId)));
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
    was = await state();
    const { died, job } = await crash(point, good, replaceAll);
    if (point !== 'restore_connected') assert.ok(died, 'the point is on the way');
    const app = await recovered(job);
    await until('the old one to run', 60, async () => (await leftovers(app, 0)).length === 0 && (await inspect(name)).State.Running);
    assert.deepEqual(await state(), was);
    await app.stop();
  });
}

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
    was = await state();
    const { died, job } = await crash(point, bad, replaceAll);
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
    const { died, job } = await crash(point, good, replaceAll);
    assert.ok(died, 'the point is on the way');
    const app = await recovered(job);
    await until('the rest to be tidied up', 60, async () => (await leftovers(app, 0)).length === 0);
    assert.ok(!(await exists('container', old)));
    assert.equal((await inspect(name)).State.Running, true);
    assert.equal(await docker('exec', name, 'cat', '/data/f', '/copied/f', '/bind/x', '/anon/f', '/etc/changed'), '1\n1\nsaved1\n1');
    await app.stop();
  });
}
