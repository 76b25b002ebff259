// SPDX-License-Identifier: GPL-3.0-or-later
// A restore that fails, wherever it fails, leaves everything as it was: the old container back under its name and
// running, its volumes the very same files, and nothing new.
import { test, assert, docker, inspect, startApp, removeAll, after, before, sleep, freePort } from '../tools/harness.mjs';
import { snapshot, leftovers, lose, exists, lines, build, until, removeImages } from './restore_tools.mjs';
import { createServer } from 'node:net';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, readSync, writeSync, closeSync, statSync, rmSync, readFileSync, existsSync, mkdirSync, writeFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const p = `cmresfail${process.pid}-`;
const name = `${p}db`;
const app = await startApp();
const isRoot = process.getuid() === 0;
let port;
let was;

// A container whose volume says how it behaves: /data/bad makes it end, /data/sick makes its health check fail.
const command = 'test -f /data/bad && exit 3; test -f /data/f || echo 1 >/data/f; trap "exit 0" TERM; while :; do sleep 0.2; done';

async function make(extra = []) {
  await docker('run', '-d', '--name', name, '--stop-timeout', '2', '-p', `127.0.0.1:${port}:8080`, '-v', `${p}data:/data`, '-v', `${p}other:/other`, '-v', '/anon',
    ...extra, 'busybox:local', 'sh', '-c', command);
  await until('its first file', 10, async () => docker('exec', name, 'test', '-f', '/data/f').then(() => true, () => false));
}

