// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log: what is recorded, with whom, from where and how long; filters, export, clearing.
import { test, assert, docker, startApp, removeAll, before, after, sleep, password } from '../tools/harness.mjs';

const p = 'cmaudit-';
const app = await startApp();
let id;

const logs = async (query = '') => (await app.api('GET', `/api/audit-logs?${query}`)).json.logs;
const newest = async (operation) => (await logs(`operation_type=${operation}&limit=1`))[0];

before(async () => {
  await removeAll(p);
  id = await docker('run', '-d', '--name', `${p}web`, 'busybox:local', 'sleep', '100000');
});
after(() => removeAll(p));

test('every change has its line, with user, address, result and duration', async () => {
  const acts = [
    ['login', async () => {}],
    ['container_restart', () => app.api('POST', `/api/container/${id.slice(0, 12)}/restart`, {})],
    ['container_pause', () => app.post(`/container/${id.slice(0, 12)}/pause`)],
    ['container_resume', () => app.post(`/container/${id.slice(0, 12)}/resume`)],
    ['settings', () => app.api('POST', '/api/ui/settings/server_name', { value: 'audited' })],
    ['token_create', () => app.api('POST', '/api/tokens', { name: 'for the audit', days: 1 })],
    ['backup_manual', () => app.backup(`${p}web`)],
  ];
  for (const [operation, act] of acts) {
    await act();
    const line = await newest(operation);
    assert.ok(line, operation);
    assert.equal(line.status, 'completed', operation);
    assert.equal(line.user, 'admin', operation);
    assert.equal(line.address, '127.0.0.1', operation);
    assert.ok(Number.isInteger(line.duration_ms) && line.duration_ms >= 0 && line.duration_ms < 60000, `${operation}: ${line.duration_ms}`);
  }
  const restart = await newest('container_restart');
  assert.equal(restart.container_id, id.slice(0, 12));
  assert.equal(restart.container_full_id, id);
  assert.equal(restart.container_name, `${p}web`);
});

test('what was refused is recorded too, and by a name of its own when no service does', async () => {
  const before = (await logs()).length;
  assert.equal((await app.api('POST', '/api/database/seen', {})).status, 200);
  assert.equal((await newest('settings')).user, 'admin');
  assert.equal((await logs()).length, before + 1);
  const r = await app.api('POST', `/api/restore-backup`, { filename: (await newest('backup_manual')).backup_filename });
  assert.equal(r.status, 409);
  const line = await newest('restore');
  assert.equal(line.status, 'error');
  assert.ok(line.error_message.length > 10);
  assert.match(line.backup_filename, /^cmaudit-web_/);
  // A preflight, a mistake in a form and a look change nothing and leave nothing.
  const after = (await logs()).length;
  await app.api('POST', `/api/restore-backup?preflight=true`, { filename: (await newest('backup_manual')).backup_filename });
  assert.equal((await app.post('/settings', { server_name: '' })).status, 422);
  await app.get('/vault');
  assert.equal((await logs()).length, after);
});

test('filters by operation, result, user, container and days; the page and the API alike', async () => {
  const total = async (query) => (await app.api('GET', `/api/audit-logs?${query}`)).json.total;
  const all = await total('');
  assert.equal(await total('operation_type=container_pause'), 1);
  assert.equal(await total('operation_type=container_pause&status=error'), 0);
  assert.equal(await total('user=nobody'), 0);
  assert.equal(await total(`container=${p}web`), await total(`container_id=${id.slice(0, 12)}`));
  assert.equal(await total(`container=${id.slice(0, 12)}`), await total(`container_id=${id}`));
  const today = new Date().toISOString().slice(0, 10);
  assert.equal(await total(`start_date=${today}&end_date=${today}`), all);
  assert.equal(await total('end_date=2020-01-01'), 0);
  assert.equal((await app.api('GET', '/api/audit-logs?start_date=yesterday')).status, 400);
  assert.equal((await app.api('GET', '/api/audit-logs?limit=10001')).status, 400);
  const page = await app.get(`/audit?container=${p}web&operation_type=container_pause`);
  assert.match(page.text, /Container paused/);
  assert.match(page.text, new RegExp(`<option value="${p}web">`));
  assert.ok(page.text.includes(`/audit/export?format=csv&amp;container=${p}web&amp;operation_type=container_pause`), 'the export is of what is shown');
  const s = (await app.api('GET', '/api/audit-logs/statistics')).json;
  assert.equal(s.total_logs, all);
  assert.equal(s.last_24h, all);
  assert.equal(s.last_7d, all);
  assert.equal(Object.values(s.by_operation).reduce((a, b) => a + b), all);
  assert.equal(Object.values(s.by_status).reduce((a, b) => a + b), all);
});

