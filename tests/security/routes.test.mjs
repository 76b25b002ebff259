// SPDX-License-Identifier: GPL-3.0-or-later
// Every row of the route table against everybody: who is not logged in, each role by session and by API token, and
// changes with no token, a wrong one, and that of another session.
import { test, assert, startApp } from '../tools/harness.mjs';
import { routeTable, pathOf, personOf, tokenOf, bare, level, roles } from './rig.mjs';

const app = await startApp({ env: { CM_RATE_LIMIT: '0', CM_LOGIN_LIMIT: '0' } });
const table = routeTable();
const faces = table.flatMap((r) => [r.page && { ...r, where: pathOf(r.page), isApi: false }, r.api && { ...r, where: pathOf(r.api), isApi: true }].filter(Boolean));
const people = {}, tokens = {}, other = await personOf(app, 'admin', 'admin');
for (const role of roles.slice(1)) {
  people[role] = await personOf(app, role);
  tokens[role] = await tokenOf(app, role);
}
const changes = faces.filter((f) => f.method !== 'GET');
const say = (f, who) => `${f.method} ${f.where} (${f.id}) ${who}`;
const asForm = (f, csrf) => (csrf === undefined || f.method === 'GET' ? {} : f.isApi ? { headers: { 'x-csrftoken': csrf } } : { body: new URLSearchParams({ csrf_token: csrf }) });
async function ask(f, person, csrf) {
  const { headers = {}, body } = asForm(f, csrf);
  return bare(app, f.method, f.where, { accept: 'application/json', ...(person ? { cookie: person.cookie } : {}), ...headers }, body);
}
const leadsToLogin = (r) => r.status === 303 && r.headers.location.startsWith('/login');

test('the table here is the table of the program', async () => {
  const document = (await app.api('GET', '/api/openapi.json')).json;
  const described = Object.entries(document.paths).flatMap(([where, item]) => Object.entries(item).map(([m, op]) => `${m.toUpperCase()} ${where} ${op['x-role']}`));
  const here = table.filter((r) => r.api).map((r) => `${r.method} ${r.api.replace(/<(\w+)>/g, '{$1}')} ${r.role}`);
  assert.deepEqual(here.sort(), described.sort());
  assert.ok(faces.length > table.length && table.length > 60, `${table.length} rows`);
  for (const f of faces) assert.ok(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(f.method) && roles.includes(f.role), say(f, ''));
});

test('without a login: 401 for programs, the login for people, and nothing else', async () => {
  for (const f of faces) {
    const r = await ask(f);
    if (f.role === 'none') assert.ok(r.status !== 401 && r.status < 500 && !(leadsToLogin(r) && f.id !== 'logout'), say(f, r.status));
    else if (f.isApi) assert.deepEqual([r.status, r.json.code], [401, 'LOGIN_REQUIRED'], say(f, r.status));
    else assert.ok(leadsToLogin(r), say(f, r.status));
  }
});

test('a role below that of the row is refused, whatever it brings: session with the right token, or API token', async () => {
  for (const f of faces) for (const role of roles.slice(1)) {
    if (level(role) >= level(f.role)) continue;
    assert.equal((await ask(f, people[role], people[role].csrf)).status, 403, say(f, role));
    const r = await bare(app, f.method, f.where, { authorization: `Bearer ${tokens[role]}` });
    if (f.isApi) assert.equal(r.status, 403, say(f, `token of ${role}`));
    else assert.ok(leadsToLogin(r), say(f, `token of ${role}`));
  }
});

test('a change with no token, a wrong one, or that of another session is refused, for every role that may', async () => {
  for (const f of changes) for (const role of roles.slice(1)) {
    if (level(role) < level(f.role) || /NO_CSRF/.test(f.flags)) continue;
    const own = people[role].csrf;
    const wrong = { none: undefined, 'one letter': 'x', cut: own.slice(0, -2), zeros: '0'.repeat(own.length), 'of another session': other.csrf };
    for (const [what, csrf] of Object.entries(wrong)) {
      const r = await ask(f, people[role], csrf);
      assert.equal(r.status, 403, say(f, `${role}, token: ${what}`));
      if (f.isApi) assert.equal(r.json.csrf_error, true, say(f, what));
    }
    const foreign = await bare(app, f.method, f.where, { cookie: people[role].cookie, 'x-csrftoken': own, origin: 'https://evil.example', accept: 'application/json' });
    assert.equal(foreign.status, 403, say(f, `${role}, from another site`));
  }
});

test('an API token is no session: it opens no page; a session id is no API token', async () => {
  for (const f of faces) {
    if (f.role === 'none') continue;
    const asPage = !f.isApi && (await bare(app, f.method, f.where, { authorization: `Bearer ${tokens.admin}` }));
    if (asPage) assert.ok(leadsToLogin(asPage), say(f, asPage.status));
    const swapped = f.isApi && (await bare(app, f.method, f.where, { authorization: `Bearer ${app.cookie.split('=')[1]}` }));
    if (swapped) assert.equal(swapped.status, 401, say(f, ''));
    const planted = await bare(app, f.method, f.where, { cookie: `session=${tokens.admin}`, accept: 'application/json' });
    assert.ok(planted.status === 401 || leadsToLogin(planted), say(f, planted.status));
  }
});

test('who may is not refused, and no row falls over something that does not exist', async () => {
  for (const f of faces) for (const role of roles.slice(1)) {
    if (level(role) < level(f.role)) continue;
    const person = f.id === 'logout' ? await personOf(app, role) : people[role];
    const r = await ask(f, person, person.csrf);
    assert.ok(![401, 403].includes(r.status) && r.status < 500 && !(leadsToLogin(r) && f.id !== 'logout'), say(f, `${role}: ${r.status} ${r.text.slice(0, 200)}`));
    if (!f.isApi) continue;
    const t = await bare(app, f.method, f.where, { authorization: `Bearer ${tokens[role]}` });
    assert.ok(![401, 403].includes(t.status) && t.status < 500, say(f, `token of ${role}: ${t.status} ${t.text.slice(0, 200)}`));
  }
});
