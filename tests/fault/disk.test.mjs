// SPDX-License-Identifier: GPL-3.0-or-later
// The disk is full, read-only or broken, or the clock jumps: said clearly, nothing half done, the container as it was.
import { assert, docker, inspect, startApp, removeAll, after, before, sleep } from '../tools/harness.mjs';
import { long, longTest } from './rig.mjs';
import { startFaulty, clean, atStep } from './fault_rig.mjs';
import { mkdtempSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';

const p = `cmdisk${process.pid}-`;
const name = `${p}a`;
const app = long ? await startFaulty() : null;
let good;

before(async () => {
  if (!long) return;
  await removeAll(p);
  await docker('run', '-d', '--name', name, '--restart', 'unless-stopped', '-v', `${p}data:/data`, 'busybox:local', 'sh', '-c',
    'test -f /data/big || head -c 30000000 /dev/urandom >/data/big; trap "exit 0" TERM; while :; do sleep 0.1; done');
  for (let i = 0; (await docker('exec', name, 'sh', '-c', 'stat -c %s /data/big || echo 0')) !== '30000000'; i++, await sleep(100)) assert.ok(i < 600);
  good = (await app.backup(name)).file;
});
after(async () => {
  app?.forget();
  await removeAll(p);
});

async function asBefore() {
  const s = (await inspect(name)).State;
  assert.deepEqual([s.Running, s.Paused], [true, false]);
  assert.equal((await inspect(name)).HostConfig.RestartPolicy.Name, 'unless-stopped');
}

// What fails, at which place, and what is said then.
const faults = [
  ['no space while writing', 'w', 'ENOSPC', '.partial', 4e6, 'NO_SPACE', /[Nn]o space.*[Ff]ree|space left/],
  ['an I/O error while writing', 'w', 'EIO', '.partial', 4e6, 'IO_ERROR', /writing the backup/],
  ['an I/O error of the fsync', 'f', 'EIO', '.partial', 0, 'IO_ERROR', /writing the backup to the disk/],
  ['an I/O error while what was written is read again', 'r', 'EIO', '.partial', 1e6, 'IO_ERROR', /reading|read/],
  ['no space for the companion', 'w', 'ENOSPC', '.json.partial', 0, 'NO_SPACE', /space/],
  ['the folder cannot be written', 'o', 'EROFS', '.partial', 0, 'IO_ERROR', /creating the backup file in the vault/],
];
for (const [what, call, code, part, after, word, said] of faults) {
  longTest(`backup: ${what}`, async () => {
    app.fault(call, code, part, after);
    const b = await app.backup(name, { consistency: what.includes('fsync') ? 'stop' : 'pause' }, 'error');
    assert.ok(app.hit(), 'the fault came by');
    app.heal();
    assert.equal(b.error_code, word, JSON.stringify(b));
    assert.match(b.error, said);
    await asBefore();
    await clean(app, `${p}data`);
    const log = (await app.api('GET', `/api/audit-logs?operation_type=backup_manual&status=error&search=${name}`)).json.logs;
    assert.match(log[0].error_message, said);
    assert.ok((await app.get(`/job/${b.id}`)).text.includes('error-text'), 'the page says so');
  });
}

longTest('after all of them a backup completes', async () => {
  const b = await app.backup(name);
  assert.equal(b.state, 'complete');
  await clean(app, `${p}data`);
});

longTest('restore: an I/O error while the archive is read leaves the old container', async () => {
  const was = await inspect(name);
  app.fault('r', 'EIO', good, 8e6);
  const r = await app.restore(good, { replace: true, volumes: 'replace' });
  assert.ok(app.hit(), 'the fault came by');
  app.heal();
  assert.equal(r.status, 500, r.text);
  assert.match(r.json.error, /read/);
  const now = await inspect(name);
  assert.equal(now.Id, was.Id);
  await asBefore();
  await clean(app, `${p}data`);
  assert.deepEqual((await docker('volume', 'ls', '--format', '{{.Name}}')).split('\n').filter((v) => v.startsWith('cm-restore-')), []);
});

longTest('a download of a file that cannot be read breaks off', async () => {
  app.fault('r', 'EIO', good, 1e6);
  await app.download(`/api/download/${good}`).catch(() => {});
  app.heal();
  const ok = await app.download(`/api/download/${good}`);
  assert.equal(ok.status, 200);
});

longTest('the clock jumps back an hour in the middle of a backup and of a restore', async () => {
  const r = await app.api('POST', `/api/backup/${name}?queue=true`, { consistency: 'pause' });
  await atStep(app, r.json.progress_id, 2);
  app.clock(-3600);
  const job = await app.waitJob(r.json.progress_id);
  assert.equal(job.state, 'complete', JSON.stringify(job));
  assert.equal((await app.api('GET', '/api/auth-status')).json.logged_in, true);
  const b = await app.backup(name);
  assert.equal(b.state, 'complete');
  app.clock(0);
  const restoring = app.restore(b.file, { replace: true, volumes: 'replace' });
  await sleep(200);
  app.clock(-3600);
  const done = await restoring;
  assert.equal(done.status, 200, done.text);
  await asBefore();
  await clean(app, `${p}data`);
  // And forward again: nobody is logged out, work goes on.
  app.clock(0);
  assert.equal((await app.backup(name)).state, 'complete');
  for (const e of (await app.api('GET', '/api/jobs?limit=1000')).json.jobs) assert.ok(!(e.duration_ms < 0), JSON.stringify(e));
});

longTest('a real disk that is full: backup and database', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'none', dir]);
  try {
    const small = await startApp({ dataDir: dir });
    const b = await small.backup(name, { consistency: 'stop' }, 'error');
    assert.equal(b.error_code, 'NO_SPACE');
    await asBefore();
    await clean(small, `${p}data`);
    // Completely full: pages are served, changes are refused with 507.
    execFileSync('sh', ['-c', `head -c 100000000 /dev/zero > ${dir}/filler 2>/dev/null || true`]);
    let r;
    for (let i = 0; i < 200; i++) {
      r = await small.api('POST', `/api/ui/settings/k${i}`, { value: 'x'.repeat(4000) });
      if (r.status !== 200) break;
    }
    assert.equal(r.status, 507, r.text);
    assert.match(r.json.error, /No space left for the database\. Free some space/);
    assert.equal((await small.get('/vault')).status, 200);
    rmSync(`${dir}/filler`);
    assert.equal((await small.api('POST', '/api/ui/settings/k', { value: 'x' })).status, 200);
    await small.stop();
  } finally {
    execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true });
  }
});