// RFC 4180: fields with quotes, commas and line ends.
function parseCsv(text) {
  const rows = [[]];
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n|$)/gy;
  for (let m; field.lastIndex < text.length && (m = field.exec(text));) {
    rows.at(-1).push(m[1].startsWith('"') ? m[1].slice(1, -1).replaceAll('""', '"') : m[1]);
    if (m[2] === '\r\n') rows.push([]);
  }
  rows.pop();
  return rows;
}

test('the export has every row that matches, and no formula', async () => {
  // A user may call themselves so.
  const formula = '=cmd|"/C calc"!A0, and so on';
  let r = await app.api('POST', '/api/change-password', { current_password: password, new_username: formula });
  assert.equal(r.status, 200, r.text);
  await app.login(formula);
  for (let i = 0; i < 600; i++) await app.api('POST', '/api/database/seen', {});
  const all = await logs('limit=10000');
  assert.ok(all.length > 600);
  const csv = await app.get('/audit/export?format=csv');
  assert.equal(csv.status, 200);
  assert.match(csv.headers['content-type'], /^text\/csv/);
  assert.match(csv.headers['content-disposition'], /attachment; filename="audit_\d{8}_\d{6}\.csv"/);
  const rows = parseCsv(csv.text);
  assert.deepEqual(rows[0].slice(0, 6), ['id', 'time', 'operation', 'status', 'user', 'address']);
  assert.equal(rows.length - 1, all.length + 1, 'the export itself is in it');
  for (const row of rows) {
    assert.equal(row.length, 12);
    for (const field of row) assert.doesNotMatch(field, /^[=+\-@\t\r\n]/);
  }
  assert.ok(rows.some((r) => r[4] === `'${formula}`), 'what was typed is there all the same');
  assert.deepEqual(rows.slice(2).map((r) => Number(r[0])), all.map((l) => l.id));
  const json = await app.api('GET', '/api/audit-logs/export?format=json&operation_type=login&status=completed');
  assert.ok(Array.isArray(json.json));
  assert.ok(json.json.length >= 2);
  assert.ok(json.json.every((l) => l.operation_type === 'login' && l.address === '127.0.0.1' && typeof l.details === 'object'));
  assert.deepEqual((await app.api('GET', '/api/audit-logs/export?format=json&operation_type=drill')).json, []);
  assert.equal((await app.api('GET', '/api/audit-logs/export?format=xml')).status, 400);
  r = await app.api('POST', '/api/change-password', { current_password: password, new_username: 'admin' });
  assert.equal(r.status, 200, r.text);
  await app.login();
  const line = await newest('audit_export');
  assert.equal(line.details.format, 'json');
  // Lists send the fields of an export, and what pages show besides.
  for (const key of Object.keys(json.json[0])) assert.ok(key in all[0], key);
});

test('clearing asks first, and leaves one line that says who', async () => {
  const ask = await app.get('/audit/clear');
  assert.match(ask.text, /Clear [\d,]+ entries/);
  assert.equal((await app.post('/audit/clear', {})).status, 400);
  assert.ok((await logs()).length > 1);
  const many = (await app.api('GET', '/api/audit-logs/statistics')).json.total_logs;
  const r = await app.api('DELETE', '/api/audit-logs/clear');
  assert.equal(r.json.success, true);
  assert.equal(r.json.deleted_count, many);
  await sleep(50);
  const left = await logs();
  assert.equal(left.length, 1);
  assert.equal(left[0].operation_type, 'audit_clear');
  assert.equal(left[0].user, 'admin');
  assert.equal(left[0].address, '127.0.0.1');
  assert.equal(left[0].details.deleted_count, many);
});
