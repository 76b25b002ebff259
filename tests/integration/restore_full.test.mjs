// SPDX-License-Identifier: GPL-3.0-or-later
// Containers that use everything: backed up, lost with image, volumes and networks, restored; then nothing differs.
import { test, assert, docker, inspect, startApp, removeAll, after, before, sleep } from '../tools/harness.mjs';
import { snapshot, leftovers, normal, build, lose, exists, running, removeImages } from './restore_tools.mjs';
import { mkdtempSync, writeFileSync, mkdirSync, rmSync, readFileSync, existsSync, chmodSync } from 'node:fs';
import path from 'node:path';

const p = `cmresfull${process.pid}-`;
const net = `10.${100 + (process.pid % 100)}`; // two runs at once must not meet
const app = await startApp();
const host = mkdtempSync('/tmp/cmresfull-');

before(async () => {
  await removeAll(p);
  await docker('network', 'create', '--subnet', `${net}.1.0/24`, '--gateway', `${net}.1.1`, '--aux-address', `nas=${net}.1.200`,
    '--label', 'team=a b', '--internal', `${p}a`);
  await docker('network', 'create', '--subnet', `${net}.2.0/24`, '--ip-range', `${net}.2.128/25`, '--attachable', `${p}b`);
  await docker('volume', 'create', '--label', 'keep=this one', `${p}data`);
  await docker('volume', 'create', '--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--opt', 'o=size=8m,uid=1000', `${p}opts`);
});
after(async () => {
  await removeAll(p);
  await removeImages();
  rmSync(host, { recursive: true, force: true });
});