async function state() {
  const c = await inspect(name);
  return {
    id: c.Id, running: c.State.Running, paused: c.State.Paused, restart: c.HostConfig.RestartPolicy, mounts: c.Mounts.map((m) => m.Name).sort(),
    data: await snapshot(`${p}data`, { inodes: true }), other: await snapshot(`${p}other`, { inodes: true }),
    volumes: (await lines('volume', 'ls', '--format', '{{.Name}}')).filter((v) => v.startsWith(p)).sort(),
    networks: (await lines('network', 'ls', '--format', '{{.Name}}')).filter((v) => v.startsWith(p)).sort(),
    containers: (await lines('ps', '-a', '--format', '{{.Names}}')).filter((v) => v.startsWith(p)).sort(),
    images: (await lines('images', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}')).filter((i) => i.startsWith(p) || i.startsWith('busybox:')).sort(),
  };
}

async function same(text) {
  assert.deepEqual(await leftovers(app), [], text);
  assert.deepEqual(await state(), was, text);
}

const replaceAll = { replace: true, volumes: 'replace' };

before(async () => {
  await removeAll(p);
  port = await freePort();
});
after(async () => {
  await removeAll(p);
  await removeImages();
});

test('the restored container ends at once', async () => {
  await make();
  await docker('exec', name, 'touch', '/data/bad');
  const { file } = await app.backup(name);
  await docker('exec', name, 'sh', '-c', 'rm /data/bad; echo now >/data/f; echo now >/other/f; echo x >/anon/x');
  was = await state();
  const r = await app.restore(file, replaceAll);
  assert.equal(r.status, 502, r.text);
  assert.match(r.json.error, /ended at once, with exit code 3/);
  await same('after the failure');
  assert.equal(await docker('exec', name, 'cat', '/anon/x'), 'x');
  const log = await app.api('GET', `/api/audit-logs?search=${name}`);
  assert.ok(log.json.logs.some((l) => l.operation_type === 'restore' && l.status === 'error' && /exit code 3/.test(l.error_message)));
});

test('the restored container never gets healthy', async () => {
  await docker('rm', '-f', '-v', name);
  await make(['--health-cmd', '! test -f /data/sick', '--health-interval', '1s', '--health-retries', '2', '--health-timeout', '2s']);
  await docker('exec', name, 'touch', '/data/sick');
  const { file } = await app.backup(name);
  await docker('exec', name, 'rm', '/data/sick');
  was = await state();
  const r = await app.restore(file, replaceAll);
  assert.equal(r.status, 502, r.text);
  assert.match(r.json.error, /health check fails/);
  await same();
});

test('a port is taken at the last moment', async () => {
  const other = await freePort();
  const { file } = await app.backup(name);
  was = await state();
  const squatter = createServer().listen(other, '127.0.0.1');
  try {
    const r = await app.restore(file, { ...replaceAll, port_overrides: { '8080/tcp': String(other) } });
    assert.equal(r.status, 409, r.text);
    assert.match(r.json.error, /address already in use|could not be started/);
  } finally {
    squatter.close();
  }
  await same();
});

test('a paused container is paused again', async () => {
  await docker('exec', name, 'touch', '/data/bad');
  const { file } = await app.backup(name);
  await docker('exec', name, 'rm', '/data/bad');
  await docker('pause', name);
  was = await state();
  const r = await app.restore(file, { ...replaceAll, start: true });
  assert.equal(r.status, 502, r.text);
  await same();
  await docker('unpause', name);
});

test('the old container was stopped and stays stopped', async () => {
  await docker('exec', name, 'touch', '/data/bad');
  const { file } = await app.backup(name);
  await docker('exec', name, 'rm', '/data/bad');
  await docker('stop', name);
  was = await state();
  assert.equal(was.running, false);
  const r = await app.restore(file, replaceAll);
  assert.equal(r.status, 502, r.text);
  await same();
  await docker('start', name);
});

// Flips one byte at this part of the file (0 to 1).
function damage(file, at) {
  const where = path.join(app.dataDir, 'backups', file);
  const off = Math.floor(statSync(where).size * at);
  const fd = openSync(where, 'r+');
  const b = Buffer.alloc(1);
  readSync(fd, b, 0, 1, off);
  b[0] ^= 0x5a;
  writeSync(fd, b, 0, 1, off);
  closeSync(fd);
}

test('a damaged volume in the archive is found before the old container is touched', async () => {
  await docker('exec', name, 'sh', '-c', 'head -c 6000000 /dev/urandom >/data/big');
  const { file } = await app.backup(name);
  await docker('exec', name, 'rm', '/data/big');
  const started = (await inspect(name)).State.StartedAt;
  was = await state();
  damage(file, 0.6);
  const r = await app.restore(file, replaceAll);
  assert.equal(r.status, 422, r.text);
  assert.equal(r.json.code, 'DAMAGED');
  await same();
  assert.equal((await inspect(name)).State.StartedAt, started, 'it ran all the time');
});

test('a damaged image in the archive', async () => {
  await build(`${p}img`, `FROM busybox:local\nRUN head -c 4000000 /dev/urandom >/big && echo ${Date.now()} >/unique\n`);
  await docker('run', '-d', '--name', `${p}im`, '-v', `${p}imvol:/v`, '--network', 'bridge', `${p}img`, 'sleep', '1000000');
  const id = (await inspect(`${p}im`)).Image;
  const { file } = await app.backup(`${p}im`);
  await lose(`${p}im`, { volumes: [`${p}imvol`], images: [`${p}img`] });
  damage(file, 0.5);
  const r = await app.restore(file);
  assert.ok([422, 502].includes(r.status), r.text);
  for (const [kind, n] of [['container', `${p}im`], ['volume', `${p}imvol`], ['image', id], ['image', `${p}img`]]) assert.ok(!(await exists(kind, n)), n);
  assert.deepEqual(await leftovers(app), []);
});

test('a file that is cut off is refused', async () => {
  const { file } = await app.backup(name);
  was = await state();
  const where = path.join(app.dataDir, 'backups', file);
  writeFileSync(where, readFileSync(where).subarray(0, 200000));
  const r = await app.restore(file, replaceAll);
  assert.equal(r.status, 422, r.text);
  await same();
});

test('the disk of a volume is full: what it held comes back', { skip: !isRoot && 'needs root to mount a small disk' }, async () => {
  const dir = mkdtempSync('/tmp/cmresfail-');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir]);
  try {
    await docker('volume', 'create', '--opt', 'type=none', '--opt', 'o=bind', '--opt', `device=${dir}`, `${p}small`);
    await docker('run', '-d', '--name', `${p}full`, '--stop-timeout', '1', '-v', `${p}small:/d`, 'busybox:local', 'sh', '-c', 'test -f /d/first || head -c 1900000 /dev/urandom >/d/first; exec sleep 1000000');
    await sleep(500);
    const { file } = await app.backup(`${p}full`);
    await docker('exec', `${p}full`, 'sh', '-c', 'head -c 1000 /dev/urandom >/d/first; echo a >/d/second; ln -s first /d/link');
    execFileSync('mount', ['-o', 'remount,size=1m', dir]);
    const before = await snapshot(`${p}small`);
    const id = (await inspect(`${p}full`)).Id;
    const r = await app.restore(file, replaceAll);
    assert.equal(r.status, 507, r.text);
    assert.equal(await snapshot(`${p}small`), before);
    assert.equal((await inspect(`${p}full`)).Id, id);
    assert.equal((await inspect(`${p}full`)).State.Running, true);
    assert.deepEqual(await leftovers(app), []);
    execFileSync('mount', ['-o', 'remount,size=4m', dir]);
    const good = await app.restore(file, replaceAll);
    assert.equal(good.status, 200, good.text);
    assert.equal(statSync(`${dir}/first`).size, 1900000);
    assert.ok(!existsSync(`${dir}/second`));
    assert.deepEqual(await leftovers(app), []);
    await lose(`${p}full`, { volumes: [`${p}small`] });
  } finally {
    await docker('rm', '-f', `${p}full`).catch(() => {});
    await docker('volume', 'rm', `${p}small`).catch(() => {});
    execFileSync('umount', [dir]);
    rmSync(dir, { recursive: true });
  }
});

