// SPDX-License-Identifier: GPL-3.0-or-later
// A backup that holds only the image's digest: restore pulls it again. Needs the program docker-registry (a Debian
// package), which runs on loopback for the test.
import { test, assert, docker, inspect, startApp, removeAll, after, before, freePort, fetchRaw } from '../tools/harness.mjs';
import { build, lose, exists, until, leftovers, removeImages } from './restore_tools.mjs';
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync, rmSync } from 'node:fs';

const p = `cmrespull${process.pid}-`;
const has = (() => { try { execFileSync('sh', ['-c', 'command -v docker-registry']); return true; } catch { return false; } })();
const skip = has ? false : 'docker-registry is not installed';
const app = has ? await startApp() : null;
const work = mkdtempSync('/tmp/cmrespull-');
let registry;
let ref;
let file;

async function serve(port) {
  writeFileSync(`${work}/config.yml`, `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${work}/data\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:${port}\n`);
  registry = spawn('docker-registry', ['serve', `${work}/config.yml`], { stdio: 'ignore' });
  await until('the registry', 10, () => fetchRaw(`http://127.0.0.1:${port}/v2/`).then(() => true, () => false));
}

before(async () => {
  if (!has) return;
  const port = await freePort();
  ref = `127.0.0.1:${port}/${p}app:1.0`;
  await serve(port);
  await build(ref, `FROM busybox:local\nRUN echo ${Date.now()} >/unique\n`);
  await docker('push', ref);
});
after(async () => {
  if (!has) return;
  registry.kill();
  await removeAll(p);
  await removeImages();
  rmSync(work, { recursive: true, force: true });
});

test('the image is pulled by its digest and named again', { skip }, async () => {
  const name = `${p}web`;
  await docker('run', '-d', '--name', name, ref, 'sleep', '1000000');
  const first = await inspect(name);
  ({ file } = await app.backup(name, { image: 'reference' }));
  await lose(name, { images: [first.Image] });
  assert.ok(!(await exists('image', first.Image)));
  const look = await app.api('POST', '/api/restore-backup?preflight=true', { filename: file });
  assert.ok(look.json.findings.some((f) => f.code === 'IMAGE_PULL' && f.level === 'warn'), look.text);
  const r = await app.restore(file);
  assert.equal(r.status, 200, r.text);
  const now = await inspect(name);
  assert.equal(now.Image, first.Image);
  assert.equal(now.Config.Image, ref);
  assert.equal(now.State.Running, true);
  await lose(name, { images: [first.Image] });
});

test('a registry that is gone: nothing is left, and the error says so', { skip }, async () => {
  registry.kill();
  await until('the registry to end', 10, async () => registry.exitCode !== null || registry.signalCode !== null);
  const r = await app.restore(file);
  assert.ok(r.status >= 400, r.text);
  assert.match(r.json.error, /could not be pulled/);
  assert.ok(!(await exists('container', `${p}web`)));
  assert.deepEqual(await leftovers(app), []);
});
