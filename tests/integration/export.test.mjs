// SPDX-License-Identifier: GPL-3.0-or-later
// A container's whole filesystem in the vault, and the container made from it again; what is left when that fails: nothing.
import { test, assert, after, before, docker, inspect, sleep, fetchRaw, removeAll, startApp } from '../tools/harness.mjs';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const app = await startApp();
const p = 'cmexport-';
const name = `${p}one`;
const folder = mkdtempSync('/tmp/cmexport-');
const vault = () => readdirSync(path.join(app.dataDir, 'backups')).sort();
const backup = (body, headers) => app.api('POST', '/api/docker/containers', { action: 'backup', ...body }, headers);
const restore = (body = {}) => app.api('POST', `/api/backup/${file}/restore-export`, body);
const things = async () => ({
  containers: (await docker('ps', '-a', '--format', '{{.Names}}')).split('\n').filter((n) => n.startsWith(p)).sort(),
  volumes: (await docker('volume', 'ls', '-q')).split('\n').filter(Boolean).sort(),
  networks: (await docker('network', 'ls', '--format', '{{.Name}}')).split('\n').sort(),
  images: (await docker('images', '-aq', '--no-trunc')).split('\n').sort(),
});
// What the files are: kind, mode, owner, time, name and target; and what is in them.
const look = (c) => docker('exec', c, 'sh', '-c',
  'cd /srv && find . -exec stat -c "%F %a %u %g %Y %N" {} + | sort && stat -c "%h %s" what && cat what hard "./-n a\tb" /etc/mine');
let id, file, was, files;

async function clean() {
  await removeAll(p);
  for (const i of (await docker('images', '-q', `export`)).split('\n').filter(Boolean)) await docker('rmi', '-f', i).catch(() => {});
}

before(async () => {
  await clean();
  await docker('network', 'create', '--label', 'mine=yes', '--subnet', '172.31.241.0/24', `${p}net`);
  await docker('volume', 'create', '--label', 'kept=too', `${p}data`);
  await docker('run', '-d', '--init', '--name', name, '-p', '127.0.0.1:18940:80', '-e', 'A=1', '-e', 'PASSWORD=hunter2', '-v', `${p}data:/data`, '-v', '/anon',
    '--network', `${p}net`, '--ip', '172.31.241.9', '--label', 'keep=this', '--memory', '64m', '--restart', 'on-failure:3', '--user', '0:0', '--workdir', '/srv', '--hostname', 'harbour',
    'busybox:local', 'sh', '-c', 'sleep 1000000');
  await docker('exec', name, 'sh', '-c', `mkdir -p /srv/deep/er && cd /srv && echo first >what && ln what hard && ln -s ../etc/mine deep/link && printf x >"-n a\tb"
    && chmod 4751 what && chown -R 1234:5678 deep && chmod 1777 deep/er && echo mine >/etc/mine && mkfifo deep/pipe && touch -d "2020-02-03 04:05:06" deep/er
    && echo volume >/data/what`.replace(/\n\s*/g, ' '));
  was = await inspect(name);
  id = was.Id;
  files = await look(name);
});
after(async () => {
  await clean();
  rmSync(folder, { recursive: true, force: true });
});

test('an export: verified, in the vault, with every field of the second source', async () => {
  const r = await backup({ containerId: id.slice(0, 12), options: { path: '/etc/backups', note: 'before the move' } });
  assert.equal(r.status, 200, r.text);
  const { backupFile, backupPath, sizeBytes, sizeMB, timestamp, action, containerId, success } = r.json;
  assert.deepEqual([success, action, containerId, backupPath], [true, 'backup', id, '/etc/backups']);
  assert.match(backupFile, new RegExp(`^export_${name}_.*\\.tar\\.gz$`));
  assert.ok(sizeBytes > 100000 && Math.abs(sizeMB - sizeBytes / 1048576) < 0.01, r.text);
  assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60000, timestamp);
  file = backupFile;
  assert.ok(vault().includes(file), 'under its own name in the vault, wherever the path leads');
  assert.equal((await inspect(name)).State.StartedAt, was.State.StartedAt, 'the container went on');
  const row = (await app.api('GET', `/api/backups?type=export&q=${p}`)).json.backups.find((b) => b.filename === file);
  assert.deepEqual([row.type_text, row.verify_state, row.size, row.note], ['Export', 'ok', sizeBytes, 'before the move']);
  const v = await app.waitJob((await app.api('POST', `/api/backup/${file}/verify`)).json.job_id);
  assert.equal(v.result.state, 'ok', JSON.stringify(v));
});

