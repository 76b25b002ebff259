// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of drills share.
import { assert, docker, inspect, sleep } from '../tools/harness.mjs';
import { snapshot, lines } from './restore_tools.mjs';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, cpSync, rmSync } from 'node:fs';
import path from 'node:path';

// Starts a drill and waits for its end.
export async function drill(app, file, options = {}, expected = 'complete') {
  const r = await app.api('POST', `/api/backup/${file}/drill`, options);
  assert.equal(r.status, 202, r.text);
  const job = await app.waitJob(r.json.job_id, 240);
  if (expected) assert.equal(job.state, expected, JSON.stringify(job));
  return job;
}

export async function row(app, file) {
  return (await app.api('GET', '/api/backups?limit=1000')).json.backups.find((b) => b.filename === file);
}

// Everything that drills make, by name and by label; only what this engine did not have before counts.
async function made() {
  const label = ['--filter', 'label=container-monkey.drill'];
  return [
    ...await lines('ps', '-aq', ...label), ...await lines('volume', 'ls', '-q', ...label), ...await lines('network', 'ls', '-q', ...label),
    ...(await lines('ps', '-a', '--format', '{{.Names}}')).filter((n) => /^cm-(drill|restore)-/.test(n)),
    ...(await lines('volume', 'ls', '-q')).filter((n) => /^cm-(drill|restore)-/.test(n)),
    ...(await lines('network', 'ls', '--format', '{{.Name}}')).filter((n) => /^cm-drill-/.test(n)),
  ];
}
const before = new Set(await made());

// What drills have left behind after some seconds.
export async function left(seconds = 30) {
  let now = (await made()).filter((x) => !before.has(x));
  for (const end = Date.now() + seconds * 1000; now.length > 0 && Date.now() < end; await sleep(300)) now = (await made()).filter((x) => !before.has(x));
  return now;
}

// All that must be the same after a drill: the container with its state, every file of its volumes and folders, all
// volumes, networks and images of the engine.
export async function world(name, places) {
  const c = await inspect(name);
  const files = {};
  for (const v of places) files[v] = await snapshot(v, { inodes: true });
  return {
    c: { id: c.Id, started: c.State.StartedAt, pid: c.State.Pid, mounts: [...c.Mounts].sort((a, b) => a.Destination.localeCompare(b.Destination)), networks: c.NetworkSettings.Networks, restarts: c.RestartCount },
    files,
    volumes: (await lines('volume', 'ls', '-q')).sort(),
    networks: (await lines('network', 'ls', '-q')).sort(),
    images: (await lines('images', '-a', '--no-trunc', '--format', '{{.ID}} {{.Repository}}:{{.Tag}}')).filter((l) => !l.includes('container-monkey-helper')).sort(),
  };
}

// An image with the machine's bash, the libraries it needs, and busybox, which needs none.
export async function dynamicImage(tag) {
  const dir = mkdtempSync('/tmp/cmdrill-image-');
  const libraries = [...execFileSync('ldd', ['/bin/bash'], { encoding: 'utf8' }).matchAll(/(\/\S+)/g)].map((m) => m[1]);
  for (const f of ['/bin/bash', ...libraries]) {
    mkdirSync(path.join(dir, path.dirname(f)), { recursive: true });
    cpSync(f, path.join(dir, f), { dereference: true });
  }
  const id = await docker('create', 'busybox:local');
  await docker('cp', `${id}:/bin/busybox`, `${dir}/bin/busybox`);
  await docker('rm', id);
  execFileSync('sh', ['-c', `tar -C ${dir} -c . | docker import -c 'ENV PATH=/bin' - ${tag}`]);
  rmSync(dir, { recursive: true, force: true });
  return libraries.find((l) => l.includes('libtinfo'));
}
