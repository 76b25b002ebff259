// SPDX-License-Identifier: GPL-3.0-or-later
// The pages and paths around backups: the list of containers, the vault, one backup and its files.
import { test, assert, docker, startApp, removeAll, after, before, sleep, dockerOk } from '../tools/harness.mjs';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, existsSync, writeFileSync, mkdirSync, openSync, writeSync, closeSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const p = `cmvault${process.pid}-`;
const app = await startApp();
const vault = path.join(app.dataDir, 'backups');
const enc = encodeURIComponent;
let file;

const flash = async (r) => {
  const cookie = [r.headers['set-cookie'] ?? []].flat().map((c) => c.split(';')[0]).join('; ');
  return (await app.get(r.headers.location, { cookie: `${app.cookie}; ${cookie}` })).text;
};
async function audit(search) {
  const r = await app.api('GET', `/api/audit-logs?search=${enc(search)}`);
  return r.json.logs.map((l) => `${l.operation_type} ${l.status}`);
}

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', `${p}web`, '-v', `${p}data:/data`, '-l', `com.docker.compose.project=${p}shop`,
    '-l', 'com.docker.compose.service=web', '-e', 'SECRET=hunter2', '-p', '127.0.0.1::80', 'busybox:local', 'sh', '-c',
    'mkdir -p /data/dir; printf "line one\\nline <two>\\n" > /data/dir/text; head -c 300000 /dev/urandom > /data/dir/binary; '
    + 'ln -s /nowhere /data/link; touch "/data/per%cent"; exec sleep 100000');
  await docker('create', '--name', `${p}idle`, 'busybox:local', 'true');
  await sleep(600);
});
after(() => removeAll(p));

test('the list finds, filters and sorts', async () => {
  const get = async (q) => (await app.api('GET', `/api/containers?${q}`)).json.containers.map((c) => c.name);
  assert.deepEqual(await get(`q=${p}`), [`${p}idle`, `${p}web`]);
  assert.deepEqual(await get(`q=${p}&sort=-name`), [`${p}web`, `${p}idle`]);
  assert.deepEqual(await get(`q=${p}&state=running`), [`${p}web`]);
  assert.deepEqual(await get(`q=${p}&state=stopped`), [`${p}idle`]);
  assert.deepEqual(await get(`stack=${p}shop`), [`${p}web`]);
  assert.deepEqual(await get(`q=${p}&limit=1&offset=1`), [`${p}web`]);
  assert.equal((await app.api('GET', '/api/containers?sort=secret')).status, 400);
  const page = await app.get(`/containers?q=${p}`);
  assert.equal(page.status, 200);
  assert.match(page.text, new RegExp(`${p}web`));
  assert.ok(!page.text.includes('hunter2'));
});

