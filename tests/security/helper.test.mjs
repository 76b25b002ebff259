// SPDX-License-Identifier: GPL-3.0-or-later
// The helper containers of a backup and of a restore, looked at while they run: no network, a root file system that
// cannot be written, no new privileges, and exactly the capabilities that the README names.
import { spawn } from 'node:child_process';
import { test, assert, before, after, docker, removeAll, startApp } from '../tools/harness.mjs';

const prefix = 'cmsechelper';
const app = await startApp();
before(() => docker('run', '-d', '--name', `${prefix}-box`, '-v', `${prefix}-data:/data`,
  '-v', `${prefix}-more:/more`, '-v', `${prefix}-last:/last`, 'busybox:local', 'sh', '-c',
  'dd if=/dev/zero of=/data/zeros bs=1M count=64 2>/dev/null; for i in $(seq 2000); do echo $i >/data/f$i; done; touch /data/ready; exec sleep 100000'));
after(() => removeAll(prefix));

// Every helper that was started while the work ran, as inspect says at its start and the kernel while it lives.
async function watch(work) {
  const seen = [];
  const events = spawn('docker', ['events', '--filter', 'type=container', '--filter', 'event=create', '--format', '{{.ID}}']);
  events.stdout.on('data', (c) => {
    for (const id of String(c).trim().split('\n'))
      seen.push(docker('inspect', id).then((t) => JSON.parse(t)[0], () => null));
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const result = await work();
  events.kill();
  const helpers = (await Promise.all(seen)).filter((c) => c && c.Config.Labels['container-monkey.helper'] === '1');
  return { result, helpers };
}

const reader = ['DAC_READ_SEARCH', 'SYS_ADMIN'];
const writer = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'LINUX_IMMUTABLE', 'MKNOD', 'SETFCAP', 'SYS_ADMIN'];
const plain = (caps) => (caps ?? []).map((c) => c.replace(/^CAP_/, '')).sort();
function contained(c, allowed) {
  const h = c.HostConfig;
  assert.equal(h.NetworkMode, 'none');
  assert.equal(h.ReadonlyRootfs, true);
  assert.equal(h.Privileged, false);
  assert.equal(h.IpcMode, 'none');
  assert.notEqual(h.PidMode, 'host');
  assert.ok(h.SecurityOpt.includes('no-new-privileges'));
  assert.ok(!h.SecurityOpt.some((o) => /seccomp=unconfined|apparmor=unconfined/.test(o)));
  assert.deepEqual(plain(h.CapDrop), ['ALL']);
  assert.ok(allowed.some((list) => list.join() === plain(h.CapAdd).join()), `${plain(h.CapAdd)} is not what the README says`);
  assert.ok(h.PidsLimit > 0 && h.PidsLimit <= 64 && h.Memory > 0 && h.Memory <= 512 << 20 && h.MemorySwap === h.Memory, `${h.PidsLimit} ${h.Memory}`);
  assert.equal(h.RestartPolicy.Name, 'no');
  assert.deepEqual(h.Devices ?? [], []);
  assert.deepEqual(h.PortBindings ?? {}, {});
  for (const m of c.Mounts) assert.doesNotMatch(m.Source, /docker\.sock$/, 'the engine is out of its reach');
}

test('of a backup: reads, and can write to nothing of the container', async () => {
  while (!(await docker('exec', `${prefix}-box`, 'ls', '/data')).includes('ready')) await new Promise((r) => setTimeout(r, 50));
  const { result, helpers } = await watch(() => app.backup(`${prefix}-box`));
  assert.ok(helpers.length >= 1, 'a helper was seen');
  for (const c of helpers) {
    contained(c, [reader]);
    for (const m of c.Mounts.filter((x) => !x.Source.startsWith(app.dataDir))) assert.equal(m.RW, false, JSON.stringify(m));
  }
  app.lastBackup = result.file;
});

test('of a restore: what writing files with every attribute needs, and nothing else', async () => {
  await docker('rm', '-f', `${prefix}-box`);
  await docker('volume', 'rm', ...['data', 'more', 'last'].map((v) => `${prefix}-${v}`));
  const { result, helpers } = await watch(() => app.restore(app.lastBackup));
  assert.equal(result.status, 200, result.text);
  assert.ok(helpers.length >= 1, 'a helper was seen');
  for (const c of helpers) contained(c, [reader, writer]);
  // One writes all volumes, and has nothing else of the host.
  const writers = helpers.filter((c) => c.Mounts.some((m) => m.RW && m.Name?.startsWith(prefix)));
  assert.equal(writers.length, 1, JSON.stringify(writers.map((c) => c.Mounts)));
  assert.deepEqual(writers[0].Mounts.filter((m) => m.Destination !== '/shared').map((m) => m.Name).sort(), ['data', 'last', 'more'].map((v) => `${prefix}-${v}`));
});

test('none is left', async () => {
  assert.equal(await docker('ps', '-aq', '--filter', 'label=container-monkey.helper=1'), '');
});