test('a container that uses nearly every setting', async () => {
  const name = `${p}hard`;
  mkdirSync(`${host}/folder/sub`, { recursive: true });
  writeFileSync(`${host}/folder/sub/x`, 'in the folder\n');
  writeFileSync(`${host}/one.conf`, 'one file\n');
  chmodSync(`${host}/one.conf`, 0o640);
  await build(`${p}img`, `FROM busybox:local
ENV FROM_IMAGE=yes KEPT="a b"
LABEL img.label=one
EXPOSE 7000/tcp
RUN mkdir -p /imgvol /work && echo "from the image" >/imgvol/seed && echo old >/etc/replaced && echo gone >/etc/deleted && mkdir /etc/dir && echo a >/etc/dir/a
VOLUME /imgvol
WORKDIR /work
CMD ["sh"]
`);
  await docker('create', '--name', name, '--network', `${p}a`, '--ip', `${net}.1.9`, '--network-alias', 'www', '--hostname', 'hard-host',
    '-e', 'QUOTED=a "b" $c `d` \\e', '-e', 'EMPTY=', '-e', 'MULTI=a\nb', '-l', 'who=the $operator', '-l', 'com.docker.compose.project=shop',
    '-l', 'com.docker.compose.service=db', '-v', `${p}data:/data`, '-v', '/anon', '-v', `${host}/folder:/folder:ro`, '-v',
    `${host}/one.conf:/etc/one.conf`, '--mount', 'type=volume,dst=/anonmount', '--mount', `type=volume,src=${p}opts,dst=/opts`,
    '--mount', `type=volume,src=${p}data,dst=/again,readonly,volume-nocopy`, '--tmpfs', '/scratch:size=1m,mode=1777',
    '--restart', 'on-failure:3', '--memory', '64m', '--cpus', '0.5', '--pids-limit', '100', '--oom-score-adj', '100', '--ulimit', 'nofile=1000:2000',
    '--sysctl', 'net.ipv4.ip_forward=0', '--device', '/dev/null:/dev/mynull:rw', '--cap-add', 'NET_ADMIN', '--cap-drop', 'MKNOD',
    '--security-opt', 'no-new-privileges', '--group-add', '1000', '--dns', '9.9.9.9', '--add-host', 'foo:10.0.0.1', '--shm-size', '32m',
    '--init', '--log-opt', 'max-size=1m', '--stop-signal', 'SIGINT', '--stop-timeout', '1', '--health-cmd', 'test -f /data/f', '--health-interval',
    '1s', '--health-retries', '3', '-p', '127.0.0.1:28190:8080', '-p', '28191:9090/udp', '--expose', '6000', `${p}img`, 'sh', '-c',
    'test -f /data/f || { echo one >/data/f; ln /data/f /data/hard; ln -s f /data/sym; mkfifo /data/pipe; mkdir -m 2750 /data/d; touch -d "2001-02-03 04:05:06" /data/d; ' +
    'echo two >/anon/f; echo three >/anonmount/f; echo new >/imgvol/new; echo new >/etc/replaced; rm /etc/deleted /etc/dir/a; rmdir /etc/dir; mkdir /etc/dir; echo b >/etc/dir/b; chown 7:8 /work; }; ' +
    'trap "exit 0" INT; while :; do sleep 1; done');
  await docker('network', 'connect', '--ip', `${net}.2.7`, '--alias', 'second', `${p}b`, name);
  await docker('start', name);
  await sleep(2500);
  const first = await inspect(name);
  const vol = await snapshot(`${p}data`);
  const anon = first.Mounts.find((m) => m.Destination === '/anon').Name;
  const networks = [await inspect(`${p}a`), await inspect(`${p}b`)];
  const layer = 'cd /; cat /etc/replaced /anon/f /anonmount/f /imgvol/seed /imgvol/new; ls /etc/dir; stat -c "%u %g %a" /work; ls /etc/deleted 2>&1; cat /etc/one.conf /folder/sub/x';
  const inside = await docker('exec', name, 'sh', '-c', layer);
  const { file } = await app.backup(name);

  await lose(name, { volumes: [`${p}data`, `${p}opts`], networks: [`${p}a`, `${p}b`], images: [`${p}img`] });
  rmSync(`${host}/folder`, { recursive: true });
  rmSync(`${host}/one.conf`);
  assert.ok(!(await exists('image', first.Image)));

  const before = await app.api('POST', '/api/restore-backup?preflight=true', { filename: file });
  assert.equal(before.status, 200, before.text);
  assert.equal(before.json.can_restore, true, JSON.stringify(before.json.findings, null, 1));
  assert.ok(!(await exists('container', name)), 'preflight only reports');

  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.message, 'Container restored successfully');
  assert.match(r.json.container_id, /^[0-9a-f]{12}$/);
  assert.equal(r.json.stack_info.project, 'shop');
  const now = await inspect(name);
  assert.equal(now.State.Running, true);
  assert.equal(now.State.Health.Status, 'healthy');
  assert.equal(now.Image, first.Image);
  assert.deepEqual(normal(now), normal(first));
  assert.notEqual(now.Mounts.find((m) => m.Destination === '/anon').Name, anon);
  assert.equal(await docker('exec', name, 'sh', '-c', layer), inside);
  assert.equal(await snapshot(`${p}data`), vol);
  assert.deepEqual((await docker('volume', 'inspect', '-f', '{{json .Labels}}', `${p}data`)), '{"keep":"this one"}');
  assert.match(await docker('volume', 'inspect', '-f', '{{json .Options}}', `${p}opts`), /"o":"size=8m,uid=1000"/);
  for (const [i, was] of networks.entries()) {
    const is = await inspect(was.Name);
    for (const k of ['Driver', 'EnableIPv6', 'IPAM', 'Internal', 'Attachable', 'Options', 'Labels', 'Scope'])
      assert.deepEqual(is[k], was[k], `${k} of network ${i}`);
  }
  assert.equal(readFileSync(`${host}/folder/sub/x`, 'utf8'), 'in the folder\n');
  assert.equal(readFileSync(`${host}/one.conf`, 'utf8'), 'one file\n');
  assert.deepEqual(await leftovers(app), []);
});

