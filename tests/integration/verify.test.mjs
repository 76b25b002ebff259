// SPDX-License-Identifier: GPL-3.0-or-later
// Verification: one, several, all, by schedule; what is found, where it is said, and how it goes away again.
import { test, assert, docker, startApp, removeAll, after, before, sleep } from '../tools/harness.mjs';
import { execFileSync } from 'node:child_process';
import { chownSync, copyFileSync, existsSync, linkSync, openSync, closeSync, readFileSync, readSync, renameSync, rmSync, statSync, writeSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const p = `cmverify${process.pid}-`;
const app = await startApp();
const vault = path.join(app.dataDir, 'backups');
// Not inside: at a start the program takes archives that lie there into its vault.
const kept = `${app.dataDir}-kept.tar.gz`;
const pages = ['/', '/containers', '/vault', '/jobs', '/audit', '/settings', '/account', '/help', '/no-such-page'];
const copies = 16;
let file, names;

const backups = async (query = '') => (await app.api('GET', `/api/backups?${query}`)).json.backups;
const one = async (name) => (await backups('limit=1000')).find((b) => b.filename === name);
const numbers = async () => (await app.api('GET', '/api/dashboard-stats')).json;
const audit = async (name) => (await app.api('GET', `/api/audit-logs?operation_type=verify&search=${encodeURIComponent(name)}`)).json.logs.map((l) => l.status);
const sql = (text) => execFileSync('sqlite3', ['-cmd', '.timeout 10000', path.join(app.dataDir, 'config/monkey.db'), text], { encoding: 'utf8' }).trim();
async function until(what, check, seconds = 60) {
  for (const end = Date.now() + seconds * 1000; ; await sleep(30)) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`it did not happen in ${seconds} s: ${what}`);
  }
}
async function verify(name) {
  const r = await app.api('POST', `/api/backup/${name}/verify`);
  assert.equal(r.status, 202, r.text);
  return app.waitJob(r.json.job_id);
}
async function verifyAll() {
  const r = await app.api('POST', '/api/backups/verify', { all: true });
  assert.equal(r.status, 202, r.text);
  return r.json.jobs[0].job_id;
}
// A good copy under this name, readable for the program's workers.
function putBack(name) {
  const { uid, gid } = statSync(path.join(vault, file));
  copyFileSync(kept, path.join(vault, name));
  chownSync(path.join(vault, name), uid, gid);
}
function flip(name) {
  const fd = openSync(path.join(vault, name), 'r+');
  const byte = Buffer.alloc(1);
  const at = Math.floor(statSync(path.join(vault, name)).size / 2);
  readSync(fd, byte, 0, 1, at);
  writeSync(fd, Buffer.from([byte[0] ^ 0x10]), 0, 1, at);
  closeSync(fd);
}

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', `${p}web`, '-v', `${p}data:/data`, 'busybox:local', 'sh', '-c',
    'head -c 40000000 /dev/urandom > /data/noise; touch /data/ready; exec sleep 100000');
  await until('the data is there', () => docker('exec', `${p}web`, 'test', '-e', '/data/ready').then(() => true, () => false));
  file = (await app.backup(`${p}web`)).file;
  copyFileSync(path.join(vault, file), kept);
  // More of the same without more disk: the same archive under other names.
  names = Array.from({ length: copies }, (_, i) => `${p}web_20261101_1200${String(i).padStart(2, '0')}-abcdef.tar.gz`);
  for (const n of names) {
    linkSync(path.join(vault, file), path.join(vault, n));
    copyFileSync(path.join(vault, `${file}.json`), path.join(vault, `${n}.json`));
  }
  assert.equal((await app.api('POST', '/api/backups/refresh')).json.added, copies);
});
after(() => removeAll(p));
after(() => rmSync(kept, { force: true }));