longTest('a data folder that is read-only: said at the start; while it runs, backups fail and pages are there', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-ro-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=100m', 'none', dir]);
  try {
    const ro = await startApp({ dataDir: dir });
    await ro.backup(name);
    await ro.stop();
    execFileSync('mount', ['-o', 'remount,ro', dir]);
    ro.stderr = '';
    const refused = await startApp({ dataDir: dir, login: false, wait: false });
    assert.notEqual((await refused.ended).code, 0);
    assert.match(refused.stderr, /^container-monkey: .*(read-only|rights|cannot be written)/m);
    execFileSync('mount', ['-o', 'remount,rw', dir]);
    await ro.spawn();
    await ro.login();
    // Only the vault: another file system over it.
    execFileSync('mount', ['--bind', `${dir}/backups`, `${dir}/backups`]);
    execFileSync('mount', ['-o', 'remount,bind,ro', `${dir}/backups`]);
    const b = await ro.backup(name, { consistency: 'pause' }, 'error');
    assert.match(b.error, /creating the backup file in the vault/);
    await asBefore();
    assert.equal((await ro.api('GET', '/api/backups')).json.backups.length, 1);
    const file = (await ro.api('GET', '/api/backups')).json.backups[0].filename;
    assert.equal((await ro.download(`/api/download/${file}`)).status, 200);
    execFileSync('umount', [`${dir}/backups`]);
    await ro.backup(name);
    await ro.stop();
  } finally {
    execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true });
  }
});
