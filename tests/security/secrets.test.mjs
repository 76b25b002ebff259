// SPDX-License-Identifier: GPL-3.0-or-later
// Secrets stay where they belong: environment values of containers, passwords, tokens, session ids and keys are in no
// page, answer, log line, audit entry or job log of those who may not see them, and in no file in clear.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { test, assert, before, after, docker, removeAll, startApp, App, password, fetchRaw } from '../tools/harness.mjs';
import { routeTable, pathOf, personOf, tokenOf, roles, sql } from './rig.mjs';

const name = 'cmsecsecret-box';
const hidden = 'env-value-7Qz91kXw'; // in the environment, the command and a label of the container
const wrongPassword = 'typed-By-Mistake-55!';
const app = await startApp();
const people = {};
const secrets = { 'environment value': hidden, password, 'wrong password': wrongPassword };
let backup;

before(async () => {
  await docker('run', '-d', '--name', name, '-e', `DB_PASSWORD=${hidden}`, 'busybox:local', 'sleep', '100000');
  for (const role of roles.slice(1)) {
    people[role] = await personOf(app, role);
    secrets[`session of ${role}`] = people[role].cookie.split('=')[1];
    secrets[`API token of ${role}`] = await tokenOf(people[role], role);
  }
  secrets['encryption key'] = readFileSync(path.join(app.dataDir, 'config/encryption.key'), 'latin1').trim();
  backup = await app.backup(name, { exec_pre: 'true', note: 'a note' });
  await fetchRaw(`${app.url}/api/login`, { method: 'POST', body: { username: 'admin', password: wrongPassword } });
  await people.admin.api('POST', '/api/change-password', { current_password: wrongPassword, new_password: 'Not-Used-Either-9!' });
  await app.waitJob((await app.api('POST', `/api/backup/${backup.file}/verify`)).json.job_id);
  await docker('rm', '-f', name);
  const r = await app.restore(backup.file);
  assert.equal(r.status, 200, r.text);
});
after(() => removeAll('cmsecsecret'));

// What every GET of the table shows to somebody.
async function everything(person) {
  const ids = [(await docker('inspect', '-f', '{{.Id}}', name))];
  const jobs = (await app.api('GET', '/api/jobs')).json.jobs.map((j) => j.id);
  const found = [];
  for (const r of routeTable().filter((x) => x.method === 'GET' && !['backup_download', 'job_events'].includes(x.id)))
    for (const face of [r.page, r.api].filter(Boolean))
      for (const id of /<id>/.test(face) ? (/job|progress/.test(face) ? jobs : [...ids, name]) : ['']) {
        const where = pathOf(face, { id, file: backup.file, key: 'server_name' });
        const a = await person.get(where + (/\/file$/.test(face) ? '?path=/backup.json' : ''));
        assert.ok(a.status < 500, `${where}: ${a.status}`);
        found.push({ where, text: a.text + JSON.stringify(a.headers) });
      }
  return found;
}
const shown = (where, text) => Object.entries(secrets).filter(([, s]) => text.includes(s)).map(([what]) => `${what} in ${where}`);

for (const role of ['viewer', 'developer'])
  test(`a ${role} sees no secret on any page or by any API path`, async () => {
    for (const { where, text } of await everything(people[role])) assert.deepEqual(shown(where, text), []);
  });

test('an admin sees at most environment values, which are asked for; never passwords, tokens, sessions or keys', async () => {
  for (const { where, text } of await everything(people.admin))
    assert.deepEqual(shown(where, text).filter((s) => !s.startsWith('environment')), []);
});

test('a viewer gets no file out of a backup', async () => {
  for (const where of [`/api/download/${backup.file}`, `/api/backup/${backup.file}/file?path=/container_config.json`, `/api/backup/${backup.file}/files`, `/backup/${backup.file}/file?path=/container_config.json`])
    assert.equal((await people.viewer.get(where)).status, 403, where);
});

test('none is in the log, in the audit, in the jobs and their logs', async () => {
  assert.deepEqual(shown('the log', app.stderr), []);
  assert.deepEqual(shown('the audit', (await app.api('GET', '/api/audit-logs?limit=1000')).text), []);
  const jobs = (await app.api('GET', '/api/jobs?limit=100')).json.jobs;
  assert.ok(jobs.length >= 3);
  for (const j of jobs) assert.deepEqual(shown(`job ${j.kind}`, (await app.api('GET', `/api/jobs/${j.id}`)).text), []);
});

test('none is in the database in clear, and the database and keys are for their owner alone', () => {
  sql(app, 'PRAGMA wal_checkpoint(FULL)');
  const folder = path.join(app.dataDir, 'config');
  for (const file of readdirSync(folder)) {
    const st = statSync(path.join(folder, file));
    assert.equal(st.mode & 0o077, 0, `${file}: ${(st.mode & 0o777).toString(8)}`);
    if (st.isFile() && file !== 'encryption.key') assert.deepEqual(shown(file, readFileSync(path.join(folder, file), 'latin1')), []);
  }
  for (const d of ['backups', 'config', 'tmp']) assert.equal(statSync(path.join(app.dataDir, d)).mode & 0o077, 0, d);
});

test('none is in the command line or the environment of a process that others could read', () => {
  const ps = execFileSync('ps', ['axww', '-o', 'args='], { encoding: 'utf8' }).split('\n').filter((l) => l.includes('container-monkey')).join('\n');
  assert.deepEqual(shown('ps', ps), []);
});

test('errors name no path of the server and no stack', async () => {
  const s = new App(app.url);
  for (const where of ['/api/none', '/api/backup/none.tar.gz/preview', '/api/download/none.tar.gz', `/api/jobs/none`, '/none'])
    for (const who of [people.admin, people.viewer, s]) {
      const r = await who.get(where);
      assert.ok(!r.text.includes(app.dataDir) && !/src\/|\.c:\d+|0x[0-9a-f]{6}/.test(r.text), `${where}: ${r.text.slice(0, 300)}`);
    }
});
