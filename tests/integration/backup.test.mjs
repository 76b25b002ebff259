// SPDX-License-Identifier: GPL-3.0-or-later
// Backups of real containers: what is in them, how the container is held meanwhile, and what is left after a failure.
import { test, assert, docker, inspect, startApp, removeAll, after, before, sleep } from '../tools/harness.mjs';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, existsSync, writeFileSync, mkdirSync, openSync, writeSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const p = `cmbackup${process.pid}-`;
const app = await startApp();
const host = mkdtempSync(path.join(tmpdir(), 'cm-backup-host-'));
const vault = path.join(app.dataDir, 'backups');

const run = (name, ...args) => docker('run', '-d', '--name', p + name, ...args);
const idle = ['busybox:local', 'sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'];
const unpack = (file) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-unpack-'));
  execFileSync('tar', ['-xpf', path.join(vault, file), '-C', dir]);
  return dir;
};
const text = (...parts) => readFileSync(path.join(...parts), 'utf8');
const json = (...parts) => JSON.parse(text(...parts));
const companion = (file) => json(vault, `${file}.json`);
// Those that mount something of these tests: other programs on the engine have helpers too.
async function helpers() {
  const ids = (await docker('ps', '-aq', '--filter', 'label=container-monkey.helper')).split('\n').filter(Boolean);
  const all = await Promise.all(ids.map((id) => inspect(id).catch(() => null)));
  return all.filter((c) => c?.Mounts.some((m) => m.Name?.startsWith(p) || m.Source.startsWith(host))).map((c) => c.Name).join();
}
const leftovers = () => readdirSync(vault).filter((n) => n.startsWith('.'));
const said = (b) => b.warnings.map((w) => (w.path ? `${w.path}: ${w.text}` : w.text ?? w)).join();
async function clean(name) {
  assert.deepEqual(leftovers(), []);
  assert.deepEqual(readdirSync(path.join(app.dataDir, 'tmp')), []);
  const state = (await inspect(p + name)).State;
  assert.equal(state.Running, true);
  assert.equal(state.Paused, false);
}
async function audit(name) {
  const r = await app.api('GET', `/api/audit-logs?search=${p}${name}`);
  return r.json.logs.map((l) => `${l.operation_type} ${l.status}`);
}
async function events(name, since, names) {
  const out = await docker('events', '--since', since, '--until', String(Math.ceil(Date.now() / 1000) + 1),
    '--filter', `container=${p}${name}`, '--format', '{{.Action}}');
  return out.split('\n').filter((a) => names.includes(a));
}
const seconds = () => String(Date.now() / 1000);

before(async () => {
  await removeAll(p);
  mkdirSync(path.join(host, 'folder/inner'), { recursive: true });
  writeFileSync(path.join(host, 'folder/one'), 'bind one');
  writeFileSync(path.join(host, 'folder/inner/two'), 'bind two');
  writeFileSync(path.join(host, 'single.conf'), 'single');
});
after(async () => {
  await removeAll(p);
  rmSync(host, { recursive: true, force: true });
});

