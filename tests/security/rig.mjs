// SPDX-License-Identifier: GPL-3.0-or-later
// What the security tests share: the route table as the program has it, and people of each role.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { App, assert, fetchRaw, password, root } from '../tools/harness.mjs';

export const roles = ['none', 'viewer', 'developer', 'admin'];
export const level = (role) => roles.indexOf(role);

// Every row of src/routes.def, as the preprocessor hands it to the program: { id, method, page, api, role, flags, body }.
export function routeTable() {
  const source = '#define ROUTE(id, handler, ...) @row #id __VA_ARGS__ @end\n#include "routes.def"\n';
  const text = execFileSync(process.env.CC || 'gcc', ['-E', '-P', '-x', 'c', '-I', path.join(root, 'src'), '-'], { input: source, encoding: 'utf8' });
  return [...text.matchAll(/@row\s*"(\w+)"([\s\S]*?)@end/g)].map(([, id, rest]) => {
    const word = (name) => new RegExp(`\\.${name} = (\\w+)`).exec(rest)?.[1];
    const string = (name) => [...(new RegExp(`\\.${name} = ((?:"(?:[^"\\\\]|\\\\.)*"\\s*)+)`).exec(rest)?.[1] ?? '').matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((m) => m[1]).join('') || undefined;
    return {
      id, method: word('method').slice(3), page: string('page'), api: string('api'), role: (word('role') ?? word('least')).slice(8).toLowerCase(),
      flags: /\.flags = ([\w| ]+)/.exec(rest)?.[1] ?? '', body: string('body'), query: string('query'),
    };
  });
}

// Something for each capture that can be in a path. A new capture needs a line here.
const samples = {
  id: '00000000-0000-4000-8000-000000000000', file: 'none_20260101_000000-000000.tar.gz', key: 'server_name',
  name: 'none-of-this-name', server: 'none.example:5000',
};
export function pathOf(pattern, own = {}) {
  const values = { ...samples, ...own };
  return pattern.replace(/<(\w+)>/g, (_, name) => {
    assert.ok(name in values, `no sample for <${name}> of ${pattern}: add one to tests/security/rig.mjs`);
    return encodeURIComponent(values[name]);
  });
}

export function sql(app, text) {
  return execFileSync('sqlite3', [path.join(app.dataDir, 'config/monkey.db'), `.timeout 20000`, text], { encoding: 'utf8' }).trim();
}

// A session of somebody of this role; its user is made when there is none.
export async function personOf(app, role, name = `the-${role}`) {
  if (name !== 'admin')
    sql(app, `INSERT OR IGNORE INTO users (name, role, password, created_ms, password_ms) SELECT '${name}', '${role}', password, created_ms, password_ms FROM users WHERE name = 'admin'`);
  const s = new App(app.url, app.dataDir);
  await s.login(name, password);
  return s;
}

export async function tokenOf(person, role) {
  const r = await person.api('POST', '/api/tokens', { name: `test ${role}`, role, days: 1 });
  assert.equal(r.status, 201, r.text);
  return r.json.token;
}

export const bare = (app, method, where, headers = {}, body) => fetchRaw(app.url + where, { method, headers, body });
