// SPDX-License-Identifier: GPL-3.0-or-later
// Images of a real engine: the list and who uses what, deleting exactly what is named, names, layers, saving and loading
// as files, cleaning up, and pulls from a real registry that wants a login (Debian's docker-registry, on loopback).
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync, rmSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test, assert, docker, startApp, removeAll, after, before, sleep, freePort, fetchRaw } from '../tools/harness.mjs';

const p = 'cmimages-';
const hash = '$2b$04$abcdefghijklmnopqrstuuKcPh4bM15wZ2c1wSoQMUheWNxvsMlx2'; // of Registry-Pass-1
const app = await startApp();
const work = mkdtempSync('/tmp/cmimages-');
let registry, server;

const list = async (query = '') => (await app.api('GET', `/api/images${query}`)).json.images;
const find = async (name) => (await list()).find((i) => i.name === name);
const at = (ref) => encodeURIComponent(ref);
const id = (ref) => docker('image', 'inspect', '-f', '{{.Id}}', ref);

// An image of its own, of one small file, so that nothing else shares it.
async function make(name, text = name) {
  writeFileSync(path.join(work, 'file'), `${text} ${Math.random()}\n`);
  await docker('create', '--name', `${p}make`, 'busybox:local', 'true');
  await docker('cp', path.join(work, 'file'), `${p}make:/file`);
  await docker('commit', '-c', 'ENV SECRET_OF_IT=do-not-show', '-c', 'CMD ["sleep","1000000"]', `${p}make`, ...(name ? [name] : []));
  await docker('rm', `${p}make`);
}

async function removeImages() {
  const names = (await docker('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n').filter((n) => n.includes(p));
  if (names.length) await docker('rmi', '-f', ...names).catch(() => {});
}

async function serve() {
  const port = await freePort();
  server = `127.0.0.1:${port}`;
  writeFileSync(`${work}/htpasswd`, `tester:${hash}\n`);
  writeFileSync(`${work}/config.yml`, `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${work}/data\nhttp:\n  addr: ${server}\nauth:\n  htpasswd:\n    realm: test\n    path: ${work}/htpasswd\n`);
  registry = spawn('docker-registry', ['serve', `${work}/config.yml`], { stdio: 'ignore' });
  for (let i = 0; i < 200; i++) {
    if (await fetchRaw(`http://${server}/v2/`).then(() => true, () => false)) return;
    await sleep(50);
  }
  assert.fail('the registry does not answer');
}

before(async () => {
  await removeAll(p);
  await removeImages();
  await Promise.all([serve(), make(`${p}one:old`)]);
  await docker('tag', `${p}one:old`, `${p}one:latest`);
  await make(`${p}used:1`);
  await docker('run', '-d', '--name', `${p}run`, `${p}used:1`);
  await docker('create', '--name', `${p}still`, `${p}used:1`);
});
after(async () => {
  registry?.kill();
  await removeAll(p);
  await removeImages();
  rmSync(work, { recursive: true, force: true });
});

test('the list has a row for each name, with who uses it', async () => {
  const used = await find(`${p}used:1`);
  assert.deepEqual(used.containers.sort(), [`${p}run`, `${p}still`]);
  assert.equal(used.in_use, true);
  assert.equal(used.repository, `${p}used`);
  assert.equal(used.tag, '1');
  assert.equal(used.is_self, false);
  assert.equal(used.id, (await id(`${p}used:1`)).slice(7, 19));
  assert.match(used.size, /^[\d.]+(B|kB|MB|GB)$/);
  assert.match(used.created, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC$/);
  assert.equal(used.size_bytes, Number(await docker('image', 'inspect', '-f', '{{.Size}}', `${p}used:1`)));
  const [old, latest] = [await find(`${p}one:old`), await find(`${p}one:latest`)];
  assert.equal(old.full_id, latest.full_id);
  assert.equal(old.in_use, false);
  assert.deepEqual((await list(`?q=${p}one&sort=-name`)).map((i) => i.name), [`${p}one:old`, `${p}one:latest`]);
  assert.deepEqual((await list(`?q=${p}&state=used`)).map((i) => i.name), [`${p}used:1`]);
  assert.ok((await list(`?q=${p}run`)).some((i) => i.name === `${p}used:1`), 'found by its container');
  assert.equal((await list('?limit=1')).length, 1);
  assert.equal((await app.api('GET', '/api/images?sort=nonsense')).status, 400);
  assert.ok(!(await list()).some((i) => i.name.startsWith('container-monkey-helper')), 'ours do not show');
  for (let i = 0; i < 100 && (await find(`${p}used:1`)).shared_bytes === null; i++) await sleep(50);
  assert.ok((await find(`${p}used:1`)).shared_bytes > 1e6, 'the layer of busybox is shared');
  const page = (await app.get(`/images?q=${p}`)).text;
  assert.match(page, new RegExp(`value="${p}one:old"`));
});

test('a name with a tag is that tag, and nothing else goes', async () => {
  const r = await app.api('DELETE', `/api/image/${at(`${p}one:old`)}/delete`);
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.message, 'Image deleted');
  assert.deepEqual(r.json.untagged, [`${p}one:old`]);
  assert.equal(await find(`${p}one:old`), undefined);
  assert.ok(await find(`${p}one:latest`));
  assert.equal((await app.api('DELETE', `/api/image/${at(`${p}one:old`)}/delete`)).status, 404);
});

