// SPDX-License-Identifier: GPL-3.0-or-later
// Guessing passwords, planted sessions, and the flags of cookies: plain, by TLS, and behind proxies true and false.
import { test, assert, startApp, App, fetchRaw, freePort, password } from '../tools/harness.mjs';

const tlsPort = await freePort();
const app = await startApp({ env: { CM_LOGIN_LIMIT: '5', CM_TRUSTED_PROXIES: '127.0.0.1' }, login: false });
const proxied = await startApp({ env: { CM_TRUSTED_PROXIES: '127.0.0.0/8', CM_TLS: 'self', CM_TLS_PORT: String(tlsPort) }, login: false });
const plain = await startApp({ login: false });
const tryLogin = (username, pass, headers = {}, at = app.url) => fetchRaw(`${at}/api/login`, { method: 'POST', body: { username, password: pass }, headers });
const from = (address) => ({ 'x-forwarded-for': address });
const cookieOf = (r, name = 'session') => [r.headers['set-cookie']].flat().find((c) => c?.startsWith(`${name}=`));

test('guessing: the sixth try of an address is held off, also with the right password, and for longer each time', async () => {
  const statuses = [];
  for (let i = 0; i < 6; i++) statuses.push((await tryLogin(`user-${i}`, 'wrong', from('192.0.2.1'))).status);
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429]);
  const first = await tryLogin('admin', password, from('192.0.2.1'));
  assert.equal(first.status, 429);
  for (let i = 0; i < 3; i++) await tryLogin('admin', 'wrong', from('192.0.2.1'));
  const later = await tryLogin('admin', password, from('192.0.2.1'));
  assert.ok(Number(later.headers['retry-after']) >= Number(first.headers['retry-after']), `${first.headers['retry-after']}, then ${later.headers['retry-after']}`);
});

test('guessing: one name from many addresses is held off too, written in any case, by form as by API', async () => {
  const statuses = [];
  for (let i = 0; i < 7; i++) statuses.push((await tryLogin(i % 2 ? 'Victim' : 'victim', 'wrong', from(`198.51.100.${i}`))).status);
  assert.deepEqual(statuses.slice(0, 5), [401, 401, 401, 401, 401]);
  assert.deepEqual(statuses.slice(5), [429, 429]);
  const page = await fetchRaw(`${app.url}/login`);
  const form = new URLSearchParams({ username: 'victim', password: 'wrong', csrf_token: /name="csrf_token" value="(\w+)"/.exec(page.text)[1] });
  const r = await fetchRaw(`${app.url}/login`, { method: 'POST', body: form, headers: { cookie: cookieOf(page, 'visit').split(';')[0], ...from('198.51.100.99') } });
  assert.equal(r.status, 429);
});

test('guessing: an address that no trusted proxy vouches for is not believed', async () => {
  const strict = await startApp({ env: { CM_LOGIN_LIMIT: '5' }, login: false });
  const statuses = [];
  for (let i = 0; i < 6; i++) statuses.push((await tryLogin(`name-${i}`, 'wrong', from(`203.0.113.${i}`), strict.url)).status);
  assert.equal(statuses[5], 429);
  const spoofed = [];
  for (let i = 0; i < 6; i++) spoofed.push((await tryLogin(`other-${i}`, 'wrong', from(`10.9.9.${i}, 192.0.2.77`))).status);
  assert.equal(spoofed[5], 429, 'what stands before the address that our proxy saw is the client’s own word');
});

test('guessing the present password of a session counts as well', async () => {
  const s = new App(app.url);
  const r = await tryLogin('admin', password, from('192.0.2.50'));
  assert.equal(r.status, 200, r.text);
  s.cookie = cookieOf(r).split(';')[0];
  s.csrf = r.json.csrf_token;
  const statuses = [];
  for (let i = 0; i < 7; i++) statuses.push((await s.api('POST', '/api/change-password', { current_password: `guess ${i}`, new_password: 'Another-Pass-77!' }, from('192.0.2.50'))).status);
  assert.equal(statuses.at(-1), 429, statuses.join());
});

test('fixation: a planted session is never taken over, and a login ends the one the browser had', async () => {
  const planted = `session=${'A'.repeat(43)}`;
  const r = await tryLogin('admin', password, { cookie: planted }, plain.url);
  const first = cookieOf(r).split(';')[0];
  assert.notEqual(first, planted);
  const again = await tryLogin('admin', password, { cookie: first }, plain.url);
  assert.notEqual(cookieOf(again).split(';')[0], first);
  for (const cookie of [planted, first]) assert.equal((await fetchRaw(`${plain.url}/api/backups`, { headers: { cookie } })).status, 401);
  const two = await fetchRaw(`${plain.url}/api/backups`, { headers: { cookie: `${planted}; ${cookieOf(again).split(';')[0]}` } });
  assert.equal(two.status, 401, 'of two cookies of that name none may be chosen by who planted the first');
});

test('the token of a login form fits no other browser', async () => {
  const [a, b] = [await fetchRaw(`${plain.url}/login`), await fetchRaw(`${plain.url}/login`)];
  const token = /name="csrf_token" value="(\w+)"/.exec(a.text)[1];
  const form = new URLSearchParams({ username: 'admin', password, csrf_token: token });
  const r = await fetchRaw(`${plain.url}/login`, { method: 'POST', body: form, headers: { cookie: cookieOf(b, 'visit').split(';')[0] } });
  assert.equal(r.status, 403);
  assert.equal(cookieOf(r), undefined);
});

test('cookies: HttpOnly and SameSite always; Secure by TLS and by a trusted proxy’s word, never by a stranger’s', async () => {
  const https = { 'x-forwarded-proto': 'https' };
  const cases = [
    ['plain', await tryLogin('admin', password, {}, plain.url), false],
    ['a stranger says https', await tryLogin('admin', password, https, plain.url), false],
    ['a proxy says https', await tryLogin('admin', password, https, proxied.url), true],
    ['a proxy says http', await tryLogin('admin', password, { 'x-forwarded-proto': 'http' }, proxied.url), false],
    ['the client says https, its proxy http', await tryLogin('admin', password, { 'x-forwarded-proto': 'https, http' }, proxied.url), false],
    ['TLS', await tryLogin('admin', password, {}, `https://127.0.0.1:${tlsPort}`), true],
  ];
  for (const [what, r, secure] of cases) {
    assert.equal(r.status, 200, `${what}: ${r.text}`);
    assert.match(cookieOf(r), /; *HttpOnly/i, what);
    assert.match(cookieOf(r), /; *SameSite=Lax/i, what);
    assert.match(cookieOf(r), /; *Path=\/(;|$)/i, what);
    assert.doesNotMatch(cookieOf(r), /; *Domain=/i, what);
    assert.equal(/; *Secure/i.test(cookieOf(r)), secure, what);
  }
});
