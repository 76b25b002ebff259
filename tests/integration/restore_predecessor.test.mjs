// SPDX-License-Identifier: GPL-3.0-or-later
// Files of the predecessor are restored too. They are made here the way it makes them; with CM_SAMPLES (a folder of real
// ones) those are restored as well.
import { test, assert, docker, inspect, startApp, removeAll, after, before, sleep } from '../tools/harness.mjs';
import { snapshot, leftovers, lose, exists, build, lines, removeImages } from './restore_tools.mjs';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, writeFileSync, copyFileSync, rmSync, readFileSync, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

const p = `cmresold${process.pid}-`;
const net = `10.${100 + (process.pid % 100)}`;
const app = await startApp();
const vault = path.join(app.dataDir, 'backups');
const work = mkdtempSync('/tmp/cmresold-');

// One archive as the predecessor writes it. volumes: {name: true | "text of a failed export"}, image: "save" | text.
async function archive(container, { image = 'save', volumes = {}, binds = {}, stamp = '20261122_184500' } = {}) {
  const c = await inspect(container);
  const dir = `${work}/${container}`;
  mkdirSync(`${dir}/volumes`, { recursive: true });
  const json = (f, o) => writeFileSync(`${dir}/${f}`, JSON.stringify(o, null, 2));
  json('backup_metadata.json', {
    container_id: c.Id, container_name: container, backup_date: '2026-11-22T18:45:12.035265', backup_type: 'manual', image: c.Config.Image,
    image_backed_up: image === 'save', status: c.State.Running ? 'running' : 'stopped', server_name: 'qa-host-1',
  });
  json('companion.json', { server_name: 'qa-host-1', is_scheduled: false });
  json('container_config.json', c);
  writeFileSync(`${dir}/docker_run_command.txt`, 'docker run');
  writeFileSync(`${dir}/docker-compose.yml`, 'version: "3.8"\n');
  if (image === 'save') await docker('save', '-o', `${dir}/image.tar`, c.Config.Image);
  else writeFileSync(`${dir}/image.tar`, image);
  const info = [];
  for (const m of c.Mounts) {
    if (m.Type === 'bind') info.push({ type: 'bind', source: m.Source, destination: m.Destination });
    if (m.Type !== 'volume') continue;
    info.push({ name: m.Name, destination: m.Destination, driver: m.Driver, type: 'volume' });
    json(`volumes/${m.Name}_metadata.json`, { name: m.Name, destination: m.Destination, driver: m.Driver, options: {} });
    const how = volumes[m.Name] ?? true;
    const data = `${dir}/volumes/${m.Name}_data.tar.gz`;
    if (how === true) await docker('run', '--rm', '--network', 'none', '-v', `${m.Name}:/v:ro`, '-v', `${dir}/volumes:/out`, 'busybox:local', 'tar', 'czf', `/out/${m.Name}_data.tar.gz`, '-C', '/v', '.');
    else writeFileSync(data, how);
  }
  for (const [base, source] of Object.entries(binds)) execFileSync('tar', ['czf', `${dir}/volumes/bind_${base}_data.tar.gz`, '-C', path.dirname(source), base]);
  json('volumes_info.json', info);
  const file = `${container}_${stamp}.tar.gz`;
  execFileSync('tar', ['--format=pax', '--owner=0', '--group=0', '-czf', path.join(vault, file), '-C', dir, '.']);
  writeFileSync(path.join(vault, `${file}.json`), JSON.stringify({ server_name: 'qa-host-1', is_scheduled: false }, null, 2));
  return file;
}

before(() => removeAll(p));
after(async () => {
  await removeAll(p);
  await removeImages();
  rmSync(work, { recursive: true, force: true });
});

