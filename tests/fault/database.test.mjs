// SPDX-License-Identifier: GPL-3.0-or-later
// A database that is damaged, missing or locked does not stop the program, nobody is locked out, and the vault is there.
import { test, assert, docker, startApp, removeAll, after, before, sleep, fetchRaw } from '../tools/harness.mjs';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, existsSync, statSync, writeFileSync, truncateSync, openSync, writeSync, readSync, closeSync } from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';

const p = `cmdb${process.pid}-`;
const secret = 'Chosen-by-hand-8!';
const base = mkdtempSync(path.join(tmpdir(), 'cm-db-'));
const dirs = [base];
let file, content;

const sql = (db, text) => execFileSync('sqlite3', ['-cmd', '.timeout 10000', db, text], { encoding: 'utf8' }).trim();
const listing = (dir) => readdirSync(path.join(dir, 'config'));

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', `${p}a`, '-v', `${p}data:/data`, 'busybox:local', 'sh', '-c', 'echo kept >/data/f; exec sleep 1000000');
  const app = await startApp({ dataDir: base });
  ({ file } = await app.backup(`${p}a`));
  const r = await app.api('POST', '/api/change-password', { current_password: 'Tests-need-a-Pass7!', new_password: secret });
  assert.equal(r.status, 200, r.text);
  app.csrf = r.json.csrf_token ?? app.csrf;
  await app.login('admin', secret);
  assert.equal((await app.api('POST', '/api/ui/settings/server_name', { value: 'Kept name' })).status, 200);
  // The copy is made by itself soon after the start, once more after a password changed.
  await app.stop();
  await app.spawn();
  const copies = path.join(base, 'config/copies');
  const password = () => { try { return sql(path.join(copies, readdirSync(copies).find((n) => n.endsWith('.db'))), 'SELECT password FROM users'); } catch { return ''; } };
  const now = sql(path.join(base, 'config/monkey.db'), 'SELECT password FROM users');
  for (let i = 0; password() !== now; i++, await sleep(200)) assert.ok(i < 450, `no copy: ${app.stderr}`);
  await app.stop();
  content = readFileSync(path.join(base, 'backups', file));
});
after(async () => {
  await removeAll(p);
  for (const d of dirs) rmSync(d, { recursive: true, force: true });
});

function fresh({ copies = true } = {}) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-db-'));
  dirs.push(dir);
  execFileSync('cp', ['-a', `${base}/.`, dir]);
  if (!copies) rmSync(path.join(dir, 'config/copies'), { recursive: true });
  const db = path.join(dir, 'config/monkey.db');
  return { dir, db, size: statSync(db).size };
}