test('several are verified, each with a result of its own', async () => {
  const begun = new Date(Date.now() - 1000).toISOString();
  const r = await app.api('POST', '/api/backups/verify', { file: [names[0], 'none_20261101_120000-abcdef.tar.gz', names[1], 'network_x_20261101_120000.json'] });
  assert.equal(r.status, 202);
  assert.deepEqual(r.json.jobs.map((j) => [j.filename, Boolean(j.job_id), j.error]), [
    [names[0], true, null], ['none_20261101_120000-abcdef.tar.gz', false, 'Backup file not found'], [names[1], true, null],
    ['network_x_20261101_120000.json', false, 'A network backup is a small file without hashes: there is nothing to verify.']]);
  assert.match(r.json.message, /^2 backups/);
  for (const j of [r.json.jobs[0], r.json.jobs[2]]) {
    const job = await app.waitJob(j.job_id);
    assert.deepEqual([job.state, job.result.state, job.result.filename], ['complete', 'ok', j.filename]);
    const row = await one(j.filename);
    assert.equal(row.verify_state, 'ok');
    assert.ok(row.verified_at >= begun.slice(0, 19), `${row.verified_at} ${begun}`);
    assert.deepEqual((await audit(j.filename)).slice(0, 2), ['completed', 'started']);
  }
  const none = await app.api('POST', '/api/backups/verify', { file: ['none_20261101_120000-abcdef.tar.gz'] });
  assert.deepEqual([none.status, none.json.error], [404, 'Backup file not found']);
  assert.equal((await app.api('POST', '/api/backups/verify', {})).status, 400);
});