test('a whole one: volumes, an anonymous volume, a bind mount, a network with a fixed address, the image', async () => {
  const name = `${p}web`;
  mkdirSync(`${work}/conf/sub`, { recursive: true });
  writeFileSync(`${work}/conf/sub/x`, 'bound');
  await build(`${p}img`, `FROM busybox:local\nRUN echo ${Date.now()} >/unique\n`);
  await docker('network', 'create', '--subnet', `${net}.1.0/24`, '--label', 'lost=yes', `${p}net`);
  await docker('run', '-d', '--name', name, '--network', `${p}net`, '--ip', `${net}.1.9`, '-v', `${p}shop_data:/data`, '-v', '/anon', '-v', `${work}/conf:/conf`,
    '-l', `com.docker.compose.project=${p}shop`, '-e', 'PRICE=$5 "q"', `${p}img`, 'sh', '-c',
    'test -f /data/f || { echo one >/data/f; ln /data/f /data/hard; ln -s f /data/sym; mkfifo /data/pipe; mkdir -m 2750 /data/d; chown 7:8 /data/d; echo two >/anon/f; }; exec sleep 1000000');
  await sleep(700);
  const first = await inspect(name);
  const saved = await snapshot(`${p}shop_data`);
  const file = await archive(name, { binds: { conf: `${work}/conf` } });
  await lose(name, { volumes: [`${p}shop_data`], networks: [`${p}net`], images: [`${p}img`] });
  rmSync(`${work}/conf`, { recursive: true });

  const look = await app.api('POST', '/api/restore-backup?preflight=true', { filename: file });
  assert.equal(look.status, 200, look.text);
  assert.equal(look.json.format, 'predecessor');
  assert.equal(look.json.can_restore, true, JSON.stringify(look.json.findings));
  assert.ok(look.json.findings.some((f) => f.code === 'NETWORK_GUESSED'));
  assert.ok(!look.text.includes('PRICE=$5'), 'values of the environment are masked');
  const page = await app.get(`/restore/${file}`);
  assert.equal(page.status, 200);
  assert.match(page.text, /Made by the predecessor/);

  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  const now = await inspect(name);
  assert.equal(now.State.Running, true);
  assert.equal(now.Image, first.Image);
  assert.equal(now.Config.Image, `${p}img`);
  assert.deepEqual(now.Config.Env, first.Config.Env);
  assert.equal(now.NetworkSettings.Networks[`${p}net`].IPAddress, `${net}.1.9`);
  assert.equal(await snapshot(`${p}shop_data`), saved);
  assert.equal(await docker('exec', name, 'cat', '/anon/f', '/conf/sub/x'), 'two\nbound');
  const made = await inspect(`${p}net`);
  assert.deepEqual(made.IPAM.Config, [{ Subnet: `${net}.1.0/24`, Gateway: `${net}.1.1` }]);
  assert.match(await docker('volume', 'inspect', '-f', '{{json .Labels}}', `${p}shop_data`), /"com.docker.compose.volume":"data"/);
  assert.deepEqual(await leftovers(app), []);
});

test('a backup of the network in the vault tells more than the container', async () => {
  const name = `${p}net1`;
  await docker('network', 'create', '--subnet', `${net}.2.0/24`, '--internal', '--label', 'kept=yes', `${p}rich`);
  await docker('run', '-d', '--name', name, '--network', `${p}rich`, 'busybox:local', 'sleep', '1000000');
  const file = await archive(name);
  const rich = { ...(await inspect(`${p}rich`)), server_name: 'qa-host-1' };
  writeFileSync(path.join(vault, `network_${p}rich_20261122_184438.json`), JSON.stringify(rich, null, 2));
  await lose(name, { networks: [`${p}rich`] });
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  const is = await inspect(`${p}rich`);
  assert.equal(is.Internal, true);
  assert.deepEqual(is.Labels, { kept: 'yes' });
  await lose(name, { networks: [`${p}rich`] });
  const alone = await app.api('POST', '/api/restore-backup', { filename: `network_${p}rich_20261122_184438.json` });
  assert.equal(alone.status, 200, alone.text);
  assert.equal(alone.json.message, `Network ${p}rich restored successfully`);
  assert.equal((await inspect(`${p}rich`)).Internal, true);
  assert.equal((await app.api('POST', '/api/restore-backup', { filename: `network_${p}rich_20261122_184438.json` })).status, 409);
});

test('failed exports are named, and the rest comes back', async () => {
  const name = `${p}partly`;
  await docker('run', '-d', '--name', name, '-v', `${p}good:/good`, '-v', `${p}bad:/bad`, 'busybox:local', 'sh', '-c', 'test -f /good/f || echo 1 >/good/f; exec sleep 1000000');
  await sleep(500);
  const file = await archive(name, { image: "# Image export failed for 'busybox:local': timeout", volumes: { [`${p}bad`]: '# Volume data backup failed: timeout' } });
  await lose(name, { volumes: [`${p}good`, `${p}bad`] });
  const look = await app.api('POST', '/api/restore-backup?preflight=true', { filename: file });
  assert.equal(look.json.image_backed_up, false);
  assert.ok(look.json.missing.some((m) => m.text.includes(`${p}bad`)), JSON.stringify(look.json.missing));
  assert.ok(look.json.findings.some((f) => f.code === 'PART_MISSING' && f.level === 'warn' && f.text.includes(`${p}bad`)));
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  assert.equal(await docker('exec', name, 'cat', '/good/f'), '1');
  assert.equal(await docker('exec', name, 'ls', '/bad'), '');
});

