// SPDX-License-Identifier: GPL-3.0-or-later
// Every call of contract_table.mjs against the real engine: status, fields, types. Calls whose path the program does not
// have are named and skipped: the table needs no change when they come.
import { test, assert, docker, startApp, removeAll, before, after, fetchRaw, password } from '../tools/harness.mjs';
import { rows } from './contract_table.mjs';

const p = 'cmapi-';
const app = await startApp();
const c = { password, name: `${p}web`, volume: `${p}data`, spare: `${p}spare`, spare2: `${p}spare2`, network: `${p}net`, stack: `${p}stack`, image: `${p}image:old`, answers: {} };
const bare = (path) => path.replace(/\{[^}]*\}/g, '{}');
const known = new Set();
for (const [path, methods] of Object.entries((await app.api('GET', '/api/openapi.json')).json.paths)) {
  for (const method of Object.keys(methods)) known.add(`${method.toUpperCase()} ${bare(path)}`);
}
const expected404 = (r) => r.path === '/api/no-such-path' || r.status === 405;
const missing = rows.filter((r) => !expected404(r) && !known.has(`${r.method} ${bare(r.path)}`));

const kinds = {
  string: (v) => typeof v === 'string', int: Number.isInteger, number: (v) => typeof v === 'number', bool: (v) => typeof v === 'boolean',
  array: Array.isArray, object: (v) => v !== null && typeof v === 'object' && !Array.isArray(v), null: (v) => v === null,
  id12: (v) => /^[0-9a-f]{12}$/.test(v),
};
function follows(type, value, where) {
  if (typeof type === 'string' && type.split('|').every((t) => t in kinds)) {
    assert.ok(type.split('|').some((t) => kinds[t](value)), `${where} is ${JSON.stringify(value)?.slice(0, 200)}, not ${type}`);
  } else if (Array.isArray(type)) {
    assert.ok(Array.isArray(value) && value.length > 0, `${where} is ${JSON.stringify(value)?.slice(0, 200)}, not a list of something`);
    value.forEach((v, i) => follows(type[0], v, `${where}[${i}]`));
  } else if (type !== null && typeof type === 'object') {
    assert.ok(kinds.object(value), `${where} is ${JSON.stringify(value)?.slice(0, 200)}, not an object`);
    if ('any' in type) for (const [k, v] of Object.entries(value)) follows(type.any, v, `${where}.${k}`);
    else for (const [k, t] of Object.entries(type)) follows(t, value[k], `${where}.${k}`);
  } else {
    assert.deepEqual(value, type, where);
  }
}

function multipart(parts) {
  const line = 'cmapi-boundary';
  const body = parts.map(([name, file, text]) =>
    `--${line}\r\nContent-Disposition: form-data; name="${name}"; filename="${file}"\r\nContent-Type: application/octet-stream\r\n\r\n${text}\r\n`).join('');
  return { body: `${body}--${line}--\r\n`, type: `multipart/form-data; boundary=${line}` };
}

async function call(r) {
  const { path, body, as, raw, multipart: parts } = r.of(c);
  const headers = as === 'nobody' ? {} : app.headers();
  if (r.method !== 'GET' && !as) headers['x-csrftoken'] = app.csrf;
  const sent = parts ? multipart(parts) : null;
  if (sent) headers['content-type'] = sent.type;
  return fetchRaw(app.url + path, { method: r.method, headers, body: sent ? sent.body : body, raw });
}

before(async () => {
  await removeAll(p);
  await Promise.all([
    docker('network', 'create', c.network),
    docker('volume', 'create', c.spare), docker('volume', 'create', c.spare2),
    docker('tag', 'busybox:local', c.image),
    docker('run', '-d', '--name', `${c.stack}-one`, '-l', `com.docker.compose.project=${c.stack}`, '-l', 'com.docker.compose.service=one', '--stop-timeout', '0', 'busybox:local', 'sleep', '100000'),
    docker('run', '-d', '--name', c.name, '-v', `${c.volume}:/data`, '-p', '127.0.0.1::80', '--stop-timeout', '0', 'busybox:local', 'sh', '-c',
      'echo hello >/data/hello.txt; echo one; echo two; echo three; exec sleep 100000').then((id) => { c.id = id.slice(0, 12); }),
  ]);
  const first = await app.backup(c.name);
  c.job = first.id;
  c.file = first.file;
});
after(async () => {
  await removeAll(p);
  await docker('rmi', '-f', c.image).catch(() => {});
});

test(`paths that the program does not have yet: ${[...new Set(missing.map((r) => `${r.method} ${r.path}`))].join(', ') || 'none'}`, { skip: missing.length > 0 });

for (const r of rows.filter((x) => !missing.includes(x))) {
  test(`${r.method} ${r.path}: ${r.name}`, async () => {
    const a = await call(r);
    const said = `${a.status} ${a.text.slice(0, 400)}`;
    assert.ok(String(r.status).split('|').includes(String(a.status)), `${r.status} was expected: ${said}`);
    if (r.fields === null) return;
    assert.match(a.headers['content-type'], /^application\/json/, said);
    if (a.status >= 400) assert.doesNotMatch(a.text, /Error response from daemon|<html|\/var\/lib\/docker/, said);
    follows(r.fields, a.json, 'the answer');
    if (a.status < 300) c.answers[`${r.method} ${bare(r.path)}`] = a.json;
    // The backup that was started here must not be in the way of what follows.
    if (a.json.progress_id && a.status < 300) await app.waitJob(a.json.progress_id);
  });
}