function overwrite(db, at, bytes) {
  const fd = openSync(db, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

const rootPage = (db, name) => Number(sql(db, `SELECT rootpage FROM sqlite_schema WHERE name = '${name}'`));

// What must hold after every damage.
async function check(dir, options = {}) {
  const app = await startApp({ dataDir: dir, login: false });
  try {
    return await look(app, dir, options);
  } catch (e) {
    throw new Error(`${e.stack}\n${app.stderr}`);
  }
}

async function look(app, dir, { kept = true, again = false }) {
  await app.login('admin', secret);
  const damaged = listing(dir).filter((n) => /^monkey\.db\.damaged-\d{8}_\d{6}$/.test(n));
  assert.equal(damaged.length, kept ? 1 : 0, String(listing(dir)));
  assert.deepEqual(listing(dir).filter((n) => /partial|salvage|suspect/.test(n)), []);
  // The vault: listed, downloaded, and a restore can be planned.
  let backups;
  for (let i = 0; i < 200; i++, await sleep(50)) {
    backups = (await app.api('GET', '/api/backups')).json.backups;
    if (backups.length === 1) break;
  }
  assert.equal(backups[0]?.filename, file);
  assert.ok((await app.download(`/api/download/${file}`)).buffer.equals(content), 'the download is the file');
  const plan = await app.api('POST', '/api/restore-backup?preflight=true', { filename: file, new_name: `${p}other` });
  assert.equal(plan.status, 200, plan.text);
  assert.equal(plan.json.can_restore, true, plan.text);
  assert.equal((await app.api('GET', '/api/ui/settings')).json.server_name, 'Kept name');
  // Said in the audit log, on every page and in the log of the program.
  const log = (await app.api('GET', '/api/audit-logs?operation_type=database')).json.logs;
  assert.equal(log.length, 1, JSON.stringify(log));
  const said = log[0].error_message;
  assert.match(said, kept ? /The database was damaged and was mended.*config\/monkey\.db\.damaged-\d+_\d+\. .*Backups are not affected/ : /was missing/);
  assert.ok((await app.get('/vault')).text.includes(said.slice(0, 40)), 'the banner');
  assert.match(app.stderr, /The database was/);
  await app.stop();
  assert.equal(sql(path.join(dir, 'config/monkey.db'), 'PRAGMA integrity_check; PRAGMA foreign_key_check'), 'ok');
  if (!again) return { said };
  // The next start finds nothing to mend; work goes on; the notice goes when somebody has read it.
  await app.spawn();
  await app.login('admin', secret);
  await app.backup(`${p}a`);
  const seen = await app.post('/database/seen');
  assert.equal(seen.status, 303, seen.text);
  assert.ok(!(await app.get('/vault')).text.includes(said.slice(0, 40)), 'the banner is gone');
  assert.equal((await app.api('GET', '/api/audit-logs?operation_type=database')).json.logs.length, 1);
  await app.stop();
  return { said };
}

test('the header overwritten: everything is read', async () => {
  const { dir, db } = fresh({ copies: false });
  const before = readFileSync(db);
  overwrite(db, 0, randomBytes(100));
  const damaged = readFileSync(db);
  const { said } = await check(dir, { again: true });
  assert.match(said, /everything in it could be read/);
  const kept = listing(dir).find((n) => n.includes('damaged-') && !/-(wal|shm)$/.test(n));
  assert.ok(readFileSync(path.join(dir, 'config', kept)).equals(damaged), 'the damaged file is kept as it was');
  assert.ok(!damaged.equals(before));
});

test('the marker alone damaged: it is still known as ours', async () => {
  const { dir, db } = fresh({ copies: false });
  overwrite(db, 68, Buffer.from([1, 2, 3, 4]));
  await check(dir);
});

test('a page in the middle overwritten: the rest is read, without a copy', async () => {
  const { dir, db } = fresh({ copies: false });
  overwrite(db, (rootPage(db, 'audit') - 1) * 4096, randomBytes(4096));
  const { said } = await check(dir);
  assert.match(said, /audit log.*no copy/);
});

test('a page of an index overwritten: everything is read', async () => {
  const { dir, db } = fresh({ copies: false });
  overwrite(db, (rootPage(db, 'audit_at') - 1) * 4096, randomBytes(4096));
  const { said } = await check(dir);
  assert.match(said, /everything in it could be read/);
});

test('the page of the users overwritten: they come from the copy', async () => {
  const { dir, db } = fresh();
  overwrite(db, (rootPage(db, 'users') - 1) * 4096, randomBytes(4096));
  const { said } = await check(dir);
  assert.match(said, /users.*the copy of \d{4}-\d\d-\d\d .* filled the gaps/);
});

test('a password that makes no sense any more comes from the copy', async () => {
  const { dir, db } = fresh();
  const fd = openSync(db, 'r');
  const all = Buffer.alloc(statSync(db).size);
  readSync(fd, all, 0, all.length, 0);
  closeSync(fd);
  for (let at = all.indexOf('$argon2id$'); at >= 0; at = all.indexOf('$argon2id$', at + 1)) overwrite(db, at + 30, Buffer.alloc(8, 0x07));
  // Found by nobody but the one who mends: something else must be broken, too.
  overwrite(db, (rootPage(db, 'audit_at') - 1) * 4096, randomBytes(4096));
  await check(dir);
});

test('cut in half', async () => {
  const { dir, db, size } = fresh();
  truncateSync(db, Math.floor(size / 2));
  await check(dir);
});

test('cut inside of its header', async () => {
  const { dir, db } = fresh();
  truncateSync(db, 50);
  await check(dir);
});

test('replaced by garbage', async () => {
  const { dir, db, size } = fresh();
  writeFileSync(db, randomBytes(size));
  await check(dir);
});

test('missing, or empty: its copy takes its place', async () => {
  const { dir, db } = fresh();
  rmSync(db);
  await check(dir, { kept: false });
  const other = fresh();
  truncateSync(other.db, 0);
  await check(other.dir, { kept: false });
});

test('a copy that is damaged too is passed over for an older one', async () => {
  const { dir, db, size } = fresh();
  const copies = path.join(dir, 'config/copies');
  const [name] = readdirSync(copies);
  cpSync(path.join(copies, name), path.join(copies, 'monkey-20200101.db'), { preserveTimestamps: true });
  overwrite(path.join(copies, name), 0, randomBytes(8192));
  writeFileSync(db, randomBytes(size));
  await check(dir);
});

test('a newer database stays refused and as it is, damaged header or not', async () => {
  const { dir, db } = fresh();
  sql(db, 'PRAGMA user_version = 9999');
  const was = readFileSync(db);
  const app = await startApp({ dataDir: dir, login: false, wait: false });
  assert.notEqual((await app.ended).code, 0);
  assert.match(app.stderr, /newer version of the program/);
  assert.ok(readFileSync(db).equals(was));
  assert.deepEqual(listing(dir).filter((n) => /damaged|partial|salvage/.test(n)), []);
});

test('damaged while the program runs: pages say so, the next start mends it', async () => {
  const { dir, db } = fresh();
  const app = await startApp({ dataDir: dir, login: false });
  await app.login('admin', secret);
  sql(db, 'PRAGMA wal_checkpoint(TRUNCATE)');
  overwrite(db, (rootPage(db, 'audit') - 1) * 4096, randomBytes(4096));
  let r;
  for (let i = 0; i < 100; i++, await sleep(50)) {
    r = await app.api('GET', '/api/audit-logs');
    if (r.status !== 200) break;
  }
  assert.equal(r.status, 422, r.text);
  assert.match(r.json.error, /database config\/monkey\.db is damaged\. Restart the program: it mends it/);
  assert.equal((await fetchRaw(`${app.url}/healthz`)).status < 500, true);
  await app.stop();
  await check(dir);
});

test('another program works with the damaged one: the second does not take it away', async () => {
  const { dir, db } = fresh();
  const first = await startApp({ dataDir: dir, login: false });
  await first.login('admin', secret);
  sql(db, 'PRAGMA wal_checkpoint(TRUNCATE)');
  overwrite(db, (rootPage(db, 'audit') - 1) * 4096, randomBytes(4096));
  const second = await startApp({ dataDir: dir, login: false, wait: false });
  for (let i = 0; !/waiting for the database/.test(second.stderr); i++, await sleep(50)) assert.ok(i < 200 && !second.exited, second.stderr);
  assert.deepEqual(listing(dir).filter((n) => /damaged/.test(n)), []);
  // The first one gone, the second mends and serves.
  await first.stop();
  for (let i = 0; ; i++, await sleep(50)) {
    assert.ok(i < 400 && !second.exited, second.stderr);
    if (await fetchRaw(`${second.url}/healthz`).then((r) => r.status < 500, () => false)) break;
  }
  await second.stop();
  assert.equal(listing(dir).filter((n) => /damaged-\d+_\d+$/.test(n)).length, 1);
});

// Holds the write lock, or everything, until told to let go.
async function lock(db, text) {
  const other = spawn('sqlite3', ['-cmd', '.timeout 10000', db], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  other.stdout.on('data', (c) => { said += c; });
  other.stdin.write(`${text}\nSELECT 'locked';\n`);
  for (let i = 0; !/locked/.test(said); i++, await sleep(20)) assert.ok(i < 500, 'the lock');
  return () => new Promise((resolve) => { other.on('exit', resolve); other.stdin.end('ROLLBACK;\n.quit\n'); });
}

test('locked by another program for long: clear answers, the running backup goes on to its end', async () => {
  const { dir, db } = fresh();
  const app = await startApp({ dataDir: dir, login: false });
  await app.login('admin', secret);
  const r = await app.api('POST', `/api/backup/${p}a?queue=true`, { exec_pre: 'sleep 2' });
  for (let i = 0; ; i++, await sleep(50)) {
    assert.ok(i < 200);
    const job = (await app.api('GET', `/api/jobs/${r.json.progress_id}`)).json;
    if ((job.job ?? job).state === 'running') break;
  }
  const unlock = await lock(db, 'BEGIN IMMEDIATE;');
  const begin = Date.now();
  const answer = await app.api('POST', '/api/ui/settings/server_name', { value: 'Other' });
  assert.equal(answer.status, 409, answer.text);
  assert.match(answer.json.error, /database is busy\. Try again/);
  // Pages that only read are there all the time.
  assert.equal((await app.get('/vault')).status, 200);
  while (Date.now() - begin < 12000) await sleep(100);
  await unlock();
  const job = await app.waitJob(r.json.progress_id, 60);
  assert.equal(job.state, 'complete', JSON.stringify(job));
  assert.equal((await app.api('GET', '/api/backups')).json.backups.length, 2);
  assert.equal((await app.api('POST', '/api/ui/settings/server_name', { value: 'Other' })).status, 200);
  await app.stop();
});

test('locked at the start: it waits, says so, and serves when the lock is gone', async () => {
  const { dir, db } = fresh();
  const unlock = await lock(db, 'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE users SET login_ms = 0;');
  const app = await startApp({ dataDir: dir, login: false, wait: false });
  for (let i = 0; !/waiting for the database: another program/.test(app.stderr); i++, await sleep(50)) assert.ok(i < 400 && !app.exited, app.stderr);
  await unlock();
  for (let i = 0; ; i++, await sleep(50)) {
    assert.ok(i < 400 && !app.exited, app.stderr);
    if (await app.login('admin', secret).then(() => true, () => false)) break;
  }
  assert.ok(!existsSync(path.join(dir, 'config/monkey.db.damaged')));
  await app.stop();
});