test('it is an archive like the others: looked through, downloaded, opened with tar', async () => {
  const page = await app.get(`/backup/${file}`);
  assert.equal(page.status, 200);
  assert.match(page.text, new RegExp(`Export of ${name}`));
  for (const text of ['/etc/backups', 'Filesystem', 'Not part of an export.', `/restore-export/${file}`, 'docker import'])
    assert.ok(page.text.includes(text), text);
  assert.ok(!page.text.includes('hunter2'));
  assert.equal((await app.get(`/backup/${file}/files?path=rootfs%2Fsrv`)).status, 200);
  assert.equal((await app.download(`/api/backup/${file}/file?path=rootfs%2Fsrv%2Fwhat`)).buffer.toString(), 'first\n');
  const whole = path.join(folder, 'whole.tar.gz');
  writeFileSync(whole, (await app.download(`/api/download/${file}`)).buffer);
  const { stdout } = await run('tar', ['tzf', whole], { maxBuffer: 64 << 20 });
  for (const entry of ['container_config.json', 'rootfs/srv/what', 'rootfs/etc/mine']) assert.ok(stdout.split('\n').includes(entry), entry);
  assert.ok(!/^rootfs\/data\/./m.test(stdout), 'nothing of the volume');
  assert.equal((await app.restore(file)).status, 422, 'no backup to restore onto an image');
});

test('what cannot be is refused, and who may not', async () => {
  for (const [body, status] of [[{ containerId: 'no-such-container' }, 404], [{ containerId: '' }, 400], [{ containerId: name, options: { colour: 'red' } }, 400],
    [{ containerId: name, options: { volume: 'x' } }, 400], [{ containerId: name, options: { export: true } }, 400], [{ containerId: name, options: { compression: 'none' } }, 400]]) {
    const r = await backup(body);
    assert.equal(r.status, status, `${JSON.stringify(body)}: ${r.text}`);
    assert.equal(r.json.code, 'BACKUP_FAILED');
    assert.match(r.json.error, /^Backup failed: /);
  }
  assert.equal((await restore({ name: 'no/name' })).status, 400);
  assert.equal((await restore({ volumes: 'some' })).status, 400);
  assert.equal((await restore()).status, 409, 'the old one is there');
  const bearer = {};
  for (const role of ['viewer', 'developer']) bearer[role] = `Bearer ${(await app.api('POST', '/api/tokens', { name: `${p}${role}`, role })).json.token}`;
  const as = (role, where, body) => fetchRaw(app.url + where, { method: 'POST', body, headers: { authorization: bearer[role], prefer: 'respond-async', accept: 'application/json' } });
  for (const [role, where, body, status] of [['viewer', '/api/docker/containers', { action: 'backup', containerId: name }, 403],
    ['developer', '/api/docker/containers', { action: 'clone', containerId: name }, 403],
    ['developer', '/api/docker/containers', { action: 'backup', containerId: name, options: { exec_pre: 'true' } }, 403],
    ['developer', `/api/backup/${file}/restore-export`, { name: `${p}dev` }, 403]]) {
    const r = await as(role, where, body);
    assert.equal(r.status, status, `${role} ${JSON.stringify(body)}: ${r.text}`);
  }
  const own = await as('developer', '/api/docker/containers', { action: 'backup', containerId: name, options: { compression: 'zstd' } });
  assert.equal(own.status, 202, own.text);
  assert.equal((await app.waitJob(own.json.job_id)).state, 'complete');
});

test('beside the old one, by form: another name, the next free port, no labels of a project', async () => {
  const page = await app.get(`/restore-export/${file}`);
  assert.match(page.text, new RegExp(`value="${name}-restored"`));
  assert.match(page.text, /value="none" checked/, 'two that write the same data are not what is proposed');
  const again = await app.post(`/restore-export/${file}`, { name, volumes: 'none' });
  assert.equal(again.status, 409);
  assert.match(again.text, /choose another name/);
  const r = await app.post(`/restore-export/${file}`, { name: `${p}two`, volumes: 'none', start: '1' });
  assert.equal(r.status, 303, r.text);
  const job = await app.waitJob(r.headers.location.split('/').pop());
  assert.equal(job.state, 'complete', JSON.stringify(job));
  assert.deepEqual(job.result.ports, [{ container: '80/tcp', was: '18940', now: '18941' }]);
  const c = await inspect(`${p}two`);
  assert.deepEqual([c.State.Status, c.Mounts, c.Config.Image], ['running', [], job.result.image]);
  assert.equal(await look(`${p}two`), files);
  await docker('rm', '-fv', `${p}two`);
  assert.equal((await app.get(r.headers.location)).status, 200);
});