test('what is used stays, and the sentence names who uses it', async () => {
  const r = await app.api('DELETE', `/api/image/${at(`${p}used:1`)}/delete?force=1`);
  assert.equal(r.status, 409, r.text);
  assert.equal(r.json.code, 'IN_USE');
  assert.match(r.json.error, new RegExp(`is used by .*${p}run`));
  const many = await app.api('POST', '/api/images/delete', { image: [`${p}used:1`, `${p}no-such:1`, `${p}one:latest`] });
  assert.equal(many.status, 200);
  assert.equal(many.json.done_count, 1);
  assert.deepEqual(many.json.results.map((x) => [x.id, x.success, x.code]),
    [[`${p}used:1`, false, 'IN_USE'], [`${p}no-such:1`, false, 'NOT_FOUND'], [`${p}one:latest`, true, null]]);
  assert.equal((await app.api('POST', '/api/images/delete', {})).status, 400);
});

test('by force also where stopped containers use it; the page asks first', async () => {
  await make(`${p}forced:1`);
  await docker('create', '--name', `${p}forced`, `${p}forced:1`);
  const page = await app.get(`/images/delete?image=${at(`${p}forced:1`)}&image=${at(`${p}used:1`)}`);
  assert.match(page.text, new RegExp(`Delete ${p}forced:1\\?`));
  assert.match(page.text, new RegExp(`used by ${p}forced: by force only`));
  assert.match(page.text, new RegExp(`${p}used:1 is used by .* and stays`));
  const asked = await app.post('/images/delete', { image: `${p}forced:1` });
  assert.equal(asked.status, 200, 'without confirm it asks');
  assert.ok(await find(`${p}forced:1`));
  assert.equal((await app.post('/images/delete', { image: `${p}forced:1`, confirm: 1 })).status, 303);
  assert.ok(await find(`${p}forced:1`), 'not without force');
  await app.post('/images/delete', { image: `${p}forced:1`, confirm: 1, force: 1 });
  assert.equal(await find(`${p}forced:1`), undefined);
});

test('one more name; a name of another image is not taken away', async () => {
  await make(`${p}name:1`);
  const r = await app.api('POST', `/api/image/${at(`${p}name:1`)}/tag`, { name: `${p}other` });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.name, `${p}other:latest`);
  assert.equal(await id(`${p}other:latest`), await id(`${p}name:1`));
  const taken = await app.api('POST', `/api/image/${at(`${p}name:1`)}/tag`, { name: `${p}used:1` });
  assert.equal(taken.status, 409);
  assert.equal((await app.api('POST', `/api/image/${at(`${p}name:1`)}/tag`, { name: 'Not A Name' })).status, 400);
  assert.equal((await app.api('POST', `/api/image/${at(`${p}name:1`)}/tag`, { name: 'UPPER:case' })).status, 400);
  const form = await app.post(`/image/${at(`${p}name:1`)}/tag`, { name: `${p}used:1` });
  assert.equal(form.status, 409);
  assert.match(form.text, new RegExp(`value="${p}used:1"`), 'what was typed is kept');
});

