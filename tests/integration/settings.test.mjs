// SPDX-License-Identifier: GPL-3.0-or-later
// Settings: API tokens by form, the check of the environment, what was left over, versions and licences, the clock.
import { test, assert, docker, dockerOk, startApp, removeAll, before, after, fetchRaw, engine } from '../tools/harness.mjs';

const p = 'cmsettings-';
const left = ['backup-temp-cmsettings', 'explore-temp-cmsettings', 'read-temp-cmsettings'];
const app = await startApp();
const clean = async () => {
  await removeAll(p);
  for (const name of left) await engine('DELETE', `/containers/${name}?force=true`);
};
before(clean);
after(clean);

const bearer = (token, where = '/api/jobs', method = 'GET', body = undefined) =>
  fetchRaw(app.url + where, { method, body, headers: { authorization: `Bearer ${token}` } });
const tokenOf = (page) => page.match(/cm_[A-Za-z0-9_-]{20,}/)?.[0];

test('a token made by the form is shown once, works with its role, and ends when it is revoked', async () => {
  const made = await app.post('/settings/tokens', { name: 'for a <script>', role: 'viewer', days: '7' });
  assert.equal(made.status, 200);
  assert.match(made.headers['cache-control'], /no-store/);
  const token = tokenOf(made.text);
  assert.ok(token, 'the token is on the page');
  assert.ok(made.text.includes('for a &lt;script&gt;'));
  const list = await app.get('/settings/tokens');
  assert.equal(tokenOf(list.text), undefined, 'and on no page afterwards');
  assert.ok(list.text.includes(token.slice(-4)), 'but its last characters are');
  assert.ok(!(await app.api('GET', '/api/tokens')).text.includes(token));
  assert.ok(!(await app.api('GET', '/api/audit-logs')).text.includes(token));
  assert.equal((await bearer(token)).status, 200);
  assert.equal((await bearer(token, '/api/audit-logs')).status, 403, 'a viewer sees no audit log');
  assert.equal((await bearer(token, '/api/ui/settings/server_name', 'POST', { value: 'x' })).status, 403);
  const { tokens } = (await app.api('GET', '/api/tokens')).json;
  const one = tokens.find((t) => t.name === 'for a <script>');
  assert.equal(one.role, 'viewer');
  assert.ok(one.used_at, 'when it was used is noted');
  const days = (Date.parse(one.expires_at) - Date.now()) / 86400000;
  assert.ok(days > 6.9 && days < 7.1, String(days));
  const ask = await app.get(`/settings/tokens/${one.id}/revoke`);
  assert.match(ask.text, /Revoke 1 token/);
  assert.equal((await bearer(token)).status, 200, 'asking revokes nothing');
  const gone = await app.post(`/settings/tokens/${one.id}/revoke`, { confirm: '1' });
  assert.equal(gone.status, 303);
  assert.equal(gone.headers.location, '/settings/tokens');
  assert.equal((await bearer(token)).status, 401);
  assert.equal((await app.post(`/settings/tokens/${one.id}/revoke`, { confirm: '1' })).status, 404, 'twice is once');
  const lines = (await app.api('GET', '/api/audit-logs?operation_type=token_revoke')).json.logs;
  assert.equal(lines[0].details.name, 'for a <script>');
});

test('mistakes in the form keep what was typed; nobody gets more than they may', async () => {
  const none = await app.post('/settings/tokens', { name: '', role: 'developer', days: '30' });
  assert.equal(none.status, 422);
  assert.match(none.text, /aria-invalid="true"/);
  assert.match(none.text, /value="developer" checked/);
  assert.match(none.text, /value="30" selected/);
  assert.equal(tokenOf(none.text), undefined);
  assert.equal((await app.post('/settings/tokens', { name: 'x', days: '4000' })).status, 422);
  const { token } = (await app.api('POST', '/api/tokens', { name: 'developer', role: 'developer' })).json;
  const over = await bearer(token, '/api/tokens', 'POST', { name: 'more', role: 'admin' });
  assert.equal(over.status, 403);
  assert.equal((await bearer(token, '/api/tokens', 'POST', { name: 'same', role: 'developer' })).status, 201);
});