test('every part is in the archive, and plain tar reads it', async () => {
  await docker('network', 'create', '--label', 'who=me', `${p}net`);
  await docker('volume', 'create', '--label', 'team=a b', `${p}data`);
  await run('all', '--network', `${p}net`, '-v', `${p}data:/data`, '-v', `${p}data:/again`, '-v', '/anon',
    '-v', `${host}/folder:/folder:ro`, '-v', `${host}/folder/inner:/inner`, '-v', `${host}/single.conf:/etc/single.conf`,
    '--tmpfs', '/scratch', '-v', '/var/run/docker.sock:/sock:ro', '-e', 'SECRET=hunter2', 'busybox:local', 'sh', '-c',
    'echo named > /data/f; mkdir /data/d; echo deep > /data/d/g; ln /data/f /data/h; echo anon > /anon/f; '
    + 'echo new > /added; echo changed > /etc/hostname.bak; rm /bin/[; exec sleep 100000');
  await sleep(500);
  const b = await app.backup(`${p}all`, { note: 'the whole thing' });
  const c = companion(b.file);
  const dir = unpack(b.file);
  const now = await inspect(`${p}all`);
  const anon = now.Mounts.find((m) => m.Destination === '/anon').Name;
  assert.equal(text(dir, 'volumes', `${p}data`, 'f'), 'named\n');
  assert.equal(text(dir, 'volumes', `${p}data`, 'd/g'), 'deep\n');
  assert.equal(text(dir, 'volumes', `${p}data`, 'h'), 'named\n');
  assert.equal(text(dir, 'volumes', anon, 'f'), 'anon\n');
  assert.equal(text(dir, 'rootfs/added'), 'new\n');
  assert.ok(JSON.stringify(json(dir, 'rootfs_deleted.json')).includes('bin/['));
  const info = json(dir, 'volumes_info.json');
  const of = (d) => info.find((m) => m.destination === d);
  assert.deepEqual([of('/data').name, of('/data').labels, of('/data').driver], [`${p}data`, { team: 'a b' }, 'local']);
  assert.equal(of('/data').prefix, of('/again').prefix);
  assert.equal(of('/anon').anonymous, true);
  assert.equal(of('/sock').state, 'skipped');
  assert.equal(of('/folder').kind, 'folder');
  assert.equal(of('/etc/single.conf').kind, 'file');
  assert.equal(text(dir, of('/folder').prefix, 'one'), 'bind one');
  // A folder that is a part of its own stays empty in the one around it.
  assert.deepEqual(readdirSync(path.join(dir, of('/folder').prefix, 'inner')), []);
  assert.equal(text(dir, of('/inner').prefix, 'two'), 'bind two');
  assert.equal(text(dir, of('/etc/single.conf').prefix, 'single.conf'), 'single');
  assert.deepEqual(json(dir, 'container_config.json').Config.Env, now.Config.Env);
  assert.equal(json(dir, 'networks.json')[0].Labels.who, 'me');
  assert.equal(json(dir, 'image.json').Id, now.Image);
  assert.ok(existsSync(path.join(dir, 'image.tar')));
  const meta = json(dir, 'backup.json');
  assert.equal(meta.container_name, `${p}all`);
  assert.equal(meta.status, 'running');
  assert.equal(meta.note, 'the whole thing');
  assert.equal(meta.user, 'admin');
  assert.equal(c.is_scheduled, false);
  assert.equal(c.container, `${p}all`);
  assert.equal(c.verified, true);
  assert.equal(c.sha256, execFileSync('sha256sum', [path.join(vault, b.file)], { encoding: 'utf8' }).slice(0, 64));
  assert.ok(!JSON.stringify(c).includes('hunter2'));
  assert.deepEqual(b.warnings, []);
  await clean('all');
  assert.equal(await helpers(), '');
  rmSync(dir, { recursive: true });
});

test('the image in a backup loads again', async () => {
  const b = await app.backup(`${p}all`);
  const dir = unpack(b.file);
  assert.match(await docker('load', '-i', path.join(dir, 'image.tar')), /Loaded image ID/);
  rmSync(dir, { recursive: true });
});

test('zstd is the other choice', async () => {
  const b = await app.backup(`${p}all`, { compression: 'zstd' });
  assert.match(b.file, /\.tar\.zst$/);
  const dir = unpack(b.file);
  assert.equal(text(dir, 'volumes', `${p}data`, 'f'), 'named\n');
  rmSync(dir, { recursive: true });
});

test('a container that does not run is backed up and stays stopped', async () => {
  await run('stopped', '-v', `${p}s:/data`, 'busybox:local', 'sh', '-c', 'echo x > /data/f');
  await docker('wait', `${p}stopped`);
  const b = await app.backup(`${p}stopped`, { consistency: 'stop', exec_pre: 'true' });
  assert.equal((await inspect(`${p}stopped`)).State.Status, 'exited');
  assert.equal(companion(b.file).status, 'stopped');
  assert.match(said(b), /commands before and after were not run/);
});

test('a paused container is backed up and stays paused', async () => {
  await run('paused', '-v', `${p}p:/data`, ...idle);
  await docker('pause', `${p}paused`);
  const b = await app.backup(`${p}paused`, { consistency: 'stop' });
  assert.equal((await inspect(`${p}paused`)).State.Paused, true);
  assert.equal(companion(b.file).status, 'paused');
  await docker('unpause', `${p}paused`);
});

test('pause holds it while its data is read, and lets it go on', async () => {
  await run('hold', '-v', `${p}h:/data`, '--restart', 'unless-stopped', ...idle);
  const since = seconds();
  const b = await app.backup(`${p}hold`, { consistency: 'pause' });
  assert.deepEqual(await events('hold', since, ['pause', 'unpause', 'die', 'start']), ['pause', 'unpause']);
  assert.equal(companion(b.file).consistency, 'pause');
  assert.ok(companion(b.file).held_ms > 0);
  await clean('hold');
});

