// SPDX-License-Identifier: GPL-3.0-or-later
// One container with everything that an engine can be told, and volumes with everything that a file system can hold: backed
// up, lost with image, volumes, networks and host folders, restored; then `docker inspect` and every inode are compared.
// TEST_LONG=1: a million small files. The table at the end is what the README promises.
import { test, assert, after, before, build, docker, inspect, startApp, removeAll, freePort } from '../tools/harness.mjs';
import { exists } from './restore_tools.mjs';
import { inspectDifferences, networkView, treeDifferences, treeLines, volumeView } from './fidelity_compare.mjs';
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, closeSync, rmSync, writeFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const p = 'cmfid-';
const name = `${p}all`;
const tool = path.join(build, 'integration', 'fidelity_tree');
const count = process.env.TEST_LONG ? 1000000 : 20000;
const app = await startApp();
const host = mkdtempSync('/tmp/cmfid-');
const table = [];
const has6 = await run('sh', ['-c', 'test -e /proc/net/if_inet6 && grep -q " lo$" /proc/net/if_inet6']).then(() => true, () => false);

const image = (tag, more) => {
  const folder = path.join(host, 'image');
  mkdirSync(folder, { recursive: true });
  copyFileSync(tool, path.join(folder, 'fidelity_tree'));
  writeFileSync(path.join(folder, 'Dockerfile'), `FROM busybox:local\nCOPY fidelity_tree /bin/\n${more}`);
  return run('docker', ['build', '-q', '-t', tag, folder], { env: { ...process.env, DOCKER_BUILDKIT: '0' } });
};

// Not --privileged: that wants every capability there is, and the engine may have been given fewer.
const capable = ['--cap-add', 'SYS_ADMIN', '--cap-add', 'LINUX_IMMUTABLE', '--cap-add', 'DAC_READ_SEARCH'];
let runs = 0;
const tree = () => ['run', '--rm', ...capable, '--security-opt', 'seccomp=unconfined', '--network', 'none', '--name', `${p}tool-${++runs}`];
const inVolume = (volume, ...args) => docker(...tree(), '-v', `${volume}:/v`, `${p}tool`, 'fidelity_tree', ...args);

// Lists go to a file: a million lines are too many for a string.
async function list(into, ...command) {
  const file = path.join(host, into);
  const fd = openSync(file, 'w');
  const child = spawn('docker', command, { stdio: ['ignore', fd, 'pipe'] });
  let said = '';
  child.stderr.on('data', (c) => { said += c; });
  const code = await new Promise((resolve) => child.on('close', resolve));
  closeSync(fd);
  assert.equal(code, 0, said);
  return file;
}
const listVolume = (into, volume) => list(into, ...tree(), '-v', `${volume}:/v:ro`, `${p}tool`, 'fidelity_tree', 'list', '/v');
// Inside the container, but with more rights than its own: no-new-privileges also holds for what docker exec starts.
const inside = () => [...tree(), '--cap-add', 'SYS_PTRACE', '--pid', `container:${name}`, `${p}tool`, 'nsenter', '-t', '1', '-m', '--', '/bin/fidelity_tree'];
const listLayer = (into) => list(into, ...inside(), 'list', '/');

async function everything(when) {
  const c = await inspect(name);
  const anonymous = c.Mounts.find((m) => m.Destination === '/anon').Name;
  const files = {
    'named volume': await listVolume(`${when}.data`, `${p}data`),
    'volume with driver options': await listVolume(`${when}.bound`, `${p}bound`),
    'volume of --mount': await listVolume(`${when}.mnt`, `${p}mnt`),
    'anonymous volume': await listVolume(`${when}.anon`, anonymous),
    'bind folder': await listVolume(`${when}.folder`, `${host}/folder`),
    'bind file': await listVolume(`${when}.file`, `${host}/other/attributes/acl`),
    'writable layer and image': await listLayer(`${when}.layer`),
  };
  return {
    files, container: c, anonymous, image: await inspect(c.Image),
    volumes: await Promise.all([`${p}data`, `${p}bound`, `${p}mnt`].map(async (v) => JSON.parse(await docker('volume', 'inspect', v))[0])),
    networks: await Promise.all([`${p}front`, `${p}back`].map(async (n) => JSON.parse(await docker('network', 'inspect', n))[0])),
  };
}

