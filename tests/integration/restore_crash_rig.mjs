// SPDX-License-Identifier: GPL-3.0-or-later
// What the crash tests stand on: a container with every kind of volume, backups of it, and a program that is killed.
import { assert, docker, inspect, startApp, removeAll, after, before, sleep, password } from '../tools/harness.mjs';
import { snapshot, leftovers, lose, lines, build, until, removeImages } from './restore_tools.mjs';
import { mkdtempSync, mkdirSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

export const p = `cmrescrash${process.pid}-`;
export const name = `${p}db`;
export const dataDir = mkdtempSync(`${process.env.CM_TEST_TMP || tmpdir()}/cm-crash-`);
const host = mkdtempSync('/tmp/cmrescrash-');
const command = 'test -f /data/bad && exit 3; test -f /data/f || echo 1 >/data/f; trap "exit 0" TERM; while :; do sleep 0.1; done';
export const replaceAll = { replace: true, volumes: 'replace', restore_binds: 'replace' };
// good can be restored; the container of bad ends at once; that of lost is lost with everything.
export const files = {};

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

export async function state() {
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
export async function crash(point, file, options) {
  const app = await startApp({ dataDir, env: { CM_FAULT: `${point}!`, CM_WORKERS: '1' } });
  const r = await app.api('POST', '/api/restore-backup', { filename: file, ...options }, { prefer: 'respond-async' });
  assert.equal(r.status, 202, r.text);
  // It waits there for its end.
  const there = () => app.stderr.includes(`fault point ${point}\n`);
  let over = false;
  for (const end = Date.now() + 60000; Date.now() < end && !there() && !over; await sleep(50)) {
    const job = await app.api('GET', `/api/jobs/${r.json.job_id}`);
    over = ['complete', 'error'].includes((job.json.job ?? job.json).state);
  }
  const died = there();
  await app.kill9();
  return { died, job: r.json.job_id };
}

export async function recovered(job) {
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
  ({ file: files.good } = await app.backup(name));
  await docker('exec', name, 'touch', '/data/bad');
  ({ file: files.bad } = await app.backup(name));
  await docker('exec', name, 'sh', '-c', 'rm /data/bad; echo 2 >/data/f; echo 2 >/copied/f; echo 2 >/bind/x; echo 2 >/anon/f; echo 2 >/etc/changed');
  await build(`${p}img`, `FROM busybox:local\nRUN echo ${Date.now()} >/unique\n`);
  await docker('network', 'create', '--subnet', `10.${100 + (process.pid % 100)}.9.0/24`, `${p}lostnet`);
  await docker('run', '-d', '--name', `${p}lost`, '--network', `${p}lostnet`, '-v', `${p}lostvol:/v`, `${p}img`, 'sh', '-c', 'echo 1 >/v/f; exec sleep 1000000');
  files.image = (await inspect(`${p}lost`)).Image;
  await sleep(300);
  ({ file: files.lost } = await app.backup(`${p}lost`));
  await lose(`${p}lost`, { volumes: [`${p}lostvol`], networks: [`${p}lostnet`], images: [`${p}img`] });
  await app.stop();
});
after(async () => {
  await removeAll(p);
  await removeImages();
  rmSync(host, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
});
