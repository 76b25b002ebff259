// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by the restore tests: looking at volumes file by file, comparing containers, building images.
import { docker, engine, inspect, assert, sleep } from '../tools/harness.mjs';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

// Where the test itself can read a volume (or host folder); undefined when only a container can.
async function folderOf(volume) {
  if (process.getuid() !== 0) return undefined;
  if (volume.startsWith('/')) return volume;
  const v = await engine('GET', `/volumes/${volume}`).catch(() => null);
  const bound = v?.Options?.type === 'none' && /\bbind\b/.test(v.Options.o) ? v.Options.device : undefined;
  const folder = bound ?? (Object.keys(v?.Options ?? {}).length ? '' : v?.Mountpoint ?? '');
  return existsSync(folder) ? folder : undefined;
}

// Everything about every file of a volume (or host folder), one line each. inodes: whether it is the very same folder.
export async function snapshot(volume, { inodes = false } = {}) {
  const script = `find . -exec stat -c '%n %F %a %u %g %s %Y %h${inodes ? ' %i' : ''}' {} + | sed 's/ directory \\(.*\\) [0-9]* \\([0-9]* [0-9]*\\)/ directory \\1 \\2/' | sort; ` +
    'find . -type f -exec sha256sum {} + | sort; find . -type l -exec readlink {} + | sort';
  const folder = await folderOf(volume);
  if (folder) return (await run('sh', ['-c', script], { cwd: folder, maxBuffer: 64 << 20 })).stdout.replace(/\n$/, '');
  return docker('run', '--rm', '--network', 'none', '-v', `${volume}:/v:ro`, '-w', '/v', 'busybox:local', 'sh', '-c', script);
}

export async function lines(...args) {
  return (await docker(...args)).split('\n').filter(Boolean);
}

async function temporary(app) {
  const containers = (await lines('ps', '-a', '--format', '{{.Names}}')).filter((n) => /^cm-restore-|^cmres.*_replaced_/.test(n));
  const volumes = (await lines('volume', 'ls', '--format', '{{.Name}}')).filter((n) => /^cm-restore-/.test(n));
  const helpers = await lines('ps', '-a', '--filter', 'label=container-monkey.job', '--format', '{{.Label "container-monkey.job"}}');
  const jobs = helpers.length && app ? (await app.api('GET', '/api/jobs?limit=1000')).json.jobs.map((j) => j.id ?? j.job_id) : [];
  return [...containers, ...volumes, ...helpers.filter((h) => jobs.includes(h))];
}

const before = new Set(await temporary());

// What a restore must not leave behind: temporary containers and volumes, and helpers of this program's jobs. Restores
// of other programs on this machine have such things too; theirs go away.
export async function leftovers(app, seconds = 40) {
  let left = (await temporary(app)).filter((x) => !before.has(x));
  for (const end = Date.now() + seconds * 1000; left.length > 0 && Date.now() < end; await sleep(500)) {
    const now = await temporary(app);
    left = left.filter((x) => now.includes(x));
  }
  return left;
}

// An inspect object without what the engine generates.
export function normal(o) {
  const d = JSON.parse(JSON.stringify(o).replaceAll(o.Id, '<id>').replaceAll(o.Id.slice(0, 12), '<short>'));
  for (const k of ['Created', 'State', 'GraphDriver', 'RestartCount', 'LogPath', 'HostnamePath', 'HostsPath', 'ResolvConfPath',
    'SizeRw', 'SizeRootFs', 'ExecIDs']) delete d[k];
  const ns = d.NetworkSettings;
  for (const k of ['SandboxID', 'SandboxKey', 'EndpointID', 'IPAddress', 'GlobalIPv6Address', 'MacAddress', 'Gateway', 'IPPrefixLen',
    'GlobalIPv6PrefixLen', 'IPv6Gateway']) delete ns[k];
  for (const p of Object.keys(ns.Ports ?? {})) if (d.HostConfig.PortBindings?.[p]?.some((b) => b.HostPort === '')) delete ns.Ports[p];
  for (const n of Object.values(ns.Networks)) {
    for (const k of ['EndpointID', 'NetworkID', 'MacAddress', 'IPAddress', 'GlobalIPv6Address']) delete n[k];
    n.Aliases?.sort();
  }
  d.Mounts.sort((a, b) => (a.Destination < b.Destination ? -1 : 1));
  for (const m of d.Mounts) if (/^[0-9a-f]{64}$/.test(m.Name ?? '')) { m.Name = '<anonymous>'; m.Source = '<anonymous>'; }
  return d;
}

// The image of a Dockerfile.
export function build(tag, dockerfile) {
  return new Promise((resolve, reject) => {
    const p = spawn('docker', ['build', '-q', '-t', tag, '-'], { stdio: ['pipe', 'ignore', 'pipe'], env: { ...process.env, DOCKER_BUILDKIT: '0' } });
    let said = '';
    p.stderr.on('data', (c) => { said += c; });
    p.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`docker build: ${said}`))));
    p.stdin.end(`${dockerfile.trimEnd()}\nLABEL cmres.test=${process.pid}\n`);
  });
}

// Removes every image that this process built, under whatever name.
export async function removeImages() {
  for (const id of new Set(await lines('images', '-aq', '--filter', `label=cmres.test=${process.pid}`))) await docker('rmi', '-f', id).catch(() => {});
}

// Removes a container with its anonymous volumes; named ones and networks as given.
export async function lose(name, { volumes = [], networks = [], images = [] } = {}) {
  await docker('rm', '-f', '-v', name);
  for (const v of volumes) await docker('volume', 'rm', v);
  for (const n of networks) await docker('network', 'rm', n);
  for (const i of images) await docker('rmi', '-f', i);
}

export async function exists(kind, name) {
  return docker(kind, 'inspect', name).then(() => true, () => false);
}

export async function running(name) {
  return (await inspect(name)).State.Running;
}

export async function until(what, seconds, fn) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100)) if (await fn()) return;
  assert.fail(`waited ${seconds} s for ${what}`);
}
