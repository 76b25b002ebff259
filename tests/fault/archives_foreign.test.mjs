// SPDX-License-Identifier: GPL-3.0-or-later
// What a foreign or attacked vault may hold beside our own archives: files of the predecessor's kind made to do harm,
// companions that lie, configurations that want the host, names of files that are tricks themselves.
import { test, assert, docker } from '../tools/harness.mjs';
import { makeRig, long, enc } from './archives_rig.mjs';
import { predecessor, tarOf, ours, Part } from './forge.mjs';
import { gzipSync } from 'node:zlib';
import { writeFileSync, rmSync, symlinkSync, mkdirSync, lstatSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';

const rig = await makeRig('alien');
const { app, vault, name, outside } = rig;
const root = { name: './', type: 'd', mode: 0o755 };
const volume = (...entries) => gzipSync(tarOf([root, ...entries]));
const old = (data, options = {}) => predecessor({ config: rig.config, name, volumes: { [rig.data]: data }, ...options });

test('the predecessor\'s kind: volumes made to do harm', async () => {
  const tricks = {
    'a name with ..': [{ name: './../../cm-evil', content: 'evil' }], 'an inner ..': [{ name: './a/../../cm-evil', content: 'evil' }],
    'a symbolic link, then a file through it': [{ name: './out', type: 'l', link: outside }, { name: './out/cm-evil', content: 'evil' }],
    'a symbolic link, then a folder and a file in it': [{ name: './out', type: 'l', link: outside }, { name: './out/sub/cm-evil', content: 'evil' }],
    'a hard link out': [{ name: './mine', type: 'h', link: '../../sibling/theirs' }], 'a hard link to nothing': [{ name: './mine', type: 'h', link: './nothing' }],
    'a hard link through a symbolic one': [{ name: './out', type: 'l', link: outside }, { name: './mine', type: 'h', link: './out/file' }],
    'a size of 10 GB': [{ name: './f', content: 'evil', size: 8 * 1024 ** 3 - 1 }], 'a negative size': [{ name: './f', content: 'evil', raw: [[124, Buffer.alloc(12, 255)]] }],
    'a name of 300 bytes': [{ name: './f', content: 'evil', records: [['path', `./${'x'.repeat(300)}`]] }],
  };
  for (const [text, entries] of Object.entries(tricks)) await rig.attack(text, old(volume(...entries)), { verify: ['ok', 'damaged', 'refused'] });
  const good = volume({ name: './f', content: 'x'.repeat(5000) });
  await rig.attack('a nested archive cut off', old(good.subarray(0, 40)));
  await rig.attack('a nested archive that is none', old(Buffer.from('\0garbage\0'.repeat(100))), { verify: ['ok', 'damaged'] });
  await rig.attack('two configurations', old(good, { extra: [{ name: './container_config.json', content: JSON.stringify({ ...rig.config, Name: '/other' }) }] }), { verify: ['ok', 'damaged'] });
  await rig.attack('a configuration that is no JSON', old(good, { members: { 'container_config.json': '{{{{' } }), { verify: ['ok'] });
  await rig.attack('a configuration nested 10,000 deep', old(good, { members: { 'container_config.json': '['.repeat(10000) } }), { verify: ['ok'] });
  await rig.attack('no configuration', old(good, { members: { 'container_config.json': null } }), { verify: ['ok'] });
  await rig.attack('a name at the top that leads out', old(good, { extra: [{ name: '../../cm-evil', content: 'x' }] }), { verify: ['damaged'] });
});

test('devices, setuid files, fifos and strange names come back as they were, and are never opened', async () => {
  const entries = [{ name: './disk', type: 'b', major: 8, minor: 0, mode: 0o660 }, { name: './zero', type: 'c', major: 1, minor: 5 }, { name: './pipe', type: 'p' }, { name: './su', content: 'x', mode: 0o4755 }, { name: './a\nb', content: 'line' }, { name: './abs', type: 'l', link: '/etc/shadow' }];
  const copy = `${rig.p}copy`;
  const part = rig.folder();
  for (const e of entries) part.entry({ ...e, name: undefined, type: e.type ?? 'f', path: e.name.slice(2), mode: e.mode ?? 0o644 });
  for (const buffer of [old(volume(...entries)), ours({ members: rig.members(), parts: [part] })]) {
    const file = rig.put(buffer);
    const look = await rig.look(file, { pages: true });
    assert.equal(look.preflight.status, 200, look.preflight.text);
    const v = await rig.verify(file);
    assert.equal(v.state, 'ok', JSON.stringify(v));
    const r = await rig.restore(file, { new_name: copy, replace: false, volumes: 'new' });
    assert.equal(r.status, 200, r.text);
    const mountpoint = await docker('inspect', '-f', '{{range .Mounts}}{{.Source}}{{end}}', copy);
    const is = (n) => lstatSync(path.join(mountpoint, n));
    assert.deepEqual([is('disk').isBlockDevice(), is('disk').rdev, is('zero').isCharacterDevice(), is('pipe').isFIFO(), is('su').mode & 0o7777, is('a\nb').size, is('abs').isSymbolicLink()], [true, 8 << 8, true, true, 0o4755, 4, true]);
    const made = await docker('inspect', '-f', '{{range .Mounts}}{{.Name}}{{end}}', copy);
    await docker('rm', '-f', copy);
    await docker('volume', 'rm', made);
    rig.drop(file);
    await rig.untouched('restored beside');
  }
});

test('a configuration that wants the host: said before anything is made', async () => {
  const host = { ...rig.config.HostConfig, Privileged: true, NetworkMode: 'host', PidMode: 'host', IpcMode: 'host', CapAdd: ['SYS_ADMIN'], SecurityOpt: ['apparmor=unconfined'], Devices: [{ PathOnHost: '/dev/zero', PathInContainer: '/dev/zero', CgroupPermissions: 'rwm' }, { PathOnHost: '/dev/kmsg', PathInContainer: '/dev/kmsg', CgroupPermissions: 'rwm' }], Binds: [`${rig.data}:/data`, '/:/host', '/var/run/docker.sock:/var/run/docker.sock', '/etc/../etc/ssh:/ssh:ro'] };
  const config = { ...rig.config, HostConfig: host };
  const codes = ['PRIVILEGED', 'FOLDER', 'SOCKET', 'NETWORK', 'PROCESSES', 'MEMORY', 'CAPABILITIES', 'DEVICES', 'UNCONFINED'].map((c) => `POWER_${c}`);
  for (const buffer of [rig.forge((p) => p.entry({ path: '.', type: 'd' }), { members: { 'container_config.json': config } }), predecessor({ config, name, volumes: { [rig.data]: volume() } })]) {
    const file = rig.put(buffer);
    await rig.refresh();
    const { preflight, restorePage } = await rig.look(file, { pages: true });
    const found = preflight.json.findings.filter((f) => f.level === 'warn').map((f) => f.code);
    for (const c of codes) assert.ok(found.includes(c), `${c} in ${found}`);
    for (const text of ['runs privileged', 'docker.sock', 'Restore it only if you trust']) assert.ok(restorePage.text.includes(text), text);
    rig.drop(file);
  }
  await rig.untouched('only looked at');
});

test('configurations that lie or are far too much (TEST_LONG=1)', { skip: !long }, async () => {
  const many = (n, f) => Array.from({ length: n }, (_, i) => f(i));
  const change = (over) => rig.forge((p) => p.entry({ path: '.', type: 'd' }), { members: { 'container_config.json': { ...rig.config, ...over } } });
  await rig.attack('a name that leads out', change({ Name: '/../../cm-evil' }), { verify: ['ok'] });
  await rig.attack('a name with a new line', change({ Name: '/a\nb' }), { verify: ['ok'] });
  await rig.attack('a hundred thousand mounts', change({ Mounts: many(20000, (i) => ({ Type: 'volume', Name: `v${i}`, Destination: `/d${i}` })), HostConfig: { ...rig.config.HostConfig, Binds: many(20000, (i) => `v${i}:/d${i}`) } }), { verify: ['ok'] });
  await rig.attack('ten thousand networks', change({ NetworkSettings: { Networks: Object.fromEntries(many(10000, (i) => [`n${i}`, {}])) } }), { verify: ['ok'] });
  await rig.attack('a thousand other containers', change({ HostConfig: { ...rig.config.HostConfig, VolumesFrom: many(1000, (i) => `c${i}`) } }), { verify: ['ok'] });
  await rig.attack('numbers for texts', change({ Mounts: 7, HostConfig: 'x', Name: ['a'], Config: null }), { verify: ['ok'] });
  // Folders that the container does not mount are not written, whatever the backup says of them.
  const bind = new Part('binds/0', 'bind').entry({ path: '.', type: 'd' }).entry({ path: 'cm-evil', content: 'evil' });
  const members = rig.members();
  members['volumes_info.json'] = [{ type: 'bind', source: `${rig.work}/cm-evil`, destination: '/x', rw: true, kind: 'folder', prefix: 'binds/0', state: 'saved', reason: null }];
  const file = rig.put(ours({ members, parts: [rig.folder(), bind] }));
  const { preflight } = await rig.look(file, { pages: true });
  assert.ok(!preflight.text.includes(`${rig.work}/cm-evil`), preflight.text);
  rig.drop(file);
});

test('companions that lie, and files that are tricks (TEST_LONG=1)', { skip: !long }, async () => {
  const honest = rig.forge((p) => p.entry({ path: '.', type: 'd' }));
  const script = '<script>alert(1)</script>';
  const lies = {
    script: JSON.stringify({ format: 'cm1', type: script, container: script, server_name: script, note: script, image: script, size: -5, content_size: 1e300, created_ms: -9e15, verified_at: '9999', parts: [{ name: script, kind: script }] }),
    hash: JSON.stringify({ format: 'cm1', container: '../../x', sha256: '0'.repeat(64), size: 1 }), deep: '['.repeat(100000), wide: `[${'{},'.repeat(900000)}{}]`, text: 'no JSON', nul: '\0\0\0', array: '[]', types: '{"container":7,"created_ms":"x","warnings":"x","parts":{},"format":[]}',
  };
  for (const [k, companion] of Object.entries(lies)) rig.put(honest, { file: `${rig.p}${k}_20261122_000000-abcdef.tar.gz`, companion });
  rig.put(honest, { file: `${rig.p}huge_20261122_000000-abcdef.tar.gz`, companion: Buffer.alloc(100 << 20, 'x') });
  const odd = [`${rig.p}a\nb.tar.gz`, `${rig.p}${'x'.repeat(180)}.tar.gz`, `${rig.p}%2e%2e%2f.tar.gz`, `${rig.p}"><b>.tar.gz`, `${rig.p}\u202egz.tar.gz`, '-rf.tar.gz', '..tar.gz', `network_${rig.p}..%2f_20261122_000000.json`];
  for (const f of odd) writeFileSync(path.join(vault, f), honest);
  writeFileSync(Buffer.concat([Buffer.from(`${vault}/${rig.p}`), Buffer.from([0xff, 0xfe]), Buffer.from('.tar.gz')]), honest);
  symlinkSync('/etc/passwd', path.join(vault, `${rig.p}link.tar.gz`));
  mkdirSync(path.join(vault, `${rig.p}folder.tar.gz`));
  execFileSync('mkfifo', [path.join(vault, `${rig.p}fifo.tar.gz`)]);
  writeFileSync(path.join(vault, `${rig.p}own_20261122_000000-abcdef.tar.gz`), honest);
  symlinkSync('/etc/shadow', path.join(vault, `${rig.p}own_20261122_000000-abcdef.tar.gz.json`));
  await rig.refresh();
  const list = await app.api('GET', '/api/backups?limit=1000');
  const page = await app.get('/vault?limit=1000');
  assert.deepEqual([list.status, page.status], [200, 200]);
  assert.ok(!page.text.includes(script) && !page.text.includes('"><b>'), 'nothing of it is markup');
  const names = list.json.backups.map((b) => b.filename);
  for (const bad of ['link', 'folder', 'fifo']) assert.ok(!names.includes(`${rig.p}${bad}.tar.gz`), bad);
  assert.ok(!names.some((n) => n.includes('\n')));
  for (const f of [...Object.keys(lies), 'huge', 'own'].map((k) => `${rig.p}${k}_20261122_000000-abcdef.tar.gz`)) {
    assert.ok(names.includes(f), f);
    const p = await app.get(`/backup/${enc(f)}`);
    assert.equal(p.status, 200);
    assert.ok(!p.text.includes(script));
    const v = await rig.verify(f);
    assert.equal(v.state, f.includes('hash_') ? 'damaged' : 'ok', `${f}: ${JSON.stringify(v)}`);
  }
  for (const f of [...odd, `${rig.p}link.tar.gz`, `${rig.p}fifo.tar.gz`, `${rig.p}folder.tar.gz`]) {
    for (const r of [await app.api('GET', `/api/backup/${enc(f)}/preview`), await app.download(`/api/download/${enc(f)}`), await app.api('GET', `/api/backup/${enc(f)}/files?path=`)]) assert.ok(r.status < 500, `${f}: ${r.status}`);
    if (/link|fifo|folder/.test(f)) assert.ok([400, 404].includes((await app.download(`/api/download/${enc(f)}`)).status), f);
  }
  execFileSync('sh', ['-c', 'rm -rf "$1"/* "$1"/-rf.tar.gz "$1"/..tar.gz', 'sh', vault]);
  await rig.refresh();
  await rig.untouched('only looked at');
});

test('networks from the vault (TEST_LONG=1)', { skip: !long }, async () => {
  const put = (text, what) => {
    const f = `network_${rig.p}${text}_20261122_000000.json`;
    writeFileSync(path.join(vault, f), typeof what === 'string' ? what : JSON.stringify(what));
    return f;
  };
  const cases = { out: { Name: '../../x' }, space: { Name: 'a b' }, host: { Name: 'host' }, driver: { Name: `${rig.p}n1`, Driver: 'cm-evil-driver' }, subnet: { Name: `${rig.p}n2`, IPAM: { Config: [{ Subnet: '999.1.1.1/99' }] } }, types: { Name: `${rig.p}n3`, Driver: 7, IPAM: [], Options: 'x', Labels: [1] }, none: {}, text: 'no JSON', deep: '['.repeat(100000), wide: `[${'{},'.repeat(900000)}{}]`, empty: '' };
  for (const [k, what] of Object.entries(cases)) {
    const f = put(k, what);
    const r = await app.restore(f);
    if (k === 'types' && r.status === 200) await docker('network', 'rm', `${rig.p}n3`);
    else assert.ok(r.status >= 400 && r.json.error.length > 10, `${k}: ${r.status} ${r.text}`);
    assert.ok((await app.get(`/backup/${enc(f)}`)).status < 500, k);
    rmSync(path.join(vault, f));
  }
  await rig.refresh();
  await rig.untouched('networks');
});