test('stop ends it cleanly and starts it again', async () => {
  const since = seconds();
  const b = await app.backup(`${p}hold`, { consistency: 'stop' });
  assert.deepEqual(await events('hold', since, ['pause', 'unpause', 'die', 'start']), ['die', 'start']);
  assert.equal((await inspect(`${p}hold`)).State.ExitCode, 0);
  assert.equal(companion(b.file).consistency, 'stop');
  await clean('hold');
});

test('labels decide where the request is silent', async () => {
  await run('label', '-v', `${p}l:/data`, '-l', 'monkey.consistency=pause', '-l', 'monkey.exec.pre=sh -c "echo dump > /data/dump"',
    '-l', 'monkey.exec.post=rm /data/dump', ...idle);
  const since = seconds();
  const b = await app.backup(`${p}label`);
  assert.deepEqual(await events('label', since, ['pause', 'unpause']), ['pause', 'unpause']);
  const dir = unpack(b.file);
  assert.equal(text(dir, 'volumes', `${p}l`, 'dump'), 'dump\n');
  assert.equal(await docker('exec', `${p}label`, 'ls', '/data'), '');
  rmSync(dir, { recursive: true });
  await docker('rm', '-f', `${p}label`);
  await run('label', '-l', 'monkey.consistency=stopp', ...idle);
  const bad = await app.backup(`${p}label`, {}, 'error');
  assert.match(bad.error, /monkey\.consistency/);
});

test('a failing command before fails the backup, and the one after still runs', async () => {
  const b = await app.backup(`${p}hold`, { consistency: 'stop', exec_pre: "sh -c 'echo no space >&2; exit 3'", exec_post: 'touch /data/after' }, 'error');
  assert.match(b.error, /exit code 3: no space/);
  assert.equal(await docker('exec', `${p}hold`, 'ls', '/data'), 'after');
  await clean('hold');
  assert.deepEqual((await audit('hold')).slice(0, 2), ['backup_manual error', 'backup_manual started']);
});

test('a failing command after is a warning', async () => {
  const b = await app.backup(`${p}hold`, { exec_post: ['false'] });
  assert.match(said(b), /command after the backup ended with exit code 1/);
  assert.equal(companion(b.file).warning_count, 1);
});

test('one that runs with --rm is paused instead of stopped', async () => {
  await docker('run', '-d', '--rm', '--name', `${p}rm`, '-v', '/anon', ...idle);
  const since = seconds();
  const b = await app.backup(`${p}rm`, { consistency: 'stop' });
  assert.deepEqual(await events('rm', since, ['pause', 'unpause', 'die']), ['pause', 'unpause']);
  assert.match(said(b), /paused instead of stopped/);
  await docker('rm', '-f', `${p}rm`);
});

test('others that write the same volume are named, or stopped when asked', async () => {
  await run('share', '-v', `${p}h:/other`, ...idle);
  const named = await app.backup(`${p}hold`, { consistency: 'stop' });
  assert.match(said(named), new RegExp(`${p}share writes to the same data and was not stopped`));
  const since = seconds();
  const both = await app.backup(`${p}hold`, { consistency: 'stop', stop_sharers: true });
  assert.deepEqual(both.warnings, []);
  assert.deepEqual(await events('share', since, ['die', 'start']), ['die', 'start']);
  await clean('share');
  await docker('rm', '-f', `${p}share`);
});

test('a socket is skipped with a warning that names it', async () => {
  await run('sock', '-v', `${p}k:/data`, 'busybox:local', 'sh', '-c', 'nc -l -s local:/data/s & exec sleep 100000');
  await docker('run', '--rm', '-v', `${p}k:/d`, 'debian:bookworm-slim', 'perl', '-e',
    'use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("/d/db.sock")) or die');
  const b = await app.backup(`${p}sock`);
  assert.match(said(b), /db\.sock/);
  const c = companion(b.file);
  assert.ok(c.warning_count >= 1);
  assert.equal(c.parts.find((x) => x.name === `${p}k`).warnings, c.warning_count);
});

test('the image as a reference needs a digest', async () => {
  const b = await app.backup(`${p}hold`, { image: 'reference' }, 'error');
  assert.match(b.error, /no digest/);
  await clean('hold');
});