test('everything of it is gone, and comes back: files, settings, network, volume', async () => {
  await docker('rm', '-fv', name);
  await docker('volume', 'rm', `${p}data`);
  await docker('network', 'rm', `${p}net`);
  const r = await restore();
  assert.equal(r.status, 202, r.text);
  const job = await app.waitJob(r.json.job_id);
  assert.equal(job.state, 'complete', JSON.stringify(job));
  const c = await inspect(name);
  assert.equal(c.State.Status, 'running');
  assert.equal(await look(name), files);
  for (const key of ['Env', 'Cmd', 'Entrypoint', 'Labels', 'User', 'WorkingDir', 'Hostname']) assert.deepEqual(c.Config[key], was.Config[key], key);
  for (const key of ['Memory', 'RestartPolicy', 'PortBindings', 'Binds', 'NetworkMode', 'Init']) assert.deepEqual(c.HostConfig[key], was.HostConfig[key], key);
  assert.equal(c.NetworkSettings.Networks[`${p}net`].IPAddress, '172.31.241.9');
  assert.deepEqual((await inspect(`${p}net`)).Labels, { mine: 'yes' });
  assert.deepEqual(JSON.parse(await docker('volume', 'inspect', `${p}data`))[0].Labels, { kept: 'too' });
  assert.deepEqual(c.Mounts.map((m) => m.Destination).sort(), ['/anon', '/data']);
  assert.equal(await docker('exec', name, 'ls', '-A', '/data', '/anon'), '/anon:\n\n/data:', 'their content is no part of an export');
  const log = (await app.api('GET', `/api/audit-logs?container=${name}`)).text;
  for (const word of ['container_export', 'export_restore']) assert.ok(log.includes(word), word);
});

test('a restore that fails late leaves nothing', async () => {
  const before = await things();
  const r = await restore({ name: `${p}three`, ports: { '80/tcp': '18940' } });
  assert.equal(r.status, 202, r.text);
  const job = await app.waitJob(r.json.job_id);
  assert.equal(job.state, 'error', JSON.stringify(job));
  assert.match(job.error, /18940/);
  assert.deepEqual(await things(), before);
});

test('the engine goes away in the middle of an export, and kill -9 in the middle of a restore: nothing remains', async () => {
  const real = (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');
  const socket = path.join(folder, 'engine.sock');
  let cut = true;
  const proxy = net.createServer((client) => {
    const engine = net.connect(real);
    let left = Infinity;
    client.on('data', (d) => {
      if (cut && /^GET \S+\/export /.test(d.toString('latin1'))) left = 200000;
      engine.write(d);
    });
    engine.on('data', (d) => {
      client.write(d);
      left -= d.length;
      if (left < 0) client.destroy();
    });
    for (const [a, b] of [[client, engine], [engine, client]]) a.on('error', () => {}).on('close', () => b.destroy()).on('end', () => b.end());
  });
  await new Promise((resolve) => proxy.listen(socket, resolve));
  chmodSync(folder, 0o755);
  chmodSync(socket, 0o666);
  const [before, kept] = [await things(), vault()];
  await app.stop();
  const host = app.env.DOCKER_HOST;
  app.env = { ...app.env, DOCKER_HOST: `unix://${socket}`, CM_FAULT: 'export_imported!' };
  await app.spawn();
  await app.login();
  const broken = await backup({ containerId: name });
  assert.equal(broken.json?.code, 'BACKUP_FAILED', broken.text);
  assert.ok(broken.status >= 500, broken.text);
  assert.deepEqual(vault(), kept);
  cut = false;
  const r = await restore({ name: `${p}four` });
  assert.equal(r.status, 202, r.text);
  for (let i = 0; i < 300 && !app.stderr.includes('fault point export_imported'); i++) await sleep(50);
  await app.kill9();
  assert.equal((await things()).images.length, before.images.length + 1, 'its image was there');
  delete app.env.CM_FAULT;
  if (host) app.env.DOCKER_HOST = host;
  else delete app.env.DOCKER_HOST;
  proxy.close();
  await app.spawn();
  await app.login().catch(() => sleep(500).then(() => app.login()));
  for (let i = 0; i < 100 && (await things()).images.length > before.images.length; i++) await sleep(100);
  assert.deepEqual(await things(), before);
  assert.equal((await app.waitJob(r.json.job_id)).state, 'interrupted');
});
