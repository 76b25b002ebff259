// SPDX-License-Identifier: GPL-3.0-or-later
// Verification: one, several and all backups, by whom, and each with a result of its own.
import { test, assert, docker, startApp, removeAll, after, before, sleep } from '../tools/harness.mjs';
import { copyFileSync, linkSync } from 'node:fs';
import path from 'node:path';

const p = `cmverify${process.pid}-`;
const app = await startApp();
const vault = path.join(app.dataDir, 'backups');
const copies = 16;
let file, names;

const backups = async (query = '') => (await app.api('GET', `/api/backups?${query}`)).json.backups;
const one = async (name) => (await backups('limit=1000')).find((b) => b.filename === name);
const audit = async (name) => (await app.api('GET', `/api/audit-logs?operation_type=verify&search=${encodeURIComponent(name)}`)).json.logs.map((l) => l.status);
async function until(what, check, seconds = 60) {
  for (const end = Date.now() + seconds * 1000; ; await sleep(30)) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`it did not happen in ${seconds} s: ${what}`);
  }
}
async function verifyAll() {
  const r = await app.api('POST', '/api/backups/verify', { all: true });
  assert.equal(r.status, 202, r.text);
  return r.json.jobs[0].job_id;
}
before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', `${p}web`, '-v', `${p}data:/data`, 'busybox:local', 'sh', '-c',
    'head -c 40000000 /dev/urandom > /data/noise; touch /data/ready; exec sleep 100000');
  await until('the data is there', () => docker('exec', `${p}web`, 'test', '-e', '/data/ready').then(() => true, () => false));
  file = (await app.backup(`${p}web`)).file;
  // More of the same without more disk: the same archive under other names.
  names = Array.from({ length: copies }, (_, i) => `${p}web_20261101_1200${String(i).padStart(2, '0')}-abcdef.tar.gz`);
  for (const n of names) {
    linkSync(path.join(vault, file), path.join(vault, n));
    copyFileSync(path.join(vault, `${file}.json`), path.join(vault, `${n}.json`));
  }
  assert.equal((await app.api('POST', '/api/backups/refresh')).json.added, copies);
});
after(() => removeAll(p));

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
