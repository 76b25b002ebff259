// SPDX-License-Identifier: GPL-3.0-or-later
// What can be chosen: another name, what happens to volumes that exist, to the old container, to ports and folders.
import { test, assert, docker, inspect, startApp, removeAll, after, before, sleep, freePort, fetchRaw } from '../tools/harness.mjs';
import { snapshot, leftovers, lose, exists, lines } from './restore_tools.mjs';
import { mkdtempSync, writeFileSync, rmSync, readFileSync, existsSync, mkdirSync } from 'node:fs';

const p = `cmresopt${process.pid}-`;
const name = `${p}web`;
const net = `10.${100 + (process.pid % 100)}`;
const app = await startApp();
const host = mkdtempSync('/tmp/cmresopt-');
let file;
let port;
let saved;

const read = (container, f) => docker('exec', container, 'cat', f);
const codes = (r) => r.json.findings.filter((f) => f.level === 'block').map((f) => f.code).sort();

before(async () => {
  await removeAll(p);
  port = await freePort();
  mkdirSync(`${host}/conf`);
  writeFileSync(`${host}/conf/a`, 'saved\n');
  writeFileSync(`${host}/single`, 'saved\n');
  await docker('network', 'create', '--subnet', `${net}.1.0/24`, `${p}net`);
  await docker('run', '-d', '--name', name, '--stop-timeout', '1', '--network', `${p}net`, '--ip', `${net}.1.9`, '--network-alias', 'www', '-p', `127.0.0.1:${port}:8080`,
    '-l', 'com.docker.compose.project=shop', '-l', 'own=label', '-v', `${p}data:/data`, '-v', '/anon', '-v', `${host}/conf:/conf`, '-v', `${host}/single:/single`,
    'busybox:local', 'sh', '-c', 'test -f /data/f || echo saved >/data/f; test -f /anon/f || echo saved >/anon/f; exec sleep 1000000');
  await sleep(500);
  saved = await snapshot(`${p}data`);
  ({ file } = await app.backup(name));
  await docker('exec', name, 'sh', '-c', 'echo changed >/data/f; echo more >/data/g; echo changed >/anon/f');
});
after(async () => {
  await removeAll(p);
  rmSync(host, { recursive: true, force: true });
});

test('by default nothing that exists is overwritten, and the answer says what stands in the way', async () => {
  const was = await inspect(name);
  const r = await app.restore(file);
  assert.equal(r.status, 409);
  assert.equal(r.json.code, 'EXISTS');
  assert.match(r.json.error, /exists/);
  assert.deepEqual(codes(r), ['NAME_TAKEN', 'VOLUME_EXISTS']);
  for (const f of r.json.findings.filter((x) => x.level === 'block')) assert.ok(f.text && f.hint, JSON.stringify(f));
  assert.deepEqual((await inspect(name)).State.StartedAt, was.State.StartedAt);
  assert.equal(await read(name, '/data/f'), 'changed');
});

test('beside: another name gets volumes, address and port of its own, and no part in the stack', async () => {
  const other = await freePort();
  const blocked = await app.restore(file, { new_name: `${p}copy` });
  assert.equal(blocked.status, 409);
  assert.deepEqual(codes(blocked), ['PORT_TAKEN']);
  const r = await app.restore(file, { new_name: `${p}copy`, port_overrides: { '8080/tcp': String(other) } });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.container_name, `${p}copy`);
  const copy = await inspect(`${p}copy`);
  assert.equal(copy.State.Running, true);
  assert.deepEqual(copy.HostConfig.PortBindings['8080/tcp'], [{ HostIp: '127.0.0.1', HostPort: String(other) }]);
  assert.equal(copy.NetworkSettings.Networks[`${p}net`].IPAMConfig?.IPv4Address, undefined);
  assert.ok(!copy.NetworkSettings.Networks[`${p}net`].Aliases.includes('www'));
  assert.deepEqual(copy.Config.Labels, { own: 'label' });
  assert.ok(copy.HostConfig.Binds.includes(`${p}copy_${p}data:/data`));
  assert.equal(await read(`${p}copy`, '/data/f'), 'saved');
  assert.equal(await read(`${p}copy`, '/anon/f'), 'saved');
  assert.equal(await read(name, '/data/f'), 'changed');
  assert.equal((await inspect(name)).State.Running, true);
  await lose(`${p}copy`, { volumes: [`${p}copy_${p}data`] });
  assert.deepEqual(await leftovers(app), []);
});

