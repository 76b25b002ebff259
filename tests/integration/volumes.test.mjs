// SPDX-License-Identifier: GPL-3.0-or-later
// Volumes of a real engine: the list with users and sizes, making and removing.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, assert, docker, engine, startApp, removeAll, after, before, sleep, fetchRaw } from '../tools/harness.mjs';

const p = 'cmvol-';
const app = await startApp();
const there = (name) => engine('GET', `/volumes/${p}${name}`).then(Boolean);
const list = async (query = '') => {
  const r = await app.api('GET', `/api/volumes${query}`);
  assert.equal(r.status, 200, r.text);
  return r.json.volumes.filter((v) => v.name.startsWith(p));
};

before(async () => {
  await removeAll(p);
  await docker('volume', 'create', '--label', 'com.docker.compose.project=cmvolstack', '--label', 'x=<b>&"', `${p}used`);
  await docker('volume', 'create', `${p}free`);
  await docker('volume', 'create', '--label', 'container-monkey.drill=x', `${p}drill`);
  await docker('run', '-d', '--name', `${p}web`, '-v', `${p}used:/data`, 'busybox:local', 'sleep', '1000000');
  await docker('exec', `${p}web`, 'sh', '-c', 'head -c 3000000 /dev/zero > /data/big');
  await sleep(1000); // lists of containers are at most that old
});
after(() => removeAll(p));