// A container that may have been stopped in the middle of this test last time.
async function clean() {
  const folders = readdirSync('/tmp').filter((n) => /^cmfid-/.test(n)).map((n) => `/tmp/${n}`);
  const volumes = (await docker('volume', 'ls', '-q', '--filter', `name=^${p}`)).split('\n').filter(Boolean);
  const own = await inspect(name).then((c) => c.Mounts.filter((m) => m.Type === 'volume').map((m) => m.Name), () => []);
  for (const v of new Set([...volumes, ...own])) await inVolume(v, 'clear', '/v').catch(() => {});
  await removeAll(p);
  await docker('rmi', '-f', `${p}app`).catch(() => {});
  for (const f of folders.filter((f) => f !== host)) {
    await inVolume(f, 'clear', '/v').catch(() => {});
    rmSync(f, { recursive: true, force: true });
  }
}

before(async () => {
  await image(`${p}tool`, '');
  await clean();
});
after(async () => {
  await clean();
  await inVolume(host, 'clear', '/v');
  rmSync(host, { recursive: true, force: true });
  await docker('rmi', '-f', `${p}tool`);
});

const seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['kexec_load', 'acct'], action: 'SCMP_ACT_ERRNO' }] };

async function make(took) {
  await image(`${p}app`, `ENV FROM_IMAGE="yes and no" KEPT=a
LABEL image.label="one two"
EXPOSE 7777/tcp
RUN cd /etc && for f in replaced appended mode deleted becomes-folder linked; do echo "$f of the image" >$f; done; \
  mkdir dir gone becomes-file && echo x >dir/x && echo x >gone/x && echo x >becomes-file/x; mkdir /anon && echo seed >/anon/seed && chown 5:6 /anon
VOLUME /anon
STOPSIGNAL SIGQUIT
ONBUILD RUN true
ENTRYPOINT ["/bin/sh", "-c", "exit 7"]
`);
  took('image');
  const ip6 = has6 ? ['--ipv6', '--subnet', 'fd00:cf1d:1::/64', '--gateway', 'fd00:cf1d:1::1'] : [];
  await docker('network', 'create', ...ip6, '--subnet', '10.214.71.0/24', '--gateway', '10.214.71.1', '--ip-range', '10.214.71.128/25',
    '--aux-address', 'nas=10.214.71.200', '--attachable', '-o', 'com.docker.network.bridge.name=cmfid0', '-o',
    'com.docker.network.driver.mtu=1400', '--label', 'front=a "b" $c', `${p}front`);
  await docker('network', 'create', '--internal', '--subnet', '10.214.72.0/24', '--label', 'team=a b', '--label', 'empty=', '-o',
    'com.docker.network.bridge.enable_icc=false', '--ipam-opt', 'cmfid=1', `${p}back`);
  for (const f of ['folder', 'other', 'bound']) mkdirSync(path.join(host, f));
  await docker('volume', 'create', '--label', 'keep=this one', '--label', 'quoted="$x"', '--label', 'empty=', `${p}data`);
  await docker('volume', 'create', '--label', 'kind=bound', '--opt', 'type=none', '--opt', 'o=bind', '--opt', `device=${host}/bound`, `${p}bound`);
  await run(tool, ['make', path.join(host, 'folder'), '50']);
  await run(tool, ['make', path.join(host, 'other'), '0']);
  writeFileSync(path.join(host, 'seccomp.json'), JSON.stringify(seccomp, null, 2));
  writeFileSync(path.join(host, 'labels'), 'from.file=x\n');

  const block = readdirSync('/sys/block').find((d) => !/^(loop|ram|zram|sr|fd)/.test(d) && existsSync(`/dev/${d}`));
  const disk = block ? ['--device-read-bps', `/dev/${block}:10mb`, '--device-write-iops', `/dev/${block}:9000`] : [];
  const port = await freePort();
  const on6 = has6 ? ['-p', `[::1]:${port}:8080`, '--ip6', 'fd00:cf1d:1::77'] : [];
  await docker('create', '--name', name,
    '-e', 'QUOTED=a "b" \'c\' `d` \\e', '-e', 'DOLLAR=$HOME ${X:-y} $$ $(z)', '-e', 'LINES=one\ntwo\n\nfour\n', '-e', 'EMPTY=', '-e', 'KEPT=b',
    '-e', 'UNICODE=äß€ 猿', '-e', 'EQUALS=a=b=c', '-e', ' spaces =  x  ',
    '-l', 'who=the "$operator"', '-l', 'lines=a\nb', '-l', 'empty=', '--label-file', `${host}/labels`,
    '--workdir', '/work dir/é', '--user', '1234:5678', '--group-add', '1000', '--group-add', '4000', '--entrypoint', '/bin/fidelity_tree',
    '--hostname', 'hard-host', '--domainname', 'example.test', '--restart', 'on-failure:5', '-i', '-t',
    '--health-cmd', 'test "$QUOTED" != "" && fidelity_tree check', '--health-interval', '1s', '--health-timeout', '9s', '--health-retries', '4',
    '--health-start-period', '2s',
    '--memory', '96m', '--memory-swap', '200m', '--memory-reservation', '64m', '--memory-swappiness', '33', '--kernel-memory', '80m', '--oom-kill-disable',
    '--oom-score-adj', '321', '--cpus', '0.75', '--cpu-shares', '512', '--cpuset-cpus', '0', '--cpuset-mems', '0', '--pids-limit', '123',
    '--cgroup-parent', '/cmfid', '--blkio-weight', '300',
    '--ulimit', 'nofile=1000:2000', '--ulimit', 'core=0', '--ulimit', 'memlock=65536:65536', '--sysctl', 'net.core.somaxconn=777', '--sysctl', 'net.ipv4.ip_local_port_range=2000 3000',
    '--device', '/dev/null:/dev/cmfid-null:r', '--device', '/dev/zero', '--device-cgroup-rule', 'c 42:* rmw',
    ...disk, ...capable, '--cap-add', 'NET_ADMIN', '--cap-drop', 'SETPCAP', '--cap-drop', 'AUDIT_WRITE',
    '--security-opt', 'no-new-privileges', '--security-opt', `seccomp=${host}/seccomp.json`, '--security-opt', 'apparmor=unconfined',
    '--security-opt', 'label=disable', '--security-opt', 'systempaths=unconfined',
    '--tmpfs', '/scratch:size=1m,mode=1777,noexec', '--tmpfs', '/plain', '--mount', 'type=tmpfs,dst=/mounted,tmpfs-size=1m,tmpfs-mode=1770',
    '--init', '--dns', '9.9.9.9', '--dns', '1.1.1.1', '--dns-search', 'example.test', '--dns-option', 'ndots:3', '--add-host', 'foo:10.0.0.1', '--add-host', 'bar:fd00::1',
    '--log-driver', 'json-file', '--log-opt', 'max-size=1m', '--log-opt', 'max-file=3', '--log-opt', 'labels=who',
    '--stop-signal', 'SIGUSR1', '--stop-timeout', '3', '--shm-size', '33m', '--ipc', 'shareable', '--cgroupns', 'private', '--runtime', 'runc',
    '--network', `${p}front`, '--ip', '10.214.71.9', '--network-alias', 'www', '--network-alias', 'api', ...on6, '--link-local-ip', '169.254.7.7',
    '-p', `127.0.0.1:${port}:8080`, '-p', `127.0.0.2:${port}:8080`, '-p', `127.0.0.3:${port + 1 > 65535 ? port - 1 : port + 1}:8080`,
    '-p', `127.0.0.1:${port}:5353/udp`, '-p', '127.0.0.1::9000', '--expose', '6000-6002/udp',
    '-v', `${p}data:/data`, '-v', `${p}bound:/bound:ro`, '-v', '/anonymous', '-v', `${host}/folder:/folder:ro,rprivate`,
    '-v', `${host}/other/attributes/acl:/etc/one.conf`,
    '--mount', `type=volume,src=${p}mnt,dst=/mnt,volume-label=by=mount,volume-nocopy`, '--mount', 'type=volume,dst=/anonmount',
    '--mount', `type=bind,src=${host}/folder/names,dst=/again,readonly,bind-propagation=rprivate`,
    `${p}app`, 'wait', 'an "argument"', '$x', '', 'line\nbreak');
  await docker('network', 'connect', '--ip', '10.214.72.7', '--alias', 'second', '--alias', 'hard', `${p}back`, name);
  await docker('start', name);
  took('started');
  const anonymous = (await inspect(name)).Mounts.find((m) => m.Destination === '/anon').Name;
  await inVolume(`${p}data`, 'make', '/v', String(count));
  await inVolume(`${p}mnt`, 'make', '/v', '10');
  await inVolume(`${p}bound`, 'make', '/v', '10');
  await inVolume(anonymous, 'make', '/v', '10');
  await docker(...inside(), 'layer');
}