test('an old name for a new place: a copy that keeps the volume shares it', async () => {
  const r = await app.restore(file, { new_name: `${p}share`, volumes: 'keep', start: false });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.started, false);
  const copy = await inspect(`${p}share`);
  assert.equal(copy.State.Status, 'created');
  assert.ok(copy.HostConfig.Binds.includes(`${p}data:/data`));
  await lose(`${p}share`);
});

test('replacing the content of a volume that another running container uses is refused', async () => {
  await docker('run', '-d', '--name', `${p}other`, '-v', `${p}data:/d`, 'busybox:local', 'sleep', '1000000');
  const r = await app.restore(file, { replace: true, volumes: 'replace' });
  assert.equal(r.status, 409);
  assert.deepEqual(codes(r), ['VOLUME_IN_USE']);
  assert.match(r.json.findings.find((f) => f.code === 'VOLUME_IN_USE').hint, new RegExp(`${p}other`));
  await lose(`${p}other`);
});

test('an address that another container has is seen', async () => {
  const was = await inspect(name);
  await docker('rename', name, `${p}squat`);
  const r = await app.restore(file, { volumes: 'keep' });
  assert.equal(r.status, 409);
  assert.deepEqual(codes(r), ['ADDRESS_TAKEN', 'PORT_TAKEN']);
  await docker('rename', `${p}squat`, name);
  assert.equal((await inspect(name)).Id, was.Id);
});

test('replace with volumes kept: the container of the backup, the data of now', async () => {
  const old = await inspect(name);
  const anon = old.Mounts.find((m) => m.Destination === '/anon').Name;
  const r = await app.restore(file, { replace: true, overwrite_volumes: false });
  assert.equal(r.status, 200, r.text);
  const now = await inspect(name);
  assert.notEqual(now.Id, old.Id);
  assert.equal(now.State.Running, true);
  assert.equal(await read(name, '/data/f'), 'changed');
  assert.equal(await read(name, '/anon/f'), 'changed');
  assert.equal(now.Mounts.find((m) => m.Destination === '/anon').Name, anon);
  assert.equal(now.NetworkSettings.Networks[`${p}net`].IPAMConfig.IPv4Address, `${net}.1.9`);
  assert.ok(!(await exists('container', old.Id)));
  assert.deepEqual(await leftovers(app), []);
});

test('replace with volumes replaced, the old one kept: its data is kept too', async () => {
  const old = await inspect(name);
  const was = await snapshot(`${p}data`, { inodes: true });
  const r = await app.restore(file, { replace: true, volumes: { [`${p}data`]: 'replace' }, keep_old: true });
  assert.equal(r.status, 200, r.text);
  assert.equal(await snapshot(`${p}data`), saved);
  assert.match(r.json.old_container, new RegExp(`^${name}_before_\\d{8}_\\d{6}$`));
  const kept = await inspect(r.json.old_container);
  assert.equal(kept.Id, old.Id);
  assert.equal(kept.State.Running, false);
  assert.equal(kept.HostConfig.RestartPolicy.Name, 'no');
  const aside = (await lines('volume', 'ls', '--format', '{{.Name}}')).find((v) => v.startsWith(`${p}data_before_`));
  assert.equal(await snapshot(aside, { inodes: true }), was, 'the very same files');
  await docker('rm', '-v', r.json.old_container);
  await docker('volume', 'rm', aside);
  assert.deepEqual(await leftovers(app), []);
});