test('the list says who uses what, how much it is, and leaves out what is ours', async () => {
  const all = await list();
  assert.deepEqual(all.map((v) => v.name).sort(), [`${p}free`, `${p}used`]);
  const used = all.find((v) => v.name === `${p}used`);
  assert.deepEqual(used.containers, [`${p}web`]);
  assert.equal(used.in_use, true);
  assert.equal(used.is_self, false);
  assert.equal(used.stack, 'cmvolstack');
  assert.equal(used.driver, 'local');
  assert.equal(used.labels.x, '<b>&"');
  assert.match(used.mountpoint, /cmvol-used\/_data$/);
  assert.match(used.created, /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(used.options, {});
  assert.equal((await list('?own=1')).find((v) => v.name === `${p}drill`).is_self, true);
  assert.deepEqual((await list('?state=unused')).map((v) => v.name), [`${p}free`]);
  assert.deepEqual((await list('?stack=cmvolstack')).map((v) => v.name), [`${p}used`]);
  assert.deepEqual((await list(`?q=${p}web`)).map((v) => v.name), [`${p}used`]);
  assert.deepEqual((await list('?sort=-used')).map((v) => v.name), [`${p}used`, `${p}free`]);
  assert.equal((await app.api('GET', '/api/volumes?sort=nonsense')).status, 400);
});

test('sizes are counted in the background', async () => {
  let used;
  for (let i = 0; i < 100 && !(used?.size_bytes >= 3000000); i++, await sleep(100)) used = (await list()).find((v) => v.name === `${p}used`);
  assert.ok(used.size_bytes >= 3000000, JSON.stringify(used));
  assert.equal(used.size, '2.9 MB');
  const page = (await app.get('/volumes')).text;
  assert.match(page, /2\.9 MB/);
  assert.match(page, /counted <time/);
});

test('a volume is made, with options and labels, once', async () => {
  const made = await app.api('POST', '/api/volume', { name: `${p}made`, labels: { a: 'b=c' }, options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } });
  assert.equal(made.status, 201, made.text);
  const v = await engine('GET', `/volumes/${p}made`);
  assert.deepEqual(v.Labels, { a: 'b=c' });
  assert.deepEqual(v.Options, { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' });
  const again = await app.api('POST', '/api/volume', { name: `${p}made` });
  assert.equal(again.status, 409);
  assert.match(again.json.error, /exists already/);
  for (const bad of [{}, { name: '../x' }, { name: '-x' }, { name: `${p}y`, labels: { a: 1 } }, { name: `${p}y`, labels: [] }])
    assert.equal((await app.api('POST', '/api/volume', bad)).status, 400, JSON.stringify(bad));
  assert.equal(await there('y'), false);
  const form = await app.post('/volumes/new', { name: `${p}form`, driver: 'local', labels: 'a=1\r\nb=x=y\r\n' });
  assert.equal(form.status, 303);
  assert.equal(form.headers.location, `/volume/${p}form`);
  assert.deepEqual((await engine('GET', `/volumes/${p}form`)).Labels, { a: '1', b: 'x=y' });
  const wrong = await app.post('/volumes/new', { name: `${p}wrong`, labels: 'nonsense' });
  assert.equal(wrong.status, 422);
  assert.match(wrong.text, /value="cmvol-wrong"/);
  assert.match(wrong.text, /name=value/);
});

test('what is used stays; what is ours is not touched', async () => {
  const used = await app.api('DELETE', `/api/volume/${p}used/delete`);
  assert.equal(used.status, 400);
  assert.equal(used.json.in_use, true);
  assert.match(used.json.error, /cmvol-used is in use by cmvol-web/);
  assert.equal(used.json.message, used.json.error);
  assert.equal((await app.api('DELETE', `/api/volume/${p}drill/delete`)).status, 422);
  assert.equal((await app.api('DELETE', `/api/volume/${p}none/delete`)).status, 404);
  assert.equal((await app.api('DELETE', '/api/volume/a%20b/delete')).status, 400);
  assert.equal((await app.get(`/volume/${p}none/delete`)).status, 404);
  assert.equal(await there('used') && await there('drill'), true);
  assert.equal(await there('none'), false);
});

test('several at once, each with its own result; the page asks first', async () => {
  const ask = await app.post('/volumes/delete', { names: [`${p}form`, `${p}used`, `${p}gone`] });
  assert.equal(ask.status, 200);
  assert.match(ask.text, /Delete 1 volume/);
  assert.match(ask.text, /cmvol-used is used by cmvol-web and stays/);
  assert.match(ask.text, /cmvol-gone is gone already/);
  assert.equal(await there('form'), true);
  const done = await app.post('/volumes/delete', { names: [`${p}form`], confirm: '1' });
  assert.equal(done.status, 303);
  assert.equal(await there('form'), false);
  const r = await app.api('POST', '/api/volumes/delete', { names: [`${p}made`, `${p}used`, `${p}drill`] });
  assert.equal(r.status, 200);
  assert.equal(r.json.success, true);
  assert.equal(r.json.deleted_count, 1);
  assert.deepEqual(r.json.in_use_volumes, [`${p}used`]);
  assert.equal(r.json.errors.length, 2);
  assert.equal(r.json.message, 'Deleted 1 volume(s). 1 volume(s) are in use and were not deleted.');
  assert.equal(await there('made'), false);
  const bad = await app.api('POST', '/api/volumes/delete', { names: 'x' });
  assert.equal(bad.status, 400);
  assert.equal(bad.json.error, 'Volume names must be a list');
  const logs = (await app.api('GET', '/api/audit-logs?operation_type=volume_delete')).json.logs;
  assert.ok(logs.some((l) => l.status === 'completed' && l.details?.volume === `${p}made`), JSON.stringify(logs[0]));
  assert.ok(logs.some((l) => l.status === 'error' && l.details?.volume === `${p}used`));
});

test('all that nobody uses, after a page that names them', async () => {
  const ask = await app.get('/volumes/prune');
  assert.equal(ask.status, 200);
  assert.match(ask.text, /cmvol-free/);
  assert.doesNotMatch(ask.text, /cmvol-used|cmvol-drill/);
  const r = await app.api('POST', '/api/volumes/prune');
  assert.equal(r.status, 200, r.text);
  assert.ok(r.json.deleted_volumes.includes(`${p}free`));
  assert.equal(await there('free'), false);
  assert.equal(await there('used') && await there('drill'), true);
});

test('an engine that is away is said, on a page that comes', async () => {
  const away = await startApp({ env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
  const page = await away.get('/volumes');
  assert.equal(page.status, 200);
  assert.match(page.text, /The volumes cannot be shown/);
  assert.equal((await away.api('GET', '/api/volumes')).status, 503);
});

// ---- The files in a volume ----
const at = (name, verb, where, more = '') => `/api/volume/${p}${name}/${verb}?path=${encodeURIComponent(where)}${more}`;
const explore = async (name, where = '/', more = '') => {
  const r = await app.api('GET', at(name, 'explore', where, more));
  assert.equal(r.status, 200, r.text);
  return r.json;
};
const containersLeft = async () => (await docker('ps', '-a', '--format', '{{.Names}}', '--filter', 'label=container-monkey.helper')).split('\n').filter(Boolean);

test('folders, files and links, with owner, mode, size and time; nothing is made by looking', async () => {
  await docker('volume', 'create', `${p}tree`);
  await docker('run', '--rm', '-v', `${p}tree:/d`, 'busybox:local', 'sh', '-c', String.raw`cd /d
    mkdir -p "a folder/deep" many; echo hello > "a folder/deep/file.txt"; printf '%s' '{"k":1}' > data.json
    chown 7:8 data.json; chmod 4751 data.json; touch -d '2020-02-03 04:05:06' data.json
    ln -s "a folder" link; ln -s /etc/passwd out; ln -s .. up; mkfifo pipe
    printf '\211PNG\r\n\032\n0000' > pic.png; printf '<svg onload=alert(1)>' > evil.svg; printf 'a\0b' > blob
    printf one > "$(printf 'new\nline')"; printf two > "$(printf 'bad\377byte')"; printf three > '%41'; printf four > -rf; printf five > 'q"<b>&'
    mkdir "$(printf 'dir\377')"; printf six > "$(printf 'dir\377/x')"
    i=0; while [ $i -lt 3000 ]; do : > many/f$i; i=$((i+1)); done`);
  const top = await explore('tree');
  assert.equal(top.volume, `${p}tree`);
  assert.equal(top.path, '/');
  const old = (name) => top.files.find((f) => f.name === name);
  assert.deepEqual(old('data.json'), { name: 'data.json', path: '/data.json', size: '7', modified: 'Feb  3 04:05', permissions: '-rwsr-x--x', type: 'file' });
  assert.equal(old('a folder').type, 'directory');
  assert.equal(old('link -> a folder').type, 'file');
  const mine = (name) => top.entries.find((f) => f.name === name);
  assert.equal(mine('out').type, 'symlink');
  assert.equal(mine('out').link_target, '/etc/passwd');
  assert.deepEqual([mine('data.json').uid, mine('data.json').gid, mine('data.json').mode], [7, 8, 0o4751]);
  assert.equal(mine('pipe').type, 'fifo');
  assert.equal(top.entries[0].type, 'directory', 'folders come first');
  for (const [where, content] of [['/new%0Aline', 'one'], ['/bad%FFbyte', 'two'], ['/%2541', 'three'], ['/-rf', 'four'], ['/q"<b>&', 'five'], ['/dir%FF/x', 'six'], ['/a folder/deep/file.txt', 'hello\n']]) {
    assert.equal((await app.download(at('tree', 'download', where))).buffer.toString(), content, where);
  }
  assert.deepEqual((await explore('tree', '/dir%FF')).files.map((f) => f.path), ['/dir%FF/x']);
  const missing = await app.api('GET', at('none', 'explore', '/'));
  assert.equal(missing.status, 404);
  assert.equal(await there('none'), false);
  assert.equal((await app.get(`/volume/${p}none`)).status, 404);
  assert.equal((await app.api('GET', at('drill', 'explore', '/'))).status, 422);
});

test('no way out: neither dots nor links', async () => {
  for (const [where, status] of [['/../etc', 400], ['a/../../etc', 400], ['/out', 422], ['/up/x', 404], ['/link/deep', 404], ['/no-such', 404]])
    assert.ok([status, 404].includes((await app.api('GET', at('tree', 'download', where))).status), where);
  assert.equal((await app.api('GET', at('tree', 'explore', '/link'))).status, 404);
  assert.equal((await app.api('GET', at('tree', 'explore', '/../..'))).status, 400);
  assert.equal((await app.api('GET', at('tree', 'file', '/pipe'))).status, 422);
});

test('a part of a large folder; search and order', async () => {
  const part = await explore('tree', '/many', '&limit=10&offset=20&sort=-name');
  assert.equal(part.total, 3000);
  assert.deepEqual(part.files.map((f) => f.name)[0], 'f998'.replace('998', [...Array(3000).keys()].map(String).sort().reverse()[20]));
  assert.equal(part.files.length, 10);
  assert.equal((await explore('tree', '/many', '&q=F2999')).files[0].name, 'f2999');
  const page = await app.get(`/volume/${p}tree?path=%2Fmany&limit=100`);
  assert.match(page.text, /1–100 of 3,000/);
});

test('text is shown as text, pictures by their bytes, nothing as a page', async () => {
  const r = await app.api('GET', at('tree', 'file', '/data.json'));
  assert.deepEqual(r.json, { content: '{"k":1}', path: '/data.json', size: 7, volume: `${p}tree` });
  assert.equal((await app.api('GET', at('tree', 'file', '/blob'))).status, 422);
  assert.equal((await app.api('GET', `/api/volume/${p}tree/file`)).status, 400);
  const page = await app.get(`/volume/${p}tree/file?path=%2Fevil.svg`);
  assert.match(page.text, /&lt;svg onload/);
  assert.doesNotMatch(page.text, /<svg onload/);
  assert.match((await app.get(`/volume/${p}tree/file?path=%2Fpic.png`)).text, /<img src="\/volume\/cmvol-tree\/picture\?path=%2Fpic\.png"/);
  const picture = await app.download(`/volume/${p}tree/picture?path=%2Fpic.png`);
  assert.equal(picture.headers['content-type'], 'image/png');
  assert.match(picture.headers['content-security-policy'], /sandbox/);
  assert.equal(picture.headers['x-content-type-options'], 'nosniff');
  assert.equal((await app.get(`/volume/${p}tree/picture?path=%2Fevil.svg`)).status, 422);
  const file = await app.download(at('tree', 'download', '/evil.svg'));
  assert.equal(file.headers['content-type'], 'application/octet-stream');
  assert.match(file.headers['content-disposition'], /^attachment/);
});

test('a folder as tar.gz', async () => {
  const r = await app.download(at('tree', 'download', '/a folder'));
  assert.match(r.headers['content-disposition'], /a folder\.tar\.gz/);
  const out = mkdtempSync(path.join(tmpdir(), 'cm-vol-'));
  writeFileSync(path.join(out, 'x.tar.gz'), r.buffer);
  execFileSync('tar', ['-xzf', 'x.tar.gz'], { cwd: out });
  assert.equal(readFileSync(path.join(out, 'a folder/deep/file.txt'), 'utf8'), 'hello\n');
  const all = await app.download(at('tree', 'download', '/'));
  writeFileSync(path.join(out, 'all.tar.gz'), all.buffer);
  const names = execFileSync('tar', ['-tzf', 'all.tar.gz'], { cwd: out, maxBuffer: 1 << 26 }).toString();
  assert.match(names, /cmvol-tree\/data\.json/);
  assert.equal(names.split('\n').filter((n) => n.includes('/many/f')).length, 3000);
  rmSync(out, { recursive: true });
});

test('what is in a volume is for administrators; helpers go', async () => {
  const viewer = (await app.api('POST', '/api/tokens', { name: 'vol viewer', role: 'developer', days: 1 })).json.token;
  const as = (where) => fetchRaw(app.url + where, { headers: { authorization: `Bearer ${viewer}` } });
  assert.equal((await as(at('tree', 'explore', '/'))).status, 403);
  assert.equal((await as(at('tree', 'download', '/data.json'))).status, 403);
  assert.equal((await as(`/api/volume/${p}tree`)).status, 200);
  for (let i = 0; i < 100 && (await containersLeft()).length > 0; i++) await sleep(100);
  assert.deepEqual(await containersLeft(), []);
});

test('files put in, renamed, deleted; folders made; nothing is replaced unless asked for', async () => {
  const put = (where, name, body, more = '') => app.api('POST', at('tree', 'upload', where, `&filename=${encodeURIComponent(name)}${more}`), body, { 'content-type': 'application/octet-stream' });
  const read = async (where) => (await app.download(at('tree', 'download', where))).buffer;
  const big = Buffer.alloc(5 << 20, 'volume ');
  assert.equal((await put('/a folder', 'big "1" <b>.bin', big)).status, 200);
  assert.ok((await read('/a folder/big "1" <b>.bin')).equals(big));
  const again = await put('/', 'data.json', Buffer.from('new'));
  assert.equal(again.status, 409, again.text);
  assert.equal((await read('/data.json')).toString(), '{"k":1}');
  assert.equal((await put('/', 'data.json', Buffer.from('new'), '&replace=1')).status, 200);
  const found = (await explore('tree')).entries.find((e) => e.name === 'data.json');
  assert.deepEqual([found.size, found.uid, found.gid, found.mode], [3, 7, 8, 0o4751], 'owner and mode of the one before');
  for (const [where, name, status] of [['/', '..', 400], ['/', '', 400], ['/out', 'x', 404], ['/up', 'x', 404], ['/none', 'x', 404], ['/../..', 'x', 400], ['/', 'out', 409]])
    assert.equal((await put(where, name, Buffer.from('x'))).status, status, `${where} ${name}`);
  assert.equal((await put('/', 'link', Buffer.from('x'), '&replace=1')).status, 409, 'a link is not followed and not replaced');
  assert.equal((await put('/', '../../evil', Buffer.from('in'))).status, 200);
  assert.equal((await read('/evil')).toString(), 'in', 'only the last name counts');
  // A form, as a browser sends it: several files, one of them twice.
  const form = new FormData();
  form.set('csrf_token', app.csrf);
  form.set('path', '/many');
  for (const [name, text] of [['one.txt', '1'], ['f1', 'is there'], ['two.txt', '']]) form.append('file', new File([text], name));
  const sent = new Request('http://x', { method: 'POST', body: form });
  const r = await fetchRaw(`${app.url}/volume/${p}tree/upload`, { method: 'POST', body: Buffer.from(await sent.arrayBuffer()), headers: app.headers({ 'content-type': sent.headers.get('content-type') }) });
  assert.equal(r.status, 303, r.text);
  assert.equal(r.headers.location, `/volume/${p}tree?path=%2Fmany`);
  assert.equal((await read('/many/one.txt')).toString(), '1');
  assert.equal((await read('/many/two.txt')).length, 0);
  assert.equal((await read('/many/f1')).length, 0, 'what was there stays');

  const made = await app.api('POST', `/api/volume/${p}tree/mkdir`, { path: '/a folder', name: 'new %41 folder' });
  assert.equal(made.json.path, '/a folder/new %2541 folder', made.text);
  assert.equal((await app.api('POST', `/api/volume/${p}tree/mkdir`, { path: '/a folder', name: 'new %41 folder' })).status, 409);
  assert.equal((await app.api('POST', `/api/volume/${p}tree/mkdir`, { path: '/', name: 'a/b' })).status, 400);
  assert.equal((await app.api('POST', `/api/volume/${p}tree/rename`, { path: '/bad%FFbyte', name: 'good' })).status, 200);
  assert.equal((await read('/good')).toString(), 'two');
  assert.equal((await app.api('POST', `/api/volume/${p}tree/rename`, { path: '/good', name: 'data.json' })).status, 409);
  assert.equal((await app.api('POST', `/api/volume/${p}tree/rename`, { path: '/good', to: '/a folder/moved' })).status, 200);
  assert.equal((await app.api('POST', `/api/volume/${p}tree/rename`, { path: '/a folder', to: '/a folder/deep/self' })).status, 422);
  assert.equal((await app.api('POST', `/api/volume/${p}tree/rename`, { path: '/good', to: '/../x' })).status, 400);
  assert.equal((await app.get(`/volume/${p}tree/rename?path=%2Fdata.json`)).status, 200);
  const wrong = await app.post(`/volume/${p}tree/rename`, { path: '/data.json', name: 'evil' });
  assert.match(wrong.text, /value="evil"/);
  assert.match(wrong.text, /of this name already/);

  const ask = await app.post(`/volume/${p}tree/remove`, { paths: ['/a folder', '/data.json', '/gone'] });
  assert.match(ask.text, /Delete 3 entries\?/);
  assert.match(ask.text, /with all that is in it/);
  assert.match(ask.text, /\/gone is gone already/);
  assert.ok((await read('/data.json')).length);
  const gone = await app.api('POST', `/api/volume/${p}tree/remove`, { paths: ['/a folder', '/out', '/dir%FF', '/gone', '/'] });
  assert.deepEqual(gone.json.results.map((x) => x.success), [true, true, true, false, false], gone.text);
  assert.equal((await explore('tree')).entries.some((e) => ['a folder', 'out'].includes(e.name)), false);
  const logs = (await app.api('GET', '/api/audit-logs?limit=200')).json.logs.map((l) => l.operation_type);
  for (const operation of ['volume_upload', 'volume_mkdir', 'volume_rename', 'volume_remove_file', 'volume_download']) assert.ok(logs.includes(operation), operation);
  assert.equal((await explore('tree')).entries.some((e) => e.name.startsWith('.container-monkey')), false, 'nothing unfinished is left');
});

test('a volume is backed up alone, browsed, verified, and restored: new, or in place of what is there', async () => {
  await docker('volume', 'create', '--label', 'keep=me', `${p}src`);
  await docker('run', '--rm', '-v', `${p}src:/d`, 'busybox:local', 'sh', '-c',
    'cd /d; mkdir -m 750 sub; echo first > sub/file; chown 11:12 sub/file; ln -s sub/file link; chmod 4755 sub/file');
  const started = await app.api('POST', `/api/volume/${p}src/backup`, { note: 'alone' });
  assert.equal(started.status, 202, started.text);
  const job = await app.waitJob(started.json.job_id);
  assert.equal(job.state, 'complete', JSON.stringify(job));
  const file = job.result.filename;
  assert.match(file, /^volume_cmvol-src_/);
  const row = (await app.api('GET', `/api/backups?type=volume&q=${p}src`)).json.backups.find((b) => b.filename === file);
  assert.equal(row.type, 'volume');
  assert.equal(row.verify_state, 'ok');
  assert.deepEqual(row.parts?.map((x) => x.kind) ?? ['volume'], ['volume']);
  for (const where of [`/backup/${file}`, `/backup/${file}/files`, `/restore-volume/${file}`, `/backup/${file}/files?path=volumes%2F${p}src`])
    assert.equal((await app.get(where)).status, 200, where);
  assert.match((await app.get('/vault?type=volume')).text, new RegExp(`/restore-volume/${file}`));
  assert.equal((await app.download(`/api/backup/${file}/file?path=volumes%2F${p}src%2Fsub%2Ffile`)).buffer.toString(), 'first\n');
  const verified = await app.api('POST', `/api/backup/${file}/verify`);
  assert.equal((await app.waitJob(verified.json.job_id)).state, 'complete');
  assert.equal((await app.api('POST', '/api/restore-backup', { filename: file })).status, 422, 'it holds no container');

  const restore = (body) => app.api('POST', `/api/backup/${file}/restore-volume`, body);
  assert.equal((await restore({})).status, 409, 'it is there');
  assert.equal((await restore({ volume: 'a/b' })).status, 400);
  assert.equal((await restore({ volume: `${p}drill`, replace: true })).status, 422, 'ours');
  assert.equal((await restore({ volume: `${p}used`, replace: true })).status, 409, 'a running container uses it');
  const tree = (name) => docker('run', '--rm', '-v', `${name}:/d`, 'busybox:local', 'sh', '-c', 'cd /d; find . | sort; stat -c "%n %a %u %g %Y" sub/file sub link; cat sub/file');
  const before = await tree(`${p}src`);
  const fresh = await restore({ volume: `${p}copy` });
  assert.equal(fresh.status, 202, fresh.text);
  assert.equal((await app.waitJob(fresh.json.job_id)).state, 'complete');
  assert.equal(await tree(`${p}copy`), before);
  assert.deepEqual((await engine('GET', `/volumes/${p}copy`)).Labels, { keep: 'me' });

  await docker('run', '--rm', '-v', `${p}src:/d`, 'busybox:local', 'sh', '-c', 'echo second > /d/sub/file; echo more > /d/more');
  const again = await app.post(`/restore-volume/${file}`, { volume: `${p}src`, replace: '1' });
  assert.equal(again.status, 303, again.text);
  const done = await app.waitJob(again.headers.location.split('/').pop());
  assert.equal(done.state, 'complete', JSON.stringify(done));
  assert.equal(await tree(`${p}src`), before);
  assert.equal((await docker('volume', 'ls', '-q')).split('\n').some((n) => n.startsWith('cm-restore-')), false, 'nothing temporary is left');
  const refused = await app.post(`/restore-volume/${file}`, { volume: `${p}src` });
  assert.equal(refused.status, 409);
  assert.match(refused.text, /is there already/);
  assert.equal((await app.api('POST', `/api/volume/${p}none/backup`)).status, 404);
  assert.equal((await app.api('POST', `/api/volume/${p}drill/backup`)).status, 422);
});

test('a restore that is killed between the two exchanges leaves what was there', async () => {
  const file = (await app.api('GET', `/api/backups?type=volume&q=${p}src`)).json.backups[0].filename;
  await docker('run', '--rm', '-v', `${p}src:/d`, 'busybox:local', 'sh', '-c', 'echo newer > /d/sub/file');
  const dataDir = mkdtempSync(path.join(tmpdir(), 'cm-vol-'));
  chmodSync(dataDir, 0o755);
  cpSync(path.join(app.dataDir, 'backups'), path.join(dataDir, 'backups'), { recursive: true });
  const bad = await startApp({ dataDir, env: { CM_FAULT: 'restore_swapped_once!' } });
  assert.equal((await bad.api('POST', '/api/backups/refresh')).status, 200);
  const r = await bad.api('POST', `/api/backup/${file}/restore-volume`, { replace: true });
  assert.equal(r.status, 202, r.text);
  for (let i = 0; i < 300 && !/fault point/.test(bad.stderr); i++) await sleep(50);
  assert.match(bad.stderr, /fault point/);
  process.kill(-bad.process.pid, 'SIGKILL');
  await bad.ended;
  const good = await startApp({ dataDir });
  for (let i = 0; i < 200 && (await docker('volume', 'ls', '-q')).includes('cm-restore-'); i++) await sleep(100);
  assert.doesNotMatch(await docker('volume', 'ls', '-q'), /cm-restore-/);
  assert.equal(await docker('run', '--rm', '-v', `${p}src:/d`, 'busybox:local', 'cat', '/d/sub/file'), 'newer');
  process.kill(-good.process.pid, 'SIGTERM');
  await good.ended;
  rmSync(dataDir, { recursive: true });
});