async function healthy() {
  for (let i = 0; i < 150; i++) {
    if ((await inspect(name)).State.Health?.Status === 'healthy') return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail('the container does not become healthy');
}

async function lose(first) {
  await docker('rm', '-f', name);
  for (const m of first.container.Mounts.filter((m) => m.Type === 'volume')) {
    await inVolume(m.Name, 'clear', '/v');
    await docker('volume', 'rm', m.Name);
  }
  for (const n of first.networks) await docker('network', 'rm', n.Name);
  await docker('rmi', '-f', first.container.Image);
  await inVolume(`${host}/folder`, 'clear', '/v');
  rmSync(`${host}/folder`, { recursive: true });
  rmSync(`${host}/other/attributes/acl`);
  assert.ok(!(await exists('image', first.container.Image)));
}

const said = (list) => (list ?? []).map((w) => (typeof w === 'string' ? w : `${w.path ? `${w.path}: ` : ''}${w.text}`));
const row = (what, n, differences) => {
  table.push([what, n, differences.length]);
  for (const d of differences.slice(0, 20)) console.log(`# ${what}: ${d}`);
  return differences;
};

test('a container with everything: nothing differs after it was lost and restored', { timeout: 1800000 }, async (t) => {
  const clock = Date.now();
  const took = (what) => console.log(`# ${((Date.now() - clock) / 1000).toFixed(1)} s: ${what}`);
  await make(took);
  await healthy();
  took('made');
  const first = await everything('first');
  took('looked at');

  const b = await app.backup(name, { consistency: 'stop' });
  took('backed up');
  const warnings = said(b.warnings ?? b.progress.warnings);
  await t.test('the backup warns of what cannot be kept, and of nothing else', () => {
    assert.ok(warnings.length > 0);
    assert.deepEqual(warnings.filter((w) => !/socket/.test(w)), []);
    assert.equal(warnings.length, 5, warnings.join('\n'));
  });
  await healthy();
  await lose(first);
  took('lost');

  const r = await app.restore(b.file);
  assert.equal(r.status, 200, r.text);
  took('restored');
  await healthy();
  const second = await everything('second');
  took('looked at again');
  await t.test('the restore has nothing to warn of', () => {
    // What the engine says to a setting that it said at the first container, too, is no loss.
    assert.deepEqual(said(r.json.warnings).filter((w) => !/^Docker: Specifying a kernel memory limit is deprecated/.test(w)), []);
  });

  await t.test('docker inspect of the container', () => {
    const { differences, compared } = inspectDifferences(first.container, second.container);
    assert.deepEqual(row('settings of the container (`docker inspect`)', compared, differences), []);
  });
  await t.test('docker inspect of image, volumes and networks', () => {
    assert.equal(second.container.Image, first.container.Image);
    // When it was tagged here; where its layers lie here; the step before it in the cache of a build.
    const noTime = (i) => ({ ...i, Metadata: undefined, GraphDriver: undefined, Parent: undefined });
    assert.deepEqual(noTime(second.image), noTime(first.image));
    row('image (id, tag, configuration)', 1, []);
    assert.deepEqual(second.volumes.map(volumeView), first.volumes.map(volumeView));
    row('settings of named volumes', 3, []);
    assert.deepEqual(second.networks.map(networkView), first.networks.map(networkView));
    row('settings of networks', 2, []);
    assert.notEqual(second.anonymous, first.anonymous);
  });
  for (const [what, file] of Object.entries(first.files)) {
    await t.test(`every inode: ${what}`, () => {
      const differences = treeDifferences(file, second.files[what]);
      assert.deepEqual(row(`files: ${what}`, treeLines(file), differences).slice(0, 20), []);
    });
  }
  took('compared');
  console.log('# What was compared                                   how many  different');
  for (const [what, n, d] of table) console.log(`# ${what.padEnd(52)} ${String(n).padStart(9)} ${String(d).padStart(10)}`);
});

test('the comparison sees what differs', () => {
  const a = path.join(host, 'a');
  const b = path.join(host, 'b');
  const line = (n, more = '') => `${n} f mode=644 owner=0:0 mtime=1.000000001 links=1 size=1 blocks=8 flags=0 sha=00${more}`;
  writeFileSync(a, [line('a'), line('b'), line('c', ' x:user.a=01'), line('d'), line('gone'), ''].join('\n'));
  writeFileSync(b, [line('a'), line('b').replace('.000000001', '.000000002'), line('c'), line('d').replace('s=8', 's=99'), line('new'), ''].join('\n'));
  assert.deepEqual(treeDifferences(a, b), ['b: mtime 1.000000001 -> 1.000000002', 'c: x:user.a 01 -> undefined', 'd: blocks 8 -> 99',
    'gone: is missing', 'new: was not there']);
  assert.deepEqual(treeDifferences(a, a), []);
});

test('docker-compose keeps a restored container', async (t) => {
  if (!(await run('docker-compose', ['--version']).then((v) => /1\.29/.test(v.stdout), () => false))) return t.skip('docker-compose 1.29 is not installed');
  const folder = path.join(host, 'shop');
  mkdirSync(path.join(folder, 'conf'), { recursive: true });
  writeFileSync(path.join(folder, 'conf', 'a'), 'a\n');
  writeFileSync(path.join(folder, 'docker-compose.yml'), `version: "2.4"
services:
  web:
    image: busybox:local
    container_name: ${p}web
    command: ["sh", "-c", "echo $$$$ >/data/f; trap 'exit 0' TERM; while :; do sleep 1; done"]
    environment: { A: "1 2", B: "$$x" }
    labels: { mine: "x y" }
    restart: unless-stopped
    mem_limit: 64m
    volumes: ["data:/data", "./conf:/conf:ro", "/anon"]
    ports: ["127.0.0.1:${await freePort()}:80"]
    networks: { default: {}, side: { aliases: [w], ipv4_address: 10.214.73.9 } }
volumes:
  data: { labels: { keep: "yes" } }
networks:
  side: { internal: true, ipam: { config: [{ subnet: 10.214.73.0/24 }] } }
`);
  const compose = async (...args) => {
    const { stdout, stderr } = await run('docker-compose', ['-p', `${p}shop`, ...args], { cwd: folder });
    return stdout + stderr;
  };
  await compose('up', '-d');
  try {
    const first = await inspect(`${p}web`);
    const { file } = await app.backup(`${p}web`, { consistency: 'pause' });
    await compose('down', '-v');
    const r = await app.restore(file);
    assert.equal(r.status, 200, r.text);
    const restored = await inspect(`${p}web`);
    assert.deepEqual(inspectDifferences(first, restored).differences, []);
    const up = await compose('up', '-d');
    assert.match(up, /up-to-date/);
    assert.doesNotMatch(up, /warn|recreat|creat|not created by/i);
    assert.equal((await inspect(`${p}web`)).Id, restored.Id);
  } finally {
    await compose('down', '-v', '-t', '1');
  }
});