test('replace with all volumes replaced leaves nothing of the old one', async () => {
  const old = await inspect(name);
  const anon = old.Mounts.find((m) => m.Destination === '/anon').Name;
  await docker('exec', name, 'sh', '-c', 'echo changed >/data/f; echo changed >/anon/f; touch /data/new');
  const r = await app.restore(file, { replace: true, overwrite_volumes: true });
  assert.equal(r.status, 200, r.text);
  assert.equal(await snapshot(`${p}data`), saved);
  assert.equal(await read(name, '/anon/f'), 'saved');
  assert.ok(!(await exists('volume', anon)));
  assert.ok(!(await exists('container', old.Id)));
  assert.deepEqual(await leftovers(app), []);
});

test('new volumes stand beside the old ones', async () => {
  const r = await app.restore(file, { replace: true, volumes: 'new' });
  assert.equal(r.status, 200, r.text);
  assert.ok((await inspect(name)).HostConfig.Binds.includes(`${p}data-restored:/data`));
  assert.ok(await exists('volume', `${p}data`));
  assert.deepEqual(await leftovers(app), []);
});

test('a folder of the host is written when it is missing, or when asked to; a single file never over another', async () => {
  await lose(name, { volumes: [`${p}data`, `${p}data-restored`] });
  writeFileSync(`${host}/conf/a`, 'of now\n');
  writeFileSync(`${host}/conf/b`, 'of now\n');
  writeFileSync(`${host}/single`, 'of now\n');
  assert.equal((await app.restore(file)).status, 200);
  assert.equal(readFileSync(`${host}/conf/a`, 'utf8'), 'of now\n');
  await lose(name, { volumes: [`${p}data`] });
  const r = await app.restore(file, { restore_binds: 'replace' });
  assert.equal(r.status, 200, r.text);
  assert.equal(readFileSync(`${host}/conf/a`, 'utf8'), 'saved\n');
  assert.ok(!existsSync(`${host}/conf/b`));
  assert.equal(readFileSync(`${host}/single`, 'utf8'), 'of now\n');
  await lose(name, { volumes: [`${p}data`] });
  rmSync(`${host}/conf`, { recursive: true });
  assert.equal((await app.restore(file, { restore_binds: 'skip' })).status, 200);
  assert.ok(!existsSync(`${host}/conf/a`));
  await lose(name, { volumes: [`${p}data`] });
  rmSync(`${host}/conf`, { recursive: true });
  assert.equal((await app.restore(file)).status, 200);
  assert.equal(readFileSync(`${host}/conf/a`, 'utf8'), 'saved\n');
  assert.deepEqual(await leftovers(app), []);
});

test('folders that others use, or that lie in one another, are not replaced by halves', async () => {
  mkdirSync(`${host}/outer/inner`, { recursive: true });
  writeFileSync(`${host}/outer/o`, 'saved');
  writeFileSync(`${host}/outer/inner/i`, 'saved');
  await docker('run', '-d', '--name', `${p}nest`, '--stop-timeout', '1', '-v', `${host}/outer:/outer`, '-v', `${host}/outer/inner:/inner`, 'busybox:local', 'sleep', '1000000');
  const { file: nest } = await app.backup(`${p}nest`);
  writeFileSync(`${host}/outer/o`, 'of now');
  writeFileSync(`${host}/outer/inner/i`, 'of now');
  await docker('run', '-d', '--name', `${p}user`, '-v', `${host}/outer/inner:/x`, 'busybox:local', 'sleep', '1000000');
  await docker('run', '-d', '--name', `${p}dep`, '--network', `container:${p}nest`, 'busybox:local', 'sleep', '1000000');
  const used = await app.restore(nest, { replace: true, restore_binds: 'replace' });
  assert.equal(used.status, 409, used.text);
  assert.deepEqual(codes(used), ['BIND_IN_USE', 'BIND_IN_USE']);
  assert.ok(used.json.findings.some((f) => f.code === 'DEPENDENT' && f.text.includes(`${p}dep`)));
  await lose(`${p}user`);
  await lose(`${p}dep`);
  const half = await app.restore(nest, { replace: true, restore_binds: { [`${host}/outer`]: 'replace' } });
  assert.deepEqual(codes(half), ['BIND_NESTED']);
  assert.equal(readFileSync(`${host}/outer/inner/i`, 'utf8'), 'of now');
  const r = await app.restore(nest, { replace: true, restore_binds: 'replace' });
  assert.equal(r.status, 200, r.text);
  assert.equal(readFileSync(`${host}/outer/o`, 'utf8') + readFileSync(`${host}/outer/inner/i`, 'utf8'), 'savedsaved');
  await lose(`${p}nest`);
});