test('a mount whose source is gone fails the backup and is named', async () => {
  mkdirSync(path.join(host, 'gone'));
  await run('gone', '-v', `${host}/gone:/g`, 'busybox:local', 'true');
  await docker('wait', `${p}gone`);
  rmSync(path.join(host, 'gone'), { recursive: true });
  const b = await app.backup(`${p}gone`, {}, 'error');
  assert.match(b.error, /gone/);
  assert.deepEqual(leftovers(), []);
  assert.equal(existsSync(path.join(host, 'gone')), false);
});

function bigFile(name, megabytes) {
  const fd = openSync(name, 'w');
  const block = Buffer.alloc(1 << 20);
  for (let i = 0; i < megabytes; i++) {
    block.writeUInt32LE(i, 0);
    for (let k = 4; k < block.length; k += 4) block.writeUInt32LE((Math.imul(k + i * 7919, 2654435761) ^ (k << 7)) >>> 0, k);
    writeSync(fd, block);
  }
  closeSync(fd);
}

for (const consistency of ['live', 'pause', 'stop']) {
  test(`a cancel in the middle (${consistency}) leaves nothing`, async () => {
    const folder = path.join(host, 'big');
    if (!existsSync(folder)) {
      mkdirSync(folder);
      bigFile(path.join(folder, 'a'), 600);
      await run('big', '-v', `${folder}:/big`, ...idle);
    }
    const before = readdirSync(vault).length;
    const r = await app.api('POST', `/api/backup/${p}big`, { consistency });
    assert.equal(r.status, 200, r.text);
    for (let i = 0; ; i++) {
      const s = (await app.api('GET', `/api/jobs/${r.json.job_id}`)).json;
      if (s.step_number === 4 && s.bytes_done > 50e6) break;
      assert.ok(i < 2000 && s.state !== 'complete', JSON.stringify(s));
      await sleep(10);
    }
    const begin = Date.now();
    assert.equal((await app.api('POST', `/api/jobs/${r.json.job_id}/cancel`)).status, 200);
    const job = await app.waitJob(r.json.job_id, 30);
    assert.equal(job.state, 'cancelled');
    assert.ok(Date.now() - begin < 5000, `${Date.now() - begin} ms`);
    assert.equal(readdirSync(vault).length, before);
    await clean('big');
    for (let i = 0; i < 30 && await helpers() !== ''; i++) await sleep(100);
    assert.equal(await helpers(), '');
    assert.equal((await audit('big'))[0], 'backup_manual cancelled');
  });
}

test('the whole program killed in the middle of a stop: all is put back at the next start', async () => {
  const r = await app.api('POST', `/api/backup/${p}big`, { consistency: 'stop' });
  for (let i = 0; ; i++) {
    if (!(await inspect(`${p}big`)).State.Running) break;
    assert.ok(i < 500);
    await sleep(10);
  }
  await app.kill9();
  await sleep(300);
  assert.equal((await inspect(`${p}big`)).State.Running, false);
  await app.spawn();
  await app.login();
  const job = await app.waitJob(r.json.job_id, 60);
  assert.equal(job.state, 'complete');
  await clean('big');
  const seen = await audit('big');
  assert.ok(seen.includes('recovery interrupted'), String(seen));
  assert.ok(seen.includes('backup_manual interrupted'), String(seen));
  for (let i = 0; i < 30 && await helpers() !== ''; i++) await sleep(100);
  assert.equal(await helpers(), '');
});

test('the program ended in the middle of a stop: the container runs before it is gone, and the backup goes on later', async () => {
  const r = await app.api('POST', `/api/backup/${p}big`, { consistency: 'stop' });
  for (let i = 0; ; i++) {
    if (!(await inspect(`${p}big`)).State.Running) break;
    assert.ok(i < 500);
    await sleep(10);
  }
  const begin = Date.now();
  await app.stop();
  assert.ok(Date.now() - begin < 10000, `${Date.now() - begin} ms`);
  await clean('big');
  await app.spawn();
  await app.login();
  let job;
  for (let i = 0; i < 100; i++) {
    job = await app.waitJob(r.json.job_id, 60);
    if (job.state === 'complete') break;
    await sleep(100);
  }
  assert.equal(job.state, 'complete');
  await clean('big');
});