test('the environment is really tried, and says what to do', async () => {
  const fine = (await app.api('GET', '/api/check-environment')).json;
  assert.equal(fine.ok, true, JSON.stringify(fine.checks));
  assert.deepEqual(fine.checks.map((c) => c.id), ['socket', 'docker', 'version', 'helper', 'clock', 'data', 'space']);
  assert.ok(fine.checks.every((c) => c.level !== 'block' && (c.level === 'ok') === (c.todo === null)), JSON.stringify(fine.checks));
  assert.deepEqual([fine.docker_socket, fine.docker_cli, fine.busybox], [true, true, true]);
  assert.equal(fine.details.length, fine.checks.length);
  const page = await app.get('/settings/environment');
  assert.match(page.text, /A helper container starts and connects/);
  assert.equal((await engine('GET', `/containers/json?all=1&filters=${encodeURIComponent('{"label":["container-monkey.helper"]}')}`)).length, 0, 'the helper is gone');
  const other = await startApp({ env: { DOCKER_HOST: 'unix:///run/no-such-docker.sock' } });
  const begin = Date.now();
  const bad = (await other.api('GET', '/api/check-environment')).json;
  assert.equal(bad.ok, false);
  assert.equal(bad.docker_socket, false);
  assert.match(bad.checks.find((c) => c.id === 'socket').todo, /-v \/var\/run\/docker\.sock/);
  assert.equal(bad.checks.find((c) => c.id === 'data').level, 'ok', 'the rest is checked all the same');
  const page2 = await other.get('/settings/environment');
  assert.equal(page2.status, 200);
  assert.match(page2.text, /There is no socket of Docker/);
  assert.equal((await other.get('/settings/cleanup')).status, 503);
  assert.equal((await other.get('/settings')).status, 200);
  assert.ok(Date.now() - begin < 5000, `${Date.now() - begin} ms`);
});

test('what was left over is listed, removed when told, and nothing else', async () => {
  const none = await app.api('POST', '/api/cleanup/temp-containers', {});
  assert.equal(none.status, 200);
  assert.equal(none.json.message, 'No orphaned temp containers found');
  assert.equal(none.json.removed, 0);
  await docker('create', '--name', left[0], 'busybox:local', 'true');
  await docker('create', '--name', left[1], 'busybox:local', 'true');
  await docker('run', '-d', '--name', left[2], 'busybox:local', 'sleep', '1000');
  await docker('create', '--name', `${p}backup-temp-like`, 'busybox:local', 'true');
  const ask = await app.get('/settings/cleanup');
  assert.match(ask.text, /Remove 2 containers/);
  assert.ok(ask.text.includes(left[0]) && ask.text.includes(left[1]));
  assert.ok(!ask.text.includes(left[2]), 'what runs may be at work');
  assert.match((await app.get('/settings/environment')).text, /2 containers of ended work can go/);
  assert.equal((await app.post('/settings/cleanup', {})).status, 400, 'not without the confirmation');
  assert.equal((await app.post('/settings/cleanup', { confirm: '1' })).status, 303);
  for (const name of left.slice(0, 2)) assert.equal(await dockerOk('inspect', name), false, name);
  for (const name of [left[2], `${p}backup-temp-like`]) assert.ok(await dockerOk('inspect', name), name);
  const line = (await app.api('GET', '/api/audit-logs?operation_type=cleanup&limit=1')).json.logs[0];
  assert.equal(line.status, 'completed');
  assert.deepEqual(line.details.names.sort(), left.slice(0, 2));
  assert.equal(line.user, 'admin');
});

test('versions and licences of the parts, their texts, and the clock', async () => {
  const about = (await app.api('GET', '/api/about')).json;
  assert.equal(about.licence, 'GPL-3.0-or-later');
  for (const name of ['Kore', 'SQLite', 'libarchive', '@phosphor-icons/core']) {
    const part = about.parts.find((x) => x.name === name);
    assert.ok(part && /\d/.test(part.version) && part.licence !== 'unknown', name);
  }
  const page = await app.get('/about');
  const texts = await app.get(page.text.match(/\/assets\/licences\.[0-9a-f]+\.txt/)[0]);
  assert.match(texts.headers['content-type'], /^text\/plain/);
  for (const part of about.parts) assert.ok(texts.text.includes(`\n${part.name}\n`), part.name);
  assert.match(texts.text, /Joris Vink/);
  const time = (await app.api('GET', '/api/system-time')).json;
  assert.match(time.formatted, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  assert.ok(Math.abs(Date.parse(time.time_at) - Date.now()) < 5000);
  assert.deepEqual((await app.api('GET', '/api/ui/settings/no_such_key')).json, { key: 'no_such_key', value: null });
});