test('a network whose addresses are taken is made with others, unless a fixed one is needed', async () => {
  await docker('run', '-d', '--name', `${p}dyn`, '--network', `${p}net`, 'busybox:local', 'sleep', '1000000');
  const { file: dynamic } = await app.backup(`${p}dyn`);
  await lose(`${p}dyn`);
  await lose(name, { volumes: [`${p}data`], networks: [`${p}net`] });
  await docker('network', 'create', '--subnet', `${net}.0.0/16`, `${p}squatter`);
  const fixed = await app.restore(file);
  assert.equal(fixed.status, 409);
  assert.deepEqual(codes(fixed), ['SUBNET_TAKEN']);
  const r = await app.restore(dynamic);
  assert.equal(r.status, 200, r.text);
  assert.ok(r.json.warnings.some((w) => w.includes('other addresses')), r.text);
  assert.equal((await inspect(`${p}dyn`)).State.Running, true);
  await lose(`${p}dyn`, { networks: [`${p}net`, `${p}squatter`] });
});

test('respond-async answers at once with a job', async () => {
  const r = await app.api('POST', '/api/restore-backup', { filename: file }, { prefer: 'respond-async' });
  assert.equal(r.status, 202, r.text);
  const job = await app.waitJob(r.json.job_id);
  assert.equal(job.state, 'complete', JSON.stringify(job));
  assert.equal(job.result.container_name, name);
  assert.equal((await inspect(name)).State.Running, true);
});

test('malformed requests are refused before anything is looked at', async () => {
  for (const [body, status] of [[{}, 400], [{ filename: '../x' }, 400], [{ filename: 'nothing_20260101_000000.tar.gz' }, 404],
    [{ filename: file, new_name: 'a b' }, 400], [{ filename: file, port_overrides: { '8080/tcp': '70000' } }, 400],
    [{ filename: file, volumes: 'burn' }, 400]]) {
    const r = await app.api('POST', '/api/restore-backup', body);
    assert.equal(r.status, status, `${JSON.stringify(body)}: ${r.text}`);
    assert.ok(r.json.error && r.json.code);
  }
});

test('the page: a form that checks, keeps what was typed, and starts a job', async () => {
  const page = await app.get(`/restore/${file}`);
  assert.equal(page.status, 200, page.text.slice(0, 300));
  assert.ok(page.text.includes(`A container named ${name} exists`));
  assert.ok(!page.text.includes('PATH=/bin'), 'no value of the environment');
  const bad = await app.post(`/restore/${file}`, { do: 'restore', new_name: 'a b', 'port:8080/tcp': '99999', [`volume:${p}data`]: 'replace' });
  assert.equal(bad.status, 422);
  assert.match(bad.text, /value="a b"/);
  assert.match(bad.text, /value="99999"/);
  const blocked = await app.post(`/restore/${file}`, { do: 'restore', new_name: name, 'port:8080/tcp': String(port), [`volume:${p}data`]: 'replace', start: '1' });
  assert.equal(blocked.status, 409);
  const ok = await app.post(`/restore/${file}`, {
    do: 'restore', new_name: name, 'port:8080/tcp': String(port), [`volume:${p}data`]: 'replace', start: '1', replace_container: '1', 'bind:0': 'keep',
  });
  assert.equal(ok.status, 303, ok.text.slice(0, 500));
  const job = await app.waitJob(/\/job\/([0-9a-f-]+)/.exec(ok.headers.location)[1]);
  assert.equal(job.state, 'complete', JSON.stringify(job));
  assert.equal((await fetchRaw(app.url + ok.headers.location, { headers: app.headers() })).status, 200);
});
