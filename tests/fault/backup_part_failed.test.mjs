// SPDX-License-Identifier: GPL-3.0-or-later
// A backup of which one part failed is an error, never complete; nothing of it stays, and the page says which and why.
import { test, assert, docker, inspect, removeAll, after, before, startApp, sleep } from '../tools/harness.mjs';
import { clean, atStep } from './fault_rig.mjs';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';

const p = `cmpart${process.pid}-`;
const dir = mkdtempSync(path.join(tmpdir(), 'cm-part-'));
const isRoot = process.getuid() === 0;
const app = await startApp();

before(() => removeAll(p));
after(async () => {
  await removeAll(p);
  await docker('rmi', '-f', `${p}img`).catch(() => {});
  rmSync(dir, { recursive: true, force: true });
});

// The error, in the API, on the page of the job, in the audit log; and nothing is left.
async function failed(job, name, volume, said) {
  assert.equal(job.state, 'error', JSON.stringify(job));
  for (const re of [said].flat()) assert.match(job.error, re);
  const page = (await app.get(`/job/${job.id}`)).text.replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  for (const re of [said].flat()) assert.match(page, re);
  const [entry] = (await app.api('GET', `/api/audit-logs?operation_type=backup_manual&search=${name}`)).json.logs;
  assert.equal(entry.status, 'error');
  for (const re of [said].flat()) assert.match(entry.error_message, re);
  assert.deepEqual((await app.api('GET', '/api/backups')).json.backups.filter((b) => b.container_name === name), []);
  await clean(app, volume);
  assert.equal((await inspect(name)).State.Running, true);
  assert.equal((await inspect(name)).State.Paused, false);
}

test('a file that the disk does not give', { skip: !isRoot && 'needs root to mount' }, async (t) => {
  const image = path.join(dir, 'disk');
  const mount = path.join(dir, 'mount');
  try {
    execFileSync('sh', ['-c', `truncate -s 32M ${image} && mkfs.ext4 -q -O ^has_journal,^metadata_csum -E lazy_itable_init=0 ${image} && mkdir ${mount}`], { stdio: 'pipe' });
    execFileSync('mount', ['-o', 'loop', image, mount], { stdio: 'pipe' });
  } catch (e) {
    return t.skip(`no disk in a file here: ${e.stderr}`);
  }
  try {
    writeFileSync(`${mount}/fine`, 'fine');
    writeFileSync(`${mount}/broken`, randomBytes(8 << 20));
    execFileSync('umount', [mount]);
    execFileSync('mount', ['-o', 'loop,ro', image, mount]);
    // The blocks of the file lie at the end; the folders and the other file are read, so remembered, before.
    execFileSync('sh', ['-c', `ls -lR ${mount}; cat ${mount}/fine`]);
    await docker('run', '-d', '--name', `${p}disk`, '-v', `${mount}:/data:ro`, 'busybox:local', 'sleep', '1000000');
    truncateSync(image, 6 << 20);
    const job = await app.backup(`${p}disk`, {}, null);
    await failed(job, `${p}disk`, mount, [/The folder .*mount: broken: /, /Input\/output error/]);
  } finally {
    await docker('rm', '-f', `${p}disk`).catch(() => {});
    execFileSync('umount', ['-l', mount]);
  }
});

test('the helper is killed', async () => {
  await docker('run', '-d', '--name', `${p}kill`, '-v', `${p}killed:/data`, 'busybox:local', 'sh', '-c', 'head -c 400000000 /dev/urandom >/data/f; touch /data/done; exec sleep 1000000');
  for (let i = 0; !(await docker('exec', `${p}kill`, 'ls', '/data')).includes('done'); i++, await sleep(200)) assert.ok(i < 600);
  const r = await app.api('POST', `/api/backup/${p}kill?queue=true`, { consistency: 'pause' });
  await atStep(app, r.json.progress_id, 4);
  const helper = (await docker('ps', '-q', '--filter', 'label=container-monkey.helper', '--filter', `volume=${p}killed`)).split('\n')[0];
  await docker('kill', '-s', 'KILL', helper);
  const job = { ...await app.waitJob(r.json.progress_id), id: r.json.progress_id };
  await failed(job, `${p}kill`, `${p}killed`, [/helper container that reads the data was killed/, /back up again/]);
});

test('the helper runs out of memory', async (t) => {
  const r = await app.api('POST', `/api/backup/${p}kill?queue=true`, { consistency: 'pause' });
  await atStep(app, r.json.progress_id, 4);
  const helper = (await docker('ps', '-q', '--filter', 'label=container-monkey.helper', '--filter', `volume=${p}killed`)).split('\n')[0];
  const limited = await docker('update', '--memory', '6m', '--memory-swap', '6m', helper).then(() => true, (e) => e);
  const job = { ...await app.waitJob(r.json.progress_id), id: r.json.progress_id };
  if (limited !== true) return t.skip(`no memory limits here: ${limited.stderr}`);
  await failed(job, `${p}kill`, `${p}killed`, [/helper container that reads the data was killed/, /lack of memory/]);
});

test('the image cannot be saved', async () => {
  execFileSync('sh', ['-c', `cd ${dir} && head -c 3000000 /dev/urandom >big && printf 'FROM busybox:local\\nCOPY big /big\\nCMD ["sleep","1000000"]\\n' >Dockerfile && DOCKER_BUILDKIT=0 docker build -q -t ${p}img .`], { stdio: 'pipe' });
  await docker('run', '-d', '--name', `${p}im`, '-v', `${p}imvol:/v`, `${p}img`);
  const upper = (await inspect(`${p}img`)).GraphDriver.Data.UpperDir;
  execFileSync('mv', [`${upper}/big`, `${dir}/aside`]);
  try {
    const job = await app.backup(`${p}im`, { image: 'embed' }, null);
    await failed(job, `${p}im`, `${p}imvol`, [/image/]);
  } finally {
    execFileSync('mv', [`${dir}/aside`, `${upper}/big`]);
  }
  assert.equal((await app.backup(`${p}im`, { image: 'embed' })).state, 'complete');
});