test('the form of the vault verifies the selection without a script', async () => {
  const page = await app.get('/vault');
  assert.match(page.text, /<form method="post" action="\/vault\/verify" data-select/);
  assert.match(page.text, /formaction="\/vault\/delete"/);
  const one = await app.post('/vault/verify', { file: names[2] });
  assert.match(one.headers.location, /^\/job\//);
  assert.equal((await app.waitJob(one.headers.location.slice(5))).result.state, 'ok');
  const two = await app.post('/vault/verify', { file: [names[2], names[3]] });
  assert.equal(two.headers.location, '/jobs?kind=verify');
  const nothing = await app.post('/vault/verify', {});
  assert.equal(nothing.headers.location, '/vault');
  await until('all jobs are over', async () => (await app.api('GET', '/api/jobs')).json.jobs.every((j) => j.state === 'complete'));
});

test('a second click finds the first job, and who may only look may not verify', async () => {
  const batch = await app.api('POST', '/api/backups/verify', { file: names });
  const last = batch.json.jobs.at(-1);
  const again = await app.api('POST', '/api/backups/verify', { file: [names.at(-1), names.at(-1)] });
  assert.deepEqual(again.json.jobs.map((j) => j.job_id), [last.job_id, last.job_id]);
  const all = [await verifyAll(), await verifyAll()];
  assert.equal(all[0], all[1]);
  for (const id of [all[0], ...batch.json.jobs.map((j) => j.job_id)]) await app.api('POST', `/api/jobs/${id}/cancel`);
  for (const id of [all[0], ...batch.json.jobs.map((j) => j.job_id)])
    assert.ok(['complete', 'cancelled'].includes((await app.waitJob(id)).state));
  for (const [role, status] of [['viewer', 403], ['developer', 202]]) {
    const token = (await app.api('POST', '/api/tokens', { name: `${p}${role}`, role })).json.token;
    const cookie = app.cookie;
    app.cookie = '';
    const r = await app.api('POST', '/api/backups/verify', { file: [names[0]] }, { authorization: `Bearer ${token}` });
    app.cookie = cookie;
    assert.equal(r.status, status, r.text);
    if (r.json.jobs) await app.waitJob(r.json.jobs[0].job_id);
  }
  assert.ok((await app.api('GET', '/api/openapi.json')).json.paths['/api/backups/verify'].post);
});

test('killed in the middle, all of them go on after the restart', async () => {
  const since = new Date().toISOString();
  const id = await verifyAll();
  const many = (await app.api('POST', '/api/backups/verify', { file: names.slice(0, 6) })).json.jobs.map((j) => j.job_id);
  const done = async () => (await backups('limit=1000')).filter((b) => b.verified_at > since).length;
  await until('some are done', async () => (await done()) >= 3);
  await app.kill9();
  await app.spawn();
  const job = await until('it goes on to its end', async () => {
    const now = await app.waitJob(id);
    return now.state === 'complete' && now;
  });
  assert.ok(job.result.verified_before >= 2 && job.result.ok >= 1, JSON.stringify(job.result));
  assert.equal(job.result.ok + job.result.verified_before, copies + 1);
  assert.equal(await done(), copies + 1);
  for (const one of many) assert.equal((await app.waitJob(one)).result.state, 'ok');
  assert.ok((await app.api('GET', '/api/audit-logs?operation_type=verify&status=interrupted')).json.total >= 1);
});

test('backups and restores go first, and read the same file at the same time', async () => {
  const id = await verifyAll();
  await until('it runs', async () => (await app.api('GET', `/api/jobs/${id}`)).json.state === 'running');
  const restore = await app.restore(file, { new_name: `${p}again`, volumes: 'new' });
  assert.equal(restore.status, 200, restore.text);
  assert.equal((await app.backup(`${p}again`)).state, 'complete');
  assert.equal((await app.waitJob(id)).state, 'complete');
  await docker('rm', '-f', `${p}again`);
});

test('a damaged one is red, in a banner on every page, in the audit and in the API', async () => {
  assert.deepEqual([(await numbers()).damaged, (await numbers()).missing], [0, 0]);
  for (const page of pages) assert.ok(!(await app.get(page)).text.includes('is damaged'), page);
  // A file of its own: the others share theirs.
  rmSync(path.join(vault, names[4]));
  putBack(names[4]);
  flip(names[4]);
  const job = await verify(names[4]);
  assert.deepEqual([job.state, job.result.state], ['complete', 'damaged']);
  const row = await one(names[4]);
  assert.deepEqual([row.verify_state, row.state.is_damaged], ['damaged', true]);
  assert.match(row.verify_error, /noise/);
  assert.equal((await audit(names[4]))[0], 'error');
  assert.equal((await numbers()).damaged, 1);
  for (const page of pages) {
    const r = await app.get(page);
    assert.ok(r.text.includes(`1 backup is damaged: ${names[4]}`), page);
    assert.ok(r.text.includes('href="/vault?state=damaged"'), page);
  }
  assert.deepEqual((await backups('state=damaged')).map((b) => b.filename), [names[4]]);
  assert.equal((await backups('sort=state'))[0].filename, names[4]);
  const page = (await app.get(`/backup/${names[4]}`)).text;
  assert.match(page, /Restore from another: the newest good backup of/);
  assert.match(page, /Delete this one, or put a good copy/);
  // The file is put back: verified again, the banner goes.
  putBack(names[4]);
  assert.equal((await verify(names[4])).result.state, 'ok');
  assert.equal((await numbers()).damaged, 0);
  for (const where of pages) assert.ok(!(await app.get(where)).text.includes('1 backup is damaged'), where);
});

test('one whose file vanished is told, until it is back or deleted', async () => {
  const away = path.join(app.dataDir, 'away.tar.gz');
  renameSync(path.join(vault, names[5]), away);
  const job = await verify(names[5]);
  assert.deepEqual([job.state, job.result.state], ['complete', 'missing']);
  const row = await one(names[5]);
  assert.deepEqual([row.verify_state, row.state.text, row.restore_url, row.download_url], ['missing', 'Missing', null, null]);
  assert.deepEqual((await backups('state=missing')).map((b) => b.filename), [names[5]]);
  assert.equal((await numbers()).missing, 1);
  assert.ok((await app.get('/help')).text.includes(`1 backup is missing from the vault: ${names[5]}`));
  assert.match((await app.get(`/backup/${names[5]}`)).text, /no longer in the vault/);
  renameSync(away, path.join(vault, names[5]));
  assert.equal((await verify(names[5])).result.state, 'ok');
  assert.equal((await numbers()).missing, 0);
  // A look at the folder finds it as well.
  rmSync(path.join(vault, names[5]));
  assert.equal((await app.api('POST', '/api/backups/refresh')).json.removed, 1);
  assert.equal((await numbers()).missing, 1);
  assert.equal((await audit(names[5]))[0], 'error');
  assert.equal((await app.api('DELETE', `/api/backup/${names[5]}`)).status, 200);
  assert.equal((await numbers()).missing, 0);
  assert.equal(await one(names[5]), undefined);
});

test('what is deleted meanwhile, and a vault that cannot be read, are errors that say so', async () => {
  const batch = (await app.api('POST', '/api/backups/verify', { file: names.slice(6, 14) })).json.jobs;
  const last = batch.at(-1);
  assert.equal((await app.api('DELETE', `/api/backup/${last.filename}`)).status, 200);
  const job = await app.waitJob(last.job_id);
  // It may have been quicker than the deletion.
  if (job.state === 'error') assert.match(job.error, /not found|deleted while it was being verified/);
  else assert.deepEqual([job.state, job.result.state], ['complete', 'ok']);
  for (const j of batch.slice(0, -1)) assert.equal((await app.waitJob(j.job_id)).result.state, 'ok');
  assert.equal(existsSync(path.join(vault, `${last.filename}.json`)), false);

  renameSync(vault, `${vault}.away`);
  const single = await verify(names[0]);
  const all = await app.waitJob(await verifyAll());
  renameSync(`${vault}.away`, vault);
  for (const j of [single, all]) {
    assert.equal(j.state, 'error');
    assert.match(j.error, /vault's folder cannot be opened/);
  }
  assert.deepEqual([(await numbers()).damaged, (await numbers()).missing, (await one(names[0])).verify_state], [0, 0, 'ok']);
});

test('an archive without hashes is readable, not verified', async () => {
  const name = 'oldweb_20261101_120000.tar.gz';
  writeFileSync(path.join(app.dataDir, 'container_config.json'), JSON.stringify({ Name: '/oldweb', Config: { Image: 'busybox:local' }, HostConfig: {}, Mounts: [] }));
  execFileSync('tar', ['-C', app.dataDir, '-czf', path.join(vault, name), 'container_config.json']);
  await app.api('POST', '/api/backups/refresh');
  assert.equal((await verify(name)).result.state, 'readable');
  const row = await one(name);
  assert.deepEqual([row.verify_state, row.state.text, row.state.is_verified, row.state.is_readable], ['readable', 'Readable', false, true]);
  assert.match((await app.get(`/backup/${name}`)).text, /no hashes to compare/);
  assert.deepEqual((await backups('state=readable')).map((b) => b.filename), [name]);
  // Cut off it is damaged.
  writeFileSync(path.join(vault, name), readFileSync(path.join(vault, name)).subarray(0, -20));
  assert.equal((await verify(name)).result.state, 'damaged');
  assert.equal((await app.api('DELETE', `/api/backup/${name}`)).status, 200);
});

test('by schedule the oldest verified is verified, so many per cent a day', async () => {
  assert.equal((await app.api('POST', '/api/ui/settings/verify_percent', { value: '101' })).status, 400);
  const wrong = await app.post('/settings', { verify_percent: 'many' });
  assert.ok(wrong.status >= 400 && wrong.text.includes('value="many"') && wrong.text.includes('from 0 to 100'));
  for (const n of names.slice(3)) if (await one(n)) await app.api('DELETE', `/api/backup/${n}`);
  const left = (await backups('limit=1000')).map((b) => b.filename);
  const oldest = names[1];
  // A third of what there is pays for one of them, if they are equally large.
  assert.ok(left.length >= 3 && left.length <= 6, String(left));
  const percent = Math.floor(100 / left.length) + 1;
  assert.equal((await app.post('/settings', { verify_percent: String(percent) })).status, 303);
  assert.ok((await app.get('/settings')).text.includes(`value="${percent}"`));
  await app.stop();
  const old = Date.now() - 30 * 86400000;
  sql(`UPDATE backups SET verified_ms = ${old} WHERE file = '${oldest}';`
    + `INSERT OR REPLACE INTO settings (area, key, value, updated_ms) VALUES ('program', 'verify_schedule', '{"last_ms":${Date.now() - 25 * 3600000},"allowance":0}', 0)`);
  const before = sql('SELECT file, verified_ms FROM backups ORDER BY file').split('\n');
  await app.spawn();
  const scheduled = async () => (await app.api('GET', '/api/jobs?kind=verify_batch&sort=-created')).json.jobs.find((j) => j.title === 'Verification by schedule');
  const job = await app.waitJob((await until('it begins', scheduled, 90)).id);
  assert.deepEqual([job.state, job.result.ok], ['complete', 1], JSON.stringify(job));
  const after = sql('SELECT file, verified_ms FROM backups ORDER BY file').split('\n');
  assert.deepEqual(after.filter((line) => !before.includes(line)).map((line) => line.split('|')[0]), [oldest]);
  assert.ok(Date.parse((await one(oldest)).verified_at) > Date.now() - 600000);
  // Not again before an hour is over, also not after a restart; and 0 is never.
  assert.equal((await app.api('POST', '/api/ui/settings/verify_percent', { value: '0' })).status, 200);
  await app.stop();
  sql(`UPDATE settings SET value = '{"last_ms":1,"allowance":99999999999}' WHERE key = 'verify_schedule'`);
  await app.spawn();
  await until('it looked', () => JSON.parse(sql("SELECT value FROM settings WHERE key = 'verify_schedule'")).last_ms > 1, 90);
  assert.equal((await app.api('GET', '/api/jobs?kind=verify_batch')).json.jobs.filter((j) => j.title === 'Verification by schedule').length, 1);
});