test('a folder of the host that was replaced comes back too', async () => {
  const dir = mkdtempSync('/tmp/cmresfail-');
  mkdirSync(`${dir}/sub`);
  writeFileSync(`${dir}/sub/a`, 'saved');
  await docker('run', '-d', '--name', `${p}bind`, '--stop-timeout', '1', '-v', `${dir}:/data`, 'busybox:local', 'sh', '-c', command);
  await until('its first file', 10, async () => existsSync(`${dir}/f`));
  writeFileSync(`${dir}/bad`, '');
  const { file } = await app.backup(`${p}bind`);
  rmSync(`${dir}/bad`);
  writeFileSync(`${dir}/sub/b`, 'of now');
  const before = await snapshot(dir);
  const r = await app.restore(file, { replace: true, restore_binds: 'replace' });
  assert.equal(r.status, 502, r.text);
  assert.equal(await snapshot(dir), before);
  assert.equal((await inspect(`${p}bind`)).State.Running, true);
  assert.deepEqual(await leftovers(app), []);
  await lose(`${p}bind`);
  rmSync(dir, { recursive: true });
  const lost = await app.restore(file, {});
  assert.equal(lost.status, 502, lost.text);
  assert.ok(!(await exists('container', `${p}bind`)));
  assert.deepEqual(existsSync(dir) ? readdirSync(dir) : [], [], 'at most the empty folder is left');
  rmSync(dir, { recursive: true, force: true });
});

test('cancelled, early and late', async () => {
  await docker('exec', name, 'sh', '-c', 'head -c 20000000 /dev/urandom >/data/big');
  const { file } = await app.backup(name);
  let cancelled = 0;
  for (const ms of [0, 100, 300, 600, 1000, 1500, 2200, 3000, 4000]) {
    was = await state();
    const r = await app.api('POST', '/api/restore-backup', { filename: file, ...replaceAll }, { prefer: 'respond-async' });
    assert.equal(r.status, 202, r.text);
    await sleep(ms);
    const c = await app.api('POST', `/api/jobs/${r.json.job_id}/cancel`);
    assert.ok(c.status < 500, c.text);
    const job = await app.waitJob(r.json.job_id);
    assert.ok(['cancelled', 'complete'].includes(job.state), JSON.stringify(job));
    if (job.state !== 'cancelled') break;
    cancelled++;
    await same(`after ${ms} ms`);
  }
  assert.ok(cancelled >= 3, `${cancelled}`);
});
