// SPDX-License-Identifier: GPL-3.0-or-later
// What is read changes under the reader: a file is truncated, grows or is replaced, a volume is removed. A backup never
// says nothing about it, and what it saved can be verified. The helper is made to stand still with the file open.
import { test, assert, docker, removeAll, before, after } from '../tools/harness.mjs';
import { Program, container, containers, exists, volumeDir } from './rig.mjs';
import { slowEngine } from './slow_engine.mjs';
import { randomBytes, createHash } from 'node:crypto';
import { appendFileSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';

const p = `cmfaultg${process.pid}-`;
const name = `${p}web`;
const program = new Program();
const slow = await slowEngine();
const content = randomBytes(48 << 20);
const md5 = (b) => createHash('md5').update(b).digest('hex');
let dir;

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', name, '-v', `${p}data:/data`, 'busybox:local', 'sleep', '1000000');
  dir = await volumeDir(`${p}data`);
});
after(() => removeAll(p));

// The helper's process, when it has the file open.
async function reader(job) {
  for (;;) {
    const c = (await containers()).find((x) => x.Labels['container-monkey.helper'] && x.Mounts.some((m) => m.Name === `${p}data`));
    const pid = c && (await container(c.Id))?.State.Pid;
    for (let i = 0; pid && i < 100; i++) {
      try {
        const fds = `/proc/${pid}/fd`;
        if (readdirSync(fds).some((fd) => readlinkSync(`${fds}/${fd}`).endsWith('/large'))) return pid;
      } catch { /* closed or ended meanwhile */ }
    }
    assert.notEqual(await program.state(job), 'complete', 'it was never seen with the file open');
  }
}

async function readWhile(change) {
  writeFileSync(`${dir}/large`, content);
  await program.start();
  const job = await program.backup(name);
  const pid = await reader(job);
  process.kill(pid, 'SIGSTOP');
  change();
  process.kill(pid, 'SIGCONT');
  await program.settled('it changed', { [job]: ['complete'] });
  const file = (await program.app.api('GET', `/api/backup-progress/${job}`)).json.backup_filename;
  const r = await program.app.download(`/api/backup/${file}/file?download=1&path=${encodeURIComponent(`volumes/${p}data/large`)}`);
  assert.equal(r.status, 200);
  return { saved: r.buffer, warnings: JSON.stringify((await program.job(job)).warnings) };
}

const said = /large.*changed while it was read/;

test('a file is truncated: what was read and zeros, with a warning', async () => {
  const { saved, warnings } = await readWhile(() => truncateSync(`${dir}/large`, 1000));
  assert.match(warnings, said);
  assert.equal(saved.length, content.length);
  assert.ok(saved.subarray(0, 1000).equals(content.subarray(0, 1000)));
  assert.ok(saved.subarray(-1000).equals(Buffer.alloc(1000)));
});

test('a file grows: its former size, with a warning', async () => {
  const { saved, warnings } = await readWhile(() => appendFileSync(`${dir}/large`, 'more'));
  assert.match(warnings, said);
  assert.equal(md5(saved), md5(content));
});

test('a file is replaced by another: all of the former one', async () => {
  const { saved } = await readWhile(() => {
    writeFileSync(`${dir}/new`, 'another');
    renameSync(`${dir}/new`, `${dir}/large`);
  });
  assert.equal(md5(saved), md5(content));
});

test('the folder of a volume is deleted on the host: never a complete backup without a word', async () => {
  for (let i = 0; i < 500; i++) writeFileSync(`${dir}/small${i}`, String(i));
  const { warnings } = await readWhile(() => rmSync(dir, { recursive: true }));
  assert.match(warnings, /changed while it was read|vanished/);
  await docker('rm', '-f', name);
  await docker('volume', 'rm', `${p}data`);
});

test('container and volume are removed before they are mounted: the backup says so and does not make them anew', async () => {
  await docker('run', '-d', '--name', name, '-v', `${p}gone:/data`, 'busybox:local', 'sleep', '1000000');
  await program.start(null, { env: { DOCKER_HOST: slow.host } });
  const came = slow.hold(/^POST \S*\/containers\/create\?name=cm-helper-/);
  const job = await program.backup(name);
  await came;
  await docker('rm', '-f', name);
  await docker('volume', 'rm', `${p}gone`);
  slow.release();
  await program.settled('its volume is gone', { [job]: ['error'] });
  assert.match((await program.job(job)).error, new RegExp(`${name} was deleted`));
  assert.equal(await exists('volumes', `${p}gone`), false);
});

test('a volume that is read cannot be removed, and can be afterwards', async () => {
  await docker('run', '-d', '--name', name, '-v', `${p}data:/data`, 'busybox:local', 'sleep', '1000000');
  dir = await volumeDir(`${p}data`);
  writeFileSync(`${dir}/large`, content);
  await program.start();
  const job = await program.backup(name);
  const pid = await reader(job);
  process.kill(pid, 'SIGSTOP');
  await docker('rm', '-f', name);
  await assert.rejects(docker('volume', 'rm', `${p}data`), /in use/);
  process.kill(pid, 'SIGCONT');
  await program.settled('its container is gone', { [job]: ['complete', 'error'] });
  assert.equal(md5(readFileSync(`${dir}/large`)), md5(content));
  await docker('volume', 'rm', `${p}data`);
});
