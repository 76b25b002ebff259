// SPDX-License-Identifier: GPL-3.0-or-later
// The container image: builds from the Dockerfile, stays small, and does the main job from inside a container.
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, assert, docker, dockerOk, inspect, freePort, sleep, fetchRaw, App, root, removeAll, after } from '../tools/harness.mjs';

const prefix = 'cmimage-';
const image = 'container-monkey:test';
const pass = 'Tests-need-a-Pass7!';
let app;
let base = 'debian:bookworm-slim';

// A machine behind a mirror with a certificate authority of its own: the build inside must trust it as the machine does.
async function trustedBase() {
  const folder = '/usr/local/share/ca-certificates';
  let names = [];
  try {
    names = readdirSync(folder).filter((n) => n.endsWith('.crt'));
  } catch { /* a machine without */ }
  if (names.length === 0) return base;
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-base-'));
  for (const n of names) cpSync(path.join(folder, n), path.join(dir, n));
  writeFileSync(path.join(dir, 'Dockerfile'), `FROM ${base}
COPY *.crt ${folder}/
RUN update-ca-certificates
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
`);
  await docker('build', '-t', 'container-monkey-base:test', dir);
  rmSync(dir, { recursive: true });
  return 'container-monkey-base:test';
}

after(async () => {
  await removeAll(prefix);
  await dockerOk('rmi', '-f', image);
});

test('the image builds and is under 100 MB over its base', async () => {
  base = await trustedBase();
  await docker('build', '--network', 'host', '--build-arg', `BASE=${base}`, '-t', image, root);
  const over = (await inspect(image)).Size - (await inspect(base)).Size;
  assert.ok(over < 100e6, `${(over / 1e6).toFixed(1)} MB over the base`);
});

test('it starts with socket and volume as compose.yaml says and answers', async () => {
  const port = await freePort();
  await docker('run', '-d', '--name', `${prefix}app`, '-p', `127.0.0.1:${port}:80`, '-v', '/var/run/docker.sock:/var/run/docker.sock',
    '-v', `${prefix}data:/backups`, '-e', `CM_ADMIN_PASSWORD=${pass}`, '-e', 'CM_LOGIN_LIMIT=0', image);
  app = new App(`http://127.0.0.1:${port}`);
  for (let i = 0; ; i++) {
    if (await fetchRaw(`${app.url}/healthz`).then((r) => r.status === 200, () => false)) break;
    assert.ok(i < 100, await docker('logs', `${prefix}app`));
    await sleep(100);
  }
  await app.login('admin', pass);
  const r = await app.api('GET', '/api/containers');
  assert.equal(r.status, 200);
  assert.equal(r.json.containers.find((c) => c.name === `${prefix}app`)?.is_self, true);
});

test('inside the container it backs up a container and restores it', async () => {
  await docker('run', '-d', '--name', `${prefix}web`, '-v', `${prefix}vol:/data`, 'busybox:local', 'sh', '-c',
    'echo precious > /data/file; exec sleep 1000000');
  await sleep(300);
  const done = await app.backup(`${prefix}web`);
  await docker('rm', '-f', `${prefix}web`);
  await docker('volume', 'rm', `${prefix}vol`);
  const r = await app.restore(done.file);
  assert.equal(r.status, 200, r.text);
  assert.equal(await docker('exec', `${prefix}web`, 'cat', '/data/file'), 'precious');
});

test('all but the first of its processes run without root, with a seccomp filter', async () => {
  const out = await docker('exec', `${prefix}app`, 'sh', '-c',
    'for p in /proc/[0-9]*; do [ -r $p/status ] && grep -E "^(Name|Pid|Uid|Seccomp):" $p/status | tr "\\n" " "; echo; done');
  const ours = out.split('\n').filter((l) => /container-monke/.test(l));
  const workers = ours.filter((l) => !/Pid:\s+1\s/.test(l));
  assert.ok(workers.length >= 2, out);
  for (const l of workers) {
    assert.doesNotMatch(l, /Uid:\s+0\s/, l);
    assert.match(l, /Seccomp:\s+2/, l);
  }
});

test('it backs up every container but itself', async () => {
  const r = await app.api('POST', `/api/backup/${prefix}app`);
  assert.ok(r.status >= 400 && r.status < 500, `${r.status} ${r.text}`);
});

test('it ends within ten seconds when asked', async () => {
  const begin = Date.now();
  await docker('stop', '-t', '20', `${prefix}app`);
  assert.ok(Date.now() - begin < 11000);
  assert.equal((await inspect(`${prefix}app`)).State.ExitCode, 0);
});
