// SPDX-License-Identifier: GPL-3.0-or-later
// The OpenAPI document against the running program: it is well-formed, every path of it answers, answers have the fields
// it names, and every path refuses everyone below its role. CM_URL, CM_USER and CM_PASSWORD point it at a program that
// runs already; without them it starts one.
import { test, assert, startApp, fetchRaw } from '../tools/harness.mjs';

const app = await startApp();
const document = (await app.api('GET', '/api/openapi.json')).json;
const methods = ['get', 'post', 'put', 'patch', 'delete'];
const operations = Object.entries(document.paths).flatMap(([where, item]) =>
  Object.entries(item).filter(([m]) => methods.includes(m)).map(([method, op]) => ({ where, method: method.toUpperCase(), op })));
const levels = { none: 0, viewer: 1, developer: 2, admin: 3 };
const filled = (where) => where.replace(/\{[^}]+\}/g, 'none_20260101_000000-000000.tar.gz');
const tokens = {};
for (const role of ['viewer', 'developer', 'admin']) {
  const r = await app.api('POST', '/api/tokens', { name: `test ${role}`, role, days: 1 });
  assert.equal(r.status, 201, r.text);
  tokens[role] = r.json;
}

const ask = (method, where, headers = {}) =>
  fetchRaw(app.url + where, { method, headers: { accept: 'application/json', ...headers }, raw: false });
const isError = (r) => typeof r.json?.error === 'string' && r.json.error !== '' && /^[A-Z_]+$/.test(r.json.code ?? '');

// Does a value follow a schema of the few kinds that the document uses?
function follows(schema, value, where) {
  if (schema.$ref) return follows(document.components.schemas[schema.$ref.split('/').pop()], value, where);
  const kinds = [schema.type].flat();
  const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  assert.ok(kinds.includes(kind) || (kind === 'integer' && kinds.includes('number')), `${where} is ${kind}, not ${kinds}`);
  if (schema.enum) assert.ok(schema.enum.includes(value), `${where} is ${value}`);
  for (const name of schema.required ?? []) assert.ok(name in value, `${where}.${name} is missing`);
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    if (value !== null && name in value) follows(inner, value[name], `${where}.${name}`);
}

test('the document is OpenAPI 3.1 and complete', () => {
  assert.match(document.openapi, /^3\.1\./);
  assert.ok(document.info.title && document.info.version);
  assert.ok(operations.length > 40, `${operations.length} operations`);
  const ids = operations.map(({ op }) => op.operationId);
  assert.equal(new Set(ids).size, ids.length);
  for (const { where, method, op } of operations) {
    const captures = [...where.matchAll(/\{([^}]+)\}/g)].map((m) => m[1]);
    const declared = (op.parameters ?? []).filter((p) => p.in === 'path').map((p) => p.name);
    assert.deepEqual(declared, captures, where);
    assert.ok(op.summary, where);
    assert.ok(op.responses['200'] && op.responses.default, where);
    assert.ok(op['x-role'] in levels, where);
    if (op['x-role'] !== 'none') assert.ok(op.security.length > 0, where);
    if (method === 'GET') assert.equal(op.requestBody, undefined, where);
  }
});

test('who is not logged in gets 401 everywhere but where no login is needed', async () => {
  for (const { where, method, op } of operations) {
    if (op['x-role'] === 'none') continue;
    const r = await ask(method, filled(where));
    assert.equal(r.status, 401, `${method} ${where}`);
    assert.ok(isError(r), r.text);
    assert.equal(r.json.code, 'LOGIN_REQUIRED');
  }
});

test('every path refuses everyone below its role, whatever it is asked for', async () => {
  for (const { where, method, op } of operations) {
    for (const role of ['viewer', 'developer']) {
      if (levels[role] >= levels[op['x-role']]) continue;
      const r = await ask(method, filled(where), { authorization: `Bearer ${tokens[role].token}` });
      assert.equal(r.status, 403, `${method} ${where} as ${role}`);
      assert.ok(isError(r), r.text);
    }
  }
});

test('every change with a session and without its token is 403 with csrf_error', async () => {
  for (const { where, method, op } of operations) {
    if (method === 'GET' || op.operationId === 'login_api') continue;
    const r = await ask(method, filled(where), app.headers());
    assert.equal(r.status, 403, `${method} ${where}`);
    assert.equal(r.json.csrf_error, true, where);
  }
});

test('what can be read without naming a thing answers with the fields of the document', async () => {
  for (const { where, method, op } of operations) {
    if (method !== 'GET' || where.includes('{') || op.parameters?.some((p) => p.required)) continue;
    const r = await app.api('GET', where);
    assert.equal(r.status, 200, `${where}: ${r.text.slice(0, 300)}`);
    const content = op.responses['200'].content ?? {};
    if (!content['application/json']) continue; // a file or a stream
    assert.match(r.headers['content-type'], /^application\/json/);
    if (content['application/json'].schema) follows(content['application/json'].schema, r.json, where);
  }
});

test('what names a thing that is not there answers with an error of the API', async () => {
  for (const { where, method, op } of operations) {
    if (!where.includes('{') || where.startsWith('/api/ui/')) continue;
    const r = await app.api(method, filled(where), method === 'GET' || method === 'DELETE' ? undefined : {});
    assert.ok(r.status >= 400 && r.status < 500, `${method} ${where}: ${r.status} ${r.text.slice(0, 300)}`);
    assert.ok(isError(r), `${method} ${where}: ${r.text.slice(0, 300)}`);
    assert.ok(op.responses[String(r.status)] || op.responses.default, where);
    assert.doesNotMatch(r.text, /\/backups\/|monkey\.db|src\/|at line/);
  }
});

test('a method that the document does not name is 405 with Allow', async () => {
  for (const where of Object.keys(document.paths)) {
    const known = Object.keys(document.paths[where]).map((m) => m.toUpperCase());
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      if (known.includes(method)) continue;
      const path = filled(where);
      const r = await app.api(method, path);
      if (r.status !== 405) {
        // Another row's path with a capture may take it: then it must be that row's answer, not a missing check.
        assert.ok(Object.keys(document.paths).some((o) => o !== where && new RegExp(`^${o.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path)),
          `${method} ${where}: ${r.status}`);
        continue;
      }
      assert.ok(r.headers.allow.includes(known[0]), r.headers.allow);
      assert.ok(isError(r), r.text);
    }
  }
});

test('paths of pages and API answer HEAD like GET, without a body', async () => {
  for (const where of ['/api/jobs', '/api/openapi.json', '/healthz']) {
    const r = await fetchRaw(app.url + where, { method: 'HEAD', headers: app.headers(), raw: true });
    assert.equal(r.status, 200, where);
    assert.equal(r.buffer.length, 0, where);
    assert.ok(Number(r.headers['content-length']) > 0, where);
  }
});

test('revoked tokens are worth nothing', async () => {
  for (const role of Object.keys(tokens)) {
    const r = await app.api('DELETE', `/api/tokens/${tokens[role].id}`);
    assert.equal(r.status, 200, r.text);
    const after = await ask('GET', '/api/jobs', { authorization: `Bearer ${tokens[role].token}` });
    assert.equal(after.status, 401);
  }
});