test('a name that means another image now keeps its meaning', async () => {
  const name = `${p}moved`;
  await build(`${p}gone`, `FROM busybox:local\nRUN echo first${Date.now()} >/unique\n`);
  await docker('create', '--name', name, `${p}gone`, 'sleep', '1000000');
  const first = (await inspect(name)).Image;
  const file = await archive(name);
  await lose(name, { images: [`${p}gone`] });
  await build(`${p}gone`, `FROM busybox:local\nRUN echo second${Date.now()} >/unique\n`);
  const second = await docker('image', 'inspect', '-f', '{{.Id}}', `${p}gone`);
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  assert.equal((await inspect(name)).Image, first);
  assert.equal(await docker('image', 'inspect', '-f', '{{.Id}}', `${p}gone`), second);
  await lose(name);
  await docker('rmi', '-f', first);
});

test('an image that is nowhere is said before anything is touched', async () => {
  const name = `${p}nowhere`;
  await build(`${p}gone`, `FROM busybox:local\nRUN echo third${Date.now()} >/unique\n`);
  const id = await docker('image', 'inspect', '-f', '{{.Id}}', `${p}gone`);
  await docker('create', '--name', name, '-v', `${p}nowherevol:/v`, id, 'sleep', '1000000');
  const file = await archive(name, { image: "# Image export failed for 'x': timeout" });
  await lose(name, { volumes: [`${p}nowherevol`], images: [`${p}gone`] });
  const r = await app.restore(file);
  assert.equal(r.status, 422, r.text);
  assert.ok(r.json.findings.some((f) => f.code === 'IMAGE_MISSING'));
  assert.ok(!(await exists('volume', `${p}nowherevol`)));
});

const samples = process.env.CM_SAMPLES;
const real = samples && existsSync(samples) ? readdirSync(samples).filter((f) => /\.tar\.gz$/.test(f)) : [];
for (const file of real) {
  test(`the real file ${file}`, async () => {
    const name = file.replace(/_\d{8}_\d{6}\.tar\.gz$/, '');
    copyFileSync(`${samples}/${file}`, path.join(vault, file));
    const before = { volumes: await lines('volume', 'ls', '-q'), networks: await lines('network', 'ls', '--format', '{{.Name}}') };
    const tag = await docker('image', 'inspect', '-f', '{{.Id}}', 'busybox:local');
    let recorded;
    try {
      const r = await app.restore(file, { new_name: `${p}${name}` });
      assert.equal(r.status, 200, r.text);
      const now = await inspect(`${p}${name}`);
      recorded = now.Image;
      const config = JSON.parse(execFileSync('tar', ['xzOf', `${samples}/${file}`, './container_config.json'], { maxBuffer: 1 << 24 }).toString());
      assert.equal(now.State.Running, config.State.Running);
      assert.equal(now.Image, config.Image);
      assert.equal(await docker('image', 'inspect', '-f', '{{.Id}}', 'busybox:local'), tag, 'the name was not taken away');
      for (const k of ['Env', 'Cmd', 'Labels', 'User', 'WorkingDir', 'Healthcheck']) assert.deepEqual(now.Config[k], config.Config[k], k);
      for (const k of ['PortBindings', 'RestartPolicy', 'CapAdd', 'Dns', 'ExtraHosts', 'Memory', 'NanoCpus', 'Ulimits', 'Devices', 'Tmpfs', 'Sysctls'])
        assert.deepEqual(now.HostConfig[k], config.HostConfig[k], k);
      for (const m of now.Mounts.filter((x) => x.Type === 'volume')) {
        const old = config.Mounts.find((x) => x.Destination === m.Destination);
        const list = execFileSync('sh', ['-c', `tar xzOf "$1" "./volumes/$2_data.tar.gz" | tar tzf - | wc -l`, 'sh', `${samples}/${file}`, old.Name]).toString().trim();
        const is = await docker('run', '--rm', '--network', 'none', '-v', `${m.Name}:/v:ro`, 'busybox:local', 'sh', '-c', 'find /v -print0 | tr -dc "\\0" | wc -c');
        assert.equal(is, list, `files of ${m.Destination}`);
      }
      assert.deepEqual(await leftovers(app), []);
    } finally {
      await docker('rm', '-f', '-v', `${p}${name}`).catch(() => {});
      for (const v of await lines('volume', 'ls', '-q')) if (!before.volumes.includes(v) && v.startsWith(p)) await docker('volume', 'rm', v).catch(() => {});
      for (const n of await lines('network', 'ls', '--format', '{{.Name}}')) if (!before.networks.includes(n) && /^orig/.test(n)) await docker('network', 'rm', n).catch(() => {});
      if (recorded && recorded !== tag) await docker('rmi', '-f', recorded).catch(() => {});
    }
  });
}

test('the vault lists them all', async () => {
  assert.equal((await app.post('/vault/refresh')).status, 303);
  const r = await app.api('GET', '/api/backups');
  assert.ok(r.json.backups.length >= 5, r.text);
  assert.ok(readFileSync(path.join(vault, `${p}web_20261122_184500.tar.gz`)).length > 0);
});
