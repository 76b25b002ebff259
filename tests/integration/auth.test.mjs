// SPDX-License-Identifier: GPL-3.0-or-later
// Who may come in: login, sessions, change of password, tokens for changes, limits.
import { test, assert, startApp, App, fetchRaw, password } from '../tools/harness.mjs';

const app = await startApp();
const other = () => new App(app.url);
const tryLogin = (username, pass, headers = {}, at = app) =>
  fetchRaw(`${at.url}/api/login`, { method: 'POST', body: { username, password: pass }, headers });

test('without login every page leads to the login and back, every API path says 401', async () => {
  const page = await fetchRaw(`${app.url}/vault?q=x`);
  assert.equal(page.status, 303);
  assert.equal(page.headers.location, '/login?next=%2Fvault%3Fq%3Dx');
  const api = await fetchRaw(`${app.url}/api/backups`);
  assert.equal(api.status, 401);
  assert.equal(api.json.code, 'LOGIN_REQUIRED');
  assert.equal((await fetchRaw(`${app.url}/api/no-such-path`)).status, 401);
});

test('an unauthenticated change is 401, before the token is asked for', async () => {
  assert.equal((await fetchRaw(`${app.url}/api/backup/x`, { method: 'POST' })).status, 401);
});

test('the cookie is HttpOnly and SameSite=Lax for a day, and new at each login', async () => {
  const a = await tryLogin('admin', password);
  const b = await tryLogin('admin', password, { cookie: a.headers['set-cookie'][0].split(';')[0] });
  const [cookie] = b.headers['set-cookie'];
  assert.match(cookie, /^session=[^;]+;.*HttpOnly/);
  assert.match(cookie, /SameSite=Lax/);
  assert.match(cookie, /Max-Age=86400/);
  assert.doesNotMatch(cookie, /Secure/);
  assert.notEqual(a.headers['set-cookie'][0], cookie);
});

test('a planted session id is not taken over', async () => {
  const planted = 'session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
  const r = await tryLogin('admin', password, { cookie: planted });
  assert.notEqual(r.headers['set-cookie'][0].split(';')[0], planted);
  assert.equal((await fetchRaw(`${app.url}/api/backups`, { headers: { cookie: planted } })).status, 401);
});

test('a change without the token is refused and changes nothing', async () => {
  const s = other();
  await s.login();
  s.csrf = 'wrong';
  const r = await s.api('POST', '/api/ui/settings/server_name', { value: 'stolen' });
  assert.equal(r.status, 403);
  assert.equal(r.json.csrf_error, true);
  const now = await s.api('GET', '/api/ui/settings/server_name');
  assert.notEqual(now.json.value, 'stolen');
});

test('a session survives a restart of the program', async () => {
  const s = other();
  await s.login();
  await app.stop();
  await app.spawn();
  assert.equal((await s.api('GET', '/api/auth-status')).json.logged_in, true);
});

test('wrong passwords and unknown users look the same', async () => {
  const a = await tryLogin('admin', 'wrong');
  const b = await tryLogin('nobody-here', 'wrong');
  assert.equal(a.status, 401);
  assert.equal(a.text, b.text);
});

test('the rules for passwords hold on the server', async () => {
  const s = other();
  await s.login();
  for (const [bad, why] of [['Short1!', 'long'], ['alllowercase1!', 'uppercase'], ['ALLUPPERCASE1!', 'lowercase'],
    ['NoDigitsInHere!', 'digit'], ['NoSpecialChar12', 'special']]) {
    const r = await s.api('POST', '/api/change-password', { current_password: password, new_password: bad });
    assert.equal(r.status, 400, bad);
    assert.match(r.json.error, new RegExp(why, 'i'));
  }
  assert.equal((await s.api('POST', '/api/change-password', { current_password: 'x', new_password: 'Another-Pass-77!' })).status, 401);
  assert.equal((await s.api('POST', '/api/change-password', { current_password: password })).json.error, 'No changes provided');
});

test('a change of password ends the other sessions, not this one', async () => {
  const a = other();
  const b = other();
  await a.login();
  await b.login();
  const r = await a.api('POST', '/api/change-password', { current_password: password, new_password: 'Another-Pass-77!', new_username: 'chief' });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.username, 'chief');
  assert.equal((await b.api('GET', '/api/auth-status')).json.logged_in, false);
  assert.equal((await a.api('GET', '/api/auth-status')).json.logged_in, true);
  a.csrf = r.json.csrf_token;
  assert.equal((await a.api('POST', '/api/change-password', { current_password: 'Another-Pass-77!', new_password: password, new_username: 'admin' })).status, 200);
});

test('logout ends the session on the server', async () => {
  const s = other();
  await s.login();
  assert.equal((await s.api('POST', '/api/logout')).status, 200);
  assert.equal((await s.api('GET', '/api/auth-status')).json.logged_in, false);
});

test('too many logins are held off, with the time to wait', async () => {
  const strict = await startApp({ env: { CM_LOGIN_LIMIT: '5' }, login: false });
  let r;
  for (let i = 0; i < 8; i++) r = await tryLogin('somebody', 'wrong', {}, strict);
  assert.equal(r.status, 429);
  assert.ok(Number(r.headers['retry-after']) >= 1);
  assert.ok(r.json.error);
});