test('unknown, busy and queued answer as they always did', async () => {
  const unknown = await app.api('POST', `/api/backup/${p}nobody`);
  assert.equal(unknown.status, 404);
  assert.ok(unknown.json.error);
  const first = await app.api('POST', `/api/backup/${p}big`);
  assert.equal(first.status, 200);
  assert.deepEqual([first.json.message, first.json.queued, first.json.success], ['Backup started', false, true]);
  const busy = await app.api('POST', `/api/backup/${p}hold`);
  assert.equal(busy.status, 409);
  assert.deepEqual([busy.json.status, busy.json.current_backup, busy.json.error],
    ['busy', `${p}big`, `A backup is already in progress: ${p}big`]);
  const queued = await app.api('POST', `/api/backup/${p}hold?queue=true`);
  assert.equal(queued.status, 202);
  assert.deepEqual([queued.json.status, queued.json.message, queued.json.current_backup], ['queued', 'Backup queued', `${p}big`]);
  const status = await app.api('GET', '/api/backup/status');
  assert.deepEqual([status.json.status, status.json.current_backup], ['busy', `${p}big`]);
  assert.equal((await app.waitJob(first.json.job_id)).state, 'complete');
  assert.equal((await app.waitJob(queued.json.job_id)).state, 'complete');
  assert.equal((await app.api('POST', `/api/backup/${p}hold`, { consistency: 'freeze' })).status, 400);
});

test('ten small ones, one after the other', async () => {
  for (let i = 0; i < 10; i++) await run(`small${i}`, '-v', `${p}small${i}:/data`, ...idle);
  const begin = Date.now();
  const r = await app.api('POST', '/api/containers/backup', { container: [...Array(10).keys()].map((i) => `${p}small${i}`), image: 'embed' });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.jobs.length, 10);
  for (const j of r.json.jobs) assert.equal((await app.waitJob(j.job_id)).state, 'complete');
  console.log(`# ten backups in ${Date.now() - begin} ms`);
});

test('a full disk fails the backup, says so, and nothing is left', { skip: process.getuid() !== 0 }, async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=60m', 'none', dir]);
  try {
    const small = await startApp({ dataDir: dir });
    const b = await small.backup(`${p}big`, { consistency: 'pause' }, 'error');
    assert.equal(b.error_code, 'NO_SPACE');
    assert.match(b.error, /space/);
    assert.deepEqual(readdirSync(path.join(dir, 'backups')), []);
    const fits = await small.backup(`${p}hold`);
    assert.equal(fits.state, 'complete');
    await small.stop();
  } finally {
    execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true });
  }
  await clean('big');
});

test('a container that is deleted meanwhile fails its backup, and nothing is left', async () => {
  const r = await app.api('POST', `/api/backup/${p}big`);
  for (let i = 0; ; i++) {
    const s = (await app.api('GET', `/api/jobs/${r.json.job_id}`)).json;
    if (s.step_number >= 2) break;
    assert.ok(i < 1000, JSON.stringify(s));
    await sleep(5);
  }
  await docker('rm', '-f', `${p}big`);
  const job = await app.waitJob(r.json.job_id);
  // What was read before is whole; whether the engine still had what it needed is a matter of moments.
  assert.ok(['error', 'complete'].includes(job.state));
  assert.deepEqual(leftovers(), []);
});

test('a container deleted while its changes are read: never a complete backup with half of them', async () => {
  bigFile(path.join(host, 'slow'), 600);
  await run('layer', '-v', `${host}/slow:/slow`, 'busybox:local', 'sh', '-c',
    'mkdir /many; for i in $(seq 2000); do echo $i > /many/$i; done; touch /done; trap "exit 0" TERM; while :; do sleep 0.1; done');
  for (let i = 0; i < 300 && !(await docker('diff', `${p}layer`)).includes('/done'); i++) await sleep(100);
  const r = await app.api('POST', `/api/backup/${p}layer`);
  for (let i = 0; ; i++) {
    const s = (await app.api('GET', `/api/jobs/${r.json.job_id}`)).json;
    if (s.step_number === 4 && s.bytes_done > 20e6) break;
    assert.ok(i < 2000 && s.is_active, JSON.stringify(s));
    await sleep(10);
  }
  await docker('rm', '-f', `${p}layer`);
  const job = await app.waitJob(r.json.job_id);
  assert.equal(job.state, 'error');
  assert.match(job.error, /was deleted while it was read/);
  assert.deepEqual(leftovers(), []);
});