test('the form backs up one and leads to its job, several and leads to the jobs', async () => {
  const one = await app.post('/containers/backup', { container: `${p}web`, note: 'by form', consistency: '' });
  assert.equal(one.status, 303);
  assert.match(one.headers.location, /^\/job\/[0-9a-f-]{36}$/);
  const job = await app.waitJob(one.headers.location.slice(5));
  assert.equal(job.state, 'complete');
  file = job.result.filename;
  const two = await app.post('/containers/backup', { container: [`${p}web`, `${p}idle`], image: 'embed' });
  assert.equal(two.status, 303);
  assert.equal(two.headers.location, '/jobs');
  for (let i = 0; i < 100; i++) {
    if ((await app.api('GET', '/api/backup/status')).json.status === 'idle') break;
    await sleep(100);
  }
  const row = await app.post(`/container/${p}web/backup`, {});
  assert.match(row.headers.location, /^\/job\//);
  assert.equal((await app.waitJob(row.headers.location.slice(5))).state, 'complete');
});

test('a form with a mistake comes again and keeps what was typed', async () => {
  const r = await app.post('/containers/backup', { container: `${p}web`, exec_pre: "sh -c 'oops", note: 'keep me' });
  assert.ok(r.status >= 400 && r.status < 500, String(r.status));
  assert.match(r.text, /value="keep me"/);
  assert.match(r.text, /sh -c &#39;oops|sh -c &#x27;oops|sh -c 'oops/);
  assert.match(r.text, /not closed/);
  const none = await app.post('/containers/backup', {});
  assert.match(none.text, /Select at least one container/);
});

test('the vault lists, filters, sorts and pages by URL', async () => {
  const all = (await app.api('GET', '/api/backups')).json;
  assert.equal(all.total, 4);
  assert.deepEqual([...all.backups].sort((a, b) => (a.created_at < b.created_at ? 1 : -1)).map((b) => b.filename), all.backups.map((b) => b.filename));
  const get = async (q) => (await app.api('GET', `/api/backups?${q}`)).json;
  assert.equal((await get(`container=${p}idle`)).total, 1);
  assert.equal((await get('q=by form')).backups[0].filename, file);
  assert.equal((await get('state=damaged')).total, 0);
  assert.equal((await get('state=verified')).total, 4);
  assert.equal((await get('limit=1&offset=1')).backups.length, 1);
  assert.equal((await get('sort=size')).backups.length, 4);
  assert.equal((await app.api('GET', '/api/backups?state=odd')).status, 400);
  const page = await app.get('/vault');
  assert.equal(page.status, 200);
  assert.match(page.text, /4 backups/);
});

test('reading the vault again finds nothing that was not known', async () => {
  const r = await app.api('POST', '/api/backups/refresh');
  assert.deepEqual([r.json.added, r.json.updated, r.json.removed], [0, 0, 0]);
});

test('the page of a backup shows its parts and no secret', async () => {
  const page = await app.get(`/backup/${file}`);
  assert.equal(page.status, 200);
  for (const want of [`${p}data`, 'Verified', 'busybox:local', 'by form', '2 variables', 'docker load -i image.tar', `${p}shop`])
    assert.ok(page.text.includes(want), want);
  assert.ok(!page.text.includes('hunter2'));
  const preview = await app.api('GET', `/api/backup/${file}/preview`);
  assert.equal(preview.status, 200);
  assert.ok(!preview.text.includes('hunter2'));
  assert.deepEqual([preview.json.success, preview.json.container_name, preview.json.image_backed_up], [true, `${p}web`, true]);
  assert.equal((await app.get('/backup/none_20261122_184500.tar.gz')).status, 404);
});

test('folders and files inside a backup can be looked at', async () => {
  const list = async (where) => (await app.api('GET', `/api/backup/${file}/files?path=${enc(where)}`)).json;
  const top = await list('/');
  assert.ok(top.entries.some((e) => e.name === 'volumes' && e.type === 'directory'));
  assert.ok(top.entries.some((e) => e.name === 'backup.json'));
  const data = await list(`/volumes/${p}data`);
  assert.deepEqual(data.entries.map((e) => [e.name, e.type]), [['dir', 'directory'], ['link', 'symlink'], ['per%cent', 'file']]);
  assert.equal(data.entries[2].path, `/volumes/${p}data/per%25cent`);
  const text = (await list(`/volumes/${p}data/dir`)).entries.find((e) => e.name === 'text');
  assert.equal(text.size, 20);
  const shown = await app.get(`/backup/${file}/file?path=${enc(text.path)}`);
  assert.match(shown.text, /line &lt;two&gt;/);
  const binary = await app.get(`/backup/${file}/file?path=${enc(`/volumes/${p}data/dir/binary`)}`);
  assert.match(binary.text, /not text/);
  const raw = await app.download(`/api/backup/${file}/file?path=${enc(text.path)}`);
  assert.equal(raw.status, 200);
  assert.equal(raw.buffer.toString(), 'line one\nline <two>\n');
  assert.match(raw.headers['content-disposition'], /^attachment; filename="text"/);
  const big = await app.download(`/backup/${file}/file?path=${enc(`/volumes/${p}data/dir/binary`)}&download=1`);
  assert.equal(big.buffer.length, 300000);
  assert.equal((await app.api('GET', `/api/backup/${file}/file?path=${enc(`/volumes/${p}data/per%25cent`)}`)).status, 200);
  assert.equal((await app.get(`/backup/${file}/files?path=${enc(`/volumes/${p}data`)}`)).status, 200);
  assert.equal((await app.api('GET', `/api/backup/${file}/files?path=/nowhere`)).status, 404);
  assert.equal((await app.api('GET', `/api/backup/${file}/files?path=${enc('/volumes/../etc')}`)).status, 400);
  assert.equal((await app.api('GET', `/api/backup/${file}/file?path=${enc(`/volumes/${p}data/link`)}`)).status, 422);
});

test('the archive downloads whole, in ranges, and not twice', async () => {
  const where = `/api/download/${file}`;
  const whole = await app.download(where);
  assert.equal(whole.status, 200);
  assert.deepEqual(whole.buffer, readFileSync(path.join(vault, file)));
  assert.equal(whole.headers['content-type'], 'application/x-tar');
  assert.ok(whole.headers['content-disposition'].includes(`filename="${file}"`));
  const part = await app.download(where, { range: 'bytes=100-199' });
  assert.equal(part.status, 206);
  assert.deepEqual(part.buffer, whole.buffer.subarray(100, 200));
  assert.equal(part.headers['content-range'], `bytes 100-199/${whole.buffer.length}`);
  assert.equal((await app.download(where, { range: `bytes=${whole.buffer.length}-` })).status, 416);
  assert.equal((await app.download(where, { 'if-none-match': whole.headers.etag })).status, 304);
  for (const bad of ['/api/download/..%2f..%2fetc%2fpasswd', '/api/download/monkey.db', '/api/download/none.tar.gz'])
    assert.ok([400, 404].includes((await app.download(bad)).status), bad);
});

test('verifying again finds it whole', async () => {
  const r = await app.api('POST', `/api/backup/${file}/verify`);
  assert.equal(r.status, 202);
  const job = await app.waitJob(r.json.job_id);
  assert.equal(job.state, 'complete');
  assert.equal(job.result.state, 'ok');
  assert.equal((await app.api('POST', '/api/backup/none.tar.gz/verify')).status, 404);
});

test('a damaged one turns red, and names what is damaged', async () => {
  const name = path.join(vault, file);
  const size = readFileSync(name).length;
  const fd = openSync(name, 'r+');
  const byte = Buffer.alloc(1);
  // In the middle lies the incompressible file.
  const at = size - 150000;
  readSync(fd, byte, 0, 1, at);
  writeSync(fd, Buffer.from([byte[0] ^ 0x10]), 0, 1, at);
  closeSync(fd);
  const r = await app.post(`/backup/${file}/verify`);
  assert.match(r.headers.location, /^\/job\//);
  const job = await app.waitJob(r.headers.location.slice(5));
  assert.equal(job.state, 'complete');
  assert.equal(job.result.state, 'damaged');
  const row = (await app.api('GET', '/api/backups?state=damaged')).json.backups;
  assert.deepEqual(row.map((b) => b.filename), [file]);
  assert.equal(row[0].verify_state, 'damaged');
  const page = await app.get(`/backup/${file}`);
  assert.match(page.text, /Damaged/);
  assert.ok((await audit(file)).includes('verify error'));
  const companion = JSON.parse(readFileSync(`${name}.json`, 'utf8'));
  assert.equal(companion.verified, false);
  assert.ok(companion.verify_problems.length > 0);
  // A catalog made anew from the companions still knows.
  assert.equal((await app.api('POST', '/api/backups/refresh')).status, 200);
  assert.equal((await app.api('GET', '/api/backups?state=damaged')).json.total, 1);
});

test('files that appear and vanish are seen', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-old-'));
  mkdirSync(path.join(dir, 'volumes'));
  writeFileSync(path.join(dir, 'backup_metadata.json'), JSON.stringify({
    container_id: 'ab'.repeat(32), container_name: 'oldweb', backup_date: '2026-11-22T18:45:12.035265', backup_type: 'scheduled',
    image: 'busybox:local', image_backed_up: false, status: 'running', server_name: 'old-host' }));
  writeFileSync(path.join(dir, 'container_config.json'), JSON.stringify({ Id: 'ab'.repeat(32), Name: '/oldweb',
    Config: { Image: 'busybox:local', Cmd: ['sleep', '1'], Env: ['A=secret5'] }, HostConfig: {}, Mounts: [], NetworkSettings: { Networks: {} } }));
  writeFileSync(path.join(dir, 'volumes_info.json'), '[]');
  execFileSync('tar', ['-C', dir, '-czf', path.join(vault, 'oldweb_20261122_184512.tar.gz'), '.']);
  writeFileSync(path.join(vault, 'network_cmnet_20261122_184438.json'), JSON.stringify({ Name: 'cmnet', Driver: 'bridge', server_name: 'old-host' }));
  const r = await app.api('POST', '/api/backups/refresh');
  assert.equal(r.json.added, 2);
  const rows = (await app.api('GET', '/api/backups')).json.backups;
  const old = rows.find((b) => b.container_name === 'oldweb');
  assert.deepEqual([old.backup_type, old.server_name, old.type, old.is_legacy], ['scheduled', 'old-host', 'container', true]);
  const net = rows.find((b) => b.type === 'network');
  assert.deepEqual([net.container_name, net.server_name], ['cmnet', 'old-host']);
  const page = await app.get('/backup/oldweb_20261122_184512.tar.gz');
  assert.equal(page.status, 200);
  assert.match(page.text, /Not kept by this format/);
  assert.ok(!page.text.includes('secret5'));
  assert.equal((await app.get('/backup/network_cmnet_20261122_184438.json')).status, 200);
  assert.equal((await app.api('GET', '/api/backup/network_cmnet_20261122_184438.json/preview')).status, 400);
  assert.equal((await app.api('POST', '/api/backup/network_cmnet_20261122_184438.json/verify')).status, 422);
  const v = await app.api('POST', '/api/backup/oldweb_20261122_184512.tar.gz/verify');
  assert.equal((await app.waitJob(v.json.job_id)).result.state, 'readable');
  rmSync(path.join(vault, 'network_cmnet_20261122_184438.json'));
  assert.equal((await app.api('POST', '/api/backups/refresh')).json.removed, 1);
  // It stays listed until somebody deletes it, and the dashboard leads to it.
  const missing = await app.api('GET', '/api/backups?state=missing');
  assert.deepEqual(missing.json.backups.map((b) => [b.filename, b.verify_state]), [['network_cmnet_20261122_184438.json', 'missing']]);
  assert.match((await app.get('/')).text, /href="\/vault\?state=missing"/);
  assert.equal((await app.get('/vault?state=missing')).status, 200);
  rmSync(dir, { recursive: true });
});

test('deleting some asks first, and says whose last good backup it is', async () => {
  const idle = (await app.api('GET', `/api/backups?container=${p}idle`)).json.backups[0].filename;
  const ask = await app.post('/vault/delete', { file: [idle, file] });
  assert.equal(ask.status, 200);
  assert.match(ask.text, /Delete 2 backups, /);
  assert.match(ask.text, new RegExp(`last good backup of ${p}idle`));
  assert.ok(!ask.text.includes(`last good backup of ${p}web`));
  assert.ok(existsSync(path.join(vault, idle)));
  const done = await app.post('/vault/delete', { file: [idle, file], confirm: '1' });
  assert.equal(done.status, 303);
  assert.match(await flash(done), /Deleted 2 backup/);
  for (const n of [idle, file]) for (const end of ['', '.json']) assert.equal(existsSync(path.join(vault, n + end)), false);
  assert.equal((await audit(idle))[0], 'delete_backup completed');
  const nothing = await app.post('/vault/delete', {});
  assert.equal(nothing.status, 303);
});

test('deleting all needs the name of the server, by API not', async () => {
  const page = await app.get('/vault/empty');
  assert.equal(page.status, 200);
  const wrong = await app.post('/vault/empty', { confirm: 'no' });
  assert.ok(wrong.status >= 400 && wrong.status < 500);
  assert.match(wrong.text, /Nothing was deleted/);
  const before = (await app.api('GET', '/api/backups')).json.total;
  assert.ok(before > 0);
  const r = await app.api('DELETE', '/api/backups/delete-all');
  assert.deepEqual(r.json.success && [r.json.deleted_count, r.json.message], [before, `Deleted ${before} backup(s)`]);
  assert.deepEqual(readdirSync(vault), []);
  const again = await app.api('DELETE', '/api/backups/delete-all');
  assert.deepEqual([again.json.deleted_count, again.json.message], [0, 'No backups found to delete']);
  assert.match((await app.get('/vault')).text, /The vault is empty/);
});

test('containers start, stop and restart, by path and by form', async () => {
  const id = (await docker('inspect', '-f', '{{.Id}}', `${p}web`)).slice(0, 12);
  const stop = await app.api('POST', `/api/container/${id}/pause`);
  assert.deepEqual([stop.status, stop.json.message], [200, 'Container paused']);
  assert.equal((await app.api('POST', `/api/container/${id}/resume`)).json.message, 'Container resumed');
  assert.equal((await app.api('POST', `/api/container/${id}/kill`)).json.message, 'Container killed');
  assert.equal((await app.api('POST', `/api/container/${id}/start`)).json.message, 'Container started');
  const form = await app.post('/containers/stop', { container: [`${p}idle`] });
  assert.equal(form.status, 303);
  assert.equal((await app.api('POST', `/api/container/${p}nobody/start`)).status, 404);
  assert.equal((await app.api('POST', `/api/container/a%2Fb/start`)).status, 400);
  assert.ok((await audit(`${p}web`)).includes('container_kill completed'));
});

test('a delete asks first, and takes only volumes nobody else uses', async () => {
  await docker('run', '-d', '--name', `${p}gone`, '-v', `${p}own:/own`, '-v', `${p}data:/shared`, '-v', '/anon', 'busybox:local', 'sleep', '100000');
  const anon = JSON.parse(await docker('inspect', `${p}gone`))[0].Mounts.find((m) => m.Destination === '/anon').Name;
  const ask = await app.get(`/container/${p}gone/delete`);
  assert.equal(ask.status, 200);
  for (const want of ['It is running and will be stopped first', 'It has no backup', `also used by ${p}web, stays`, `Delete ${p}gone`])
    assert.ok(ask.text.includes(want), want);
  const r = await app.api('DELETE', `/api/container/${p}gone/delete?delete_volumes=true`);
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json.deleted_volumes.sort(), [anon, `${p}own`].sort());
  assert.deepEqual(r.json.kept_volumes, [`${p}data`]);
  assert.match(r.json.message, /^Container deleted\. Deleted 2 volume\(s\): /);
  assert.equal(await dockerOk('inspect', `${p}gone`), false);
  assert.equal(await dockerOk('volume', 'inspect', `${p}own`), false);
  assert.equal(await dockerOk('volume', 'inspect', `${p}data`), true);
  const form = await app.post(`/container/${p}idle/delete`, {});
  assert.equal(form.status, 303);
  assert.equal(form.headers.location, '/containers');
  assert.equal(await dockerOk('inspect', `${p}idle`), false);
});

test('without an engine the list says so, and the vault can still be read', async () => {
  const lonely = await startApp({ env: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' }, dataDir: mkdtempSync(path.join(tmpdir(), 'cm-lonely-')) });
  const list = await lonely.api('GET', '/api/containers');
  assert.equal(list.status, 503);
  for (const key of ['error', 'message', 'help', 'code']) assert.ok(list.json[key], key);
  const page = await lonely.get('/containers');
  assert.equal(page.status, 200);
  assert.match(page.text, /The containers cannot be shown/);
  assert.equal((await lonely.get('/vault')).status, 200);
  const backup = await lonely.api('POST', '/api/backup/anything');
  assert.equal(backup.status, 503);
  await lonely.stop();
  rmSync(lonely.dataDir, { recursive: true, force: true });
});