test('the page of an image has its layers and no values of its environment', async () => {
  const r = await app.api('GET', `/api/image/${at(`${p}used:1`)}`);
  assert.equal(r.status, 200, r.text);
  assert.ok(r.json.history.length >= 1);
  assert.ok(r.json.history[0].size > 0);
  assert.match(r.text, /SECRET_OF_IT/);
  assert.doesNotMatch(r.text, /do-not-show/);
  const page = await app.get(`/image/${at(`${p}used:1`)}`);
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.text, /do-not-show/);
  assert.equal((await app.get(`/image/${at(await id(`${p}used:1`))}`)).status, 200, 'by its id');
  assert.equal((await app.api('GET', `/api/image/${at(`${p}used:1`)}/history`)).json.history.length, r.json.history.length);
  assert.equal((await app.api('GET', `/api/image/${at(`${p}no-such:1`)}`)).status, 404);
  assert.equal((await app.api('GET', '/api/image/%20/history')).status, 400);
});

test('an image as a file, and back again: by the API and by a form', async () => {
  await make(`${p}file:1`);
  const before = await id(`${p}file:1`);
  const tar = await app.download(`/api/image/${at(`${p}file:1`)}/save`);
  assert.equal(tar.status, 200);
  assert.match(tar.headers['content-disposition'], /filename="?cmimages-file_1\.tar/);
  assert.ok(tar.buffer.length > 1 << 20, 'long enough to go to a temporary file');
  await docker('rmi', `${p}file:1`);
  const r = await app.api('POST', '/api/images/load', tar.buffer, { 'content-type': 'application/x-tar' });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json.images, [`${p}file:1`]);
  assert.equal(await id(`${p}file:1`), before);
  await docker('rmi', `${p}file:1`);
  const head = `--xx\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n${app.csrf}\r\n--xx\r\nContent-Disposition: form-data; name="file"; filename="a.tar"\r\n\r\n`;
  const send = (body, type = 'multipart/form-data; boundary=xx') => fetchRaw(`${app.url}/images/load`, {
    method: 'POST', body, headers: app.headers({ 'content-type': type }) });
  const form = await send(Buffer.concat([Buffer.from(head), tar.buffer, Buffer.from('\r\n--xx--\r\n')]));
  assert.equal(form.status, 303, form.text);
  assert.equal(await id(`${p}file:1`), before);
  const bad = await send(Buffer.from(`${head}this is no tar\r\n--xx--\r\n`));
  assert.equal(bad.status, 422, bad.text);
  assert.match(bad.text, /docker save/);
  assert.equal((await send(Buffer.from(`${head.replace('a.tar', '')}\r\n--xx--\r\n`))).status, 422, 'no file');
  const open = await fetchRaw(`${app.url}/api/images/load`, { method: 'POST', body: Buffer.alloc(3 << 20), headers: { 'content-type': 'application/x-tar' } });
  assert.equal(open.status, 401, 'who is not logged in cannot fill the disk');
  assert.deepEqual(readdirSync(path.join(app.dataDir, 'tmp')).filter((f) => f.startsWith('http_body')), [], 'nothing stays');
  assert.equal((await app.api('GET', `/api/image/${at(`${p}no-such:1`)}/save`)).status, 404);
});

test('by its id an image is saved with all its names', async () => {
  await docker('tag', `${p}file:1`, `${p}file:2`);
  const tar = await app.download(`/api/image/${at(await id(`${p}file:1`))}/save`);
  for (const name of ['1', '2']) assert.ok(tar.buffer.includes(`"${p}file:${name}"`), name);
});