test('a stopped one comes back stopped, and can be started', async () => {
  const name = `${p}stopped`;
  await docker('create', '--name', name, '-v', '/v', 'busybox:local', 'sleep', '1000000');
  const first = await inspect(name);
  const { file } = await app.backup(name);
  await lose(name);
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  const now = await inspect(name);
  assert.equal(now.State.Status, 'created');
  assert.deepEqual(normal(now), normal(first));
  await docker('start', name);
});

test('a paused one comes back paused', async () => {
  const name = `${p}paused`;
  await docker('run', '-d', '--name', name, 'busybox:local', 'sleep', '1000000');
  await docker('pause', name);
  const { file } = await app.backup(name);
  await lose(name);
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  assert.equal((await inspect(name)).State.Paused, true);
});

test('containers that share, borrow, or left a network', async () => {
  const make = {
    peer: ['-d', '--ipc', 'shareable'], share: ['-d', '--network', `container:${p}peer`, '--pid', `container:${p}peer`, '--ipc', `container:${p}peer`],
    host: ['-d', '--network', 'host', '--uts', 'host', '--pid', 'host'],
  };
  const run = async (n, args) => docker('run', '--name', `${p}${n}`, ...args, 'busybox:local', 'sleep', '1000000');
  for (const [n, args] of Object.entries(make)) await run(n, args);
  await docker('create', '--name', `${p}priv`, '--privileged', '--read-only', '--network', 'none', '--security-opt', 'systempaths=unconfined', 'busybox:local', 'true');
  await docker('create', '--name', `${p}links`, '--link', `${p}peer:db`, 'busybox:local', 'sleep', '1000000');
  await docker('create', '--name', `${p}left`, '--network', `${p}a`, 'busybox:local', 'sleep', '1000000');
  await docker('network', 'disconnect', `${p}a`, `${p}left`);
  await docker('network', 'connect', '--alias', 'xx', `${p}b`, `${p}left`);
  await docker('create', '--name', `${p}entry`, '--entrypoint', '', `${p}img`, 'sh', '-c', 'sleep 1000');
  for (const n of ['share', 'host', 'priv', 'links', 'left', 'entry']) {
    const first = await inspect(`${p}${n}`);
    const { file } = await app.backup(`${p}${n}`);
    await lose(`${p}${n}`);
    const r = await app.restore(file);
    assert.equal(r.status, 200, `${n}: ${r.text}`);
    assert.deepEqual(normal(await inspect(`${p}${n}`)), normal(first), n);
    assert.equal(await running(`${p}${n}`), first.State.Running, n);
  }
});

test('another container of a shared network that was made again is found by its name', async () => {
  const { file: peer } = await app.backup(`${p}peer`);
  const { file } = await app.backup(`${p}share`);
  await lose(`${p}share`);
  await lose(`${p}peer`);
  const alone = await app.restore(file);
  assert.equal(alone.status, 422, alone.text);
  assert.equal(alone.json.findings.find((f) => f.level === 'block').code, 'REFERENCE_MISSING');
  assert.equal((await app.restore(peer)).status, 200);
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  assert.equal((await inspect(`${p}share`)).HostConfig.NetworkMode, `container:${(await inspect(`${p}peer`)).Id}`);
});

test('a volume that was empty is not filled from the image', async () => {
  const name = `${p}empty`;
  await docker('run', '-d', '--name', name, '-v', `${p}emptyvol:/imgvol`, `${p}img`, 'sh', '-c', 'rm -f /imgvol/*; chmod 2711 /imgvol; chown 5:6 /imgvol; exec sleep 1000000');
  await sleep(500);
  const was = await snapshot(`${p}emptyvol`);
  const { file } = await app.backup(name);
  await lose(name, { volumes: [`${p}emptyvol`] });
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  assert.equal(await snapshot(`${p}emptyvol`), was);
  assert.ok(existsSync(path.join(app.dataDir, 'backups', file)));
});