test('those without a name are cleaned up, and the button is off without any', async () => {
  await app.api('POST', '/api/cleanup/dangling-images');
  assert.match((await app.get('/images')).text, /<button type="button" class="button" disabled[^>]*>Delete untagged/);
  assert.equal((await app.get('/images/prune?what=untagged')).status, 303);
  await make('');
  const loose = (await list('?state=untagged')).map((i) => i.full_id);
  assert.equal(loose.length, 1);
  const page = await app.get('/images/prune?what=untagged');
  assert.match(page.text, new RegExp(loose[0]));
  const r = await app.api('POST', '/api/cleanup/dangling-images');
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.message, 'Cleaned up 1 dangling image(s)');
  assert.equal(r.json.deleted_count, 1);
  assert.deepEqual(r.json.deleted_image_ids, loose);
  assert.match(r.json.reclaimed_space, /^[\d.]+(B|kB|MB)$/);
  assert.deepEqual(await list('?state=untagged'), []);
  assert.equal((await app.api('POST', '/api/images/prune', { what: 'all' })).status, 400);
  const unused = await app.get('/images/prune?what=unused');
  assert.match(unused.text, new RegExp(`value="${p}file:1"`));
  assert.doesNotMatch(unused.text, new RegExp(`value="${p}used:1"`));
});

test('a pull from a registry that wants a login', async () => {
  const ref = `${server}/${p}app:1.0`;
  await make(ref);
  await docker('login', '-u', 'tester', '-p', 'Registry-Pass-1', server);
  await docker('push', ref);
  await docker('logout', server);
  const pushed = await id(ref);
  await docker('rmi', ref);
  const pull = async (body) => {
    const r = await app.api('POST', '/api/images/pull', body);
    assert.equal(r.status, 202, r.text);
    return app.waitJob(r.json.job_id);
  };
  const denied = await pull({ image: ref });
  assert.equal(denied.state, 'error');
  assert.match(denied.error, /wants a login/);
  const add = (password, where = server) => app.api('POST', '/api/registries', { server: where, username: 'tester', password });
  const wrong = await add('wrong-password');
  assert.equal(wrong.status, 422, wrong.text);
  assert.match(wrong.json.error, /Check user name and password/);
  assert.equal((await add('x', 'not a server')).status, 400);
  assert.deepEqual((await app.api('GET', '/api/registries')).json.registries, []);
  assert.equal((await add('Registry-Pass-1')).status, 200);
  const stored = await app.api('GET', '/api/registries');
  assert.equal(stored.json.registries[0].server, server);
  assert.equal(stored.json.registries[0].username, 'tester');
  assert.doesNotMatch(stored.text + (await app.get('/images/add')).text, /Registry-Pass|cm1:/);
  assert.doesNotMatch(readFileSync(path.join(app.dataDir, 'config/monkey.db'), 'latin1'), /Registry-Pass/);
  const done = await pull({ image: ref });
  assert.equal(done.state, 'complete', JSON.stringify(done));
  assert.equal(done.result.status, 'downloaded');
  assert.equal(await id(ref), pushed);
  const again = await app.api('POST', `/api/image/${at(ref)}/pull`);
  assert.equal((await app.waitJob(again.json.job_id)).result.status, 'current');
  assert.match((await pull({ image: `${server}/${p}none:1` })).error, /There is no image/);
  assert.equal((await app.api('POST', '/api/images/pull', { image: 'Not a name' })).status, 400);
  assert.equal((await app.api('POST', '/api/images/pull', { image: 'a', platform: 'x y' })).status, 400);
  const form = await app.post('/images/pull', { image: '../x' });
  assert.equal(form.status, 422);
  assert.match(form.text, /value="\.\.\/x"/);
  assert.equal((await app.api('DELETE', `/api/registries/${at(server)}`)).status, 200);
  assert.equal((await app.api('DELETE', `/api/registries/${at(server)}`)).status, 404);
  const log = await app.api('GET', '/api/audit-logs?limit=200');
  for (const what of ['image_pull', 'image_delete', 'image_tag', 'image_load', 'image_prune', 'registry_login', 'registry_logout'])
    assert.ok(log.json.logs.some((l) => l.operation_type === what && l.user === 'admin'), what);
  assert.doesNotMatch(log.text + app.stderr, /Registry-Pass|wrong-password/);
});

test('an engine that is away: the page says so, the API 503', async () => {
  const away = await startApp({ env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
  const page = await away.get('/images');
  assert.equal(page.status, 200);
  assert.match(page.text, /The images cannot be shown/);
  assert.equal((await away.api('GET', '/api/images')).status, 503);
  assert.equal((await away.api('DELETE', '/api/image/x/delete')).status, 503);
  assert.equal((await away.api('POST', '/api/images/load', Buffer.from('x'), { 'content-type': 'application/x-tar' })).status, 503);
});
