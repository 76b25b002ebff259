// SPDX-License-Identifier: GPL-3.0-or-later
// What the groups of the bench stand on: rounds, medians, the table, and the data that is measured with.
import { docker, startApp, removeAll, freePort, fetchRaw, sleep, pss } from '../tools/harness.mjs';
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const prefix = 'cmbench-';
export const rounds = Number(process.env.BENCH_ROUNDS || 5);
export const work = mkdtempSync(path.join(process.env.CM_TEST_TMP || tmpdir(), 'cm-bench-'));
chmodSync(work, 0o755); // the program's workers run without root
export const rows = [];
const closers = [() => rmSync(work, { recursive: true, force: true })];
export const atEnd = (fn) => closers.unshift(fn);
export async function finish() {
  for (const fn of closers) await fn();
}

// Runs a shell script; a pipe fails when any of its commands does.
export async function sh(script) {
  const { stdout } = await run('bash', ['-c', `set -euo pipefail; ${script}`], { maxBuffer: 1 << 26 });
  return stdout.trim();
}
export async function timed(fn) {
  const began = process.hrtime.bigint();
  await fn();
  return Number(process.hrtime.bigint() - began) / 1e6;
}
export const timedSh = (script) => timed(() => sh(script));

export function median(list) {
  const s = [...list].sort((a, b) => a - b);
  return s.length % 2 ? s[(s.length - 1) / 2] : (s[s.length / 2 - 1] + s[s.length / 2]) / 2;
}

// Runs the contenders in turn, so that a slow minute hits all of them; each gives milliseconds. What the one before
// left dirty in the page cache is written out first, untimed.
export async function interleave(contenders, n = rounds) {
  const all = Object.fromEntries(Object.keys(contenders).map((k) => [k, []]));
  for (let i = 0; i < n; i++) {
    for (const [name, fn] of Object.entries(contenders)) {
      await sh('sync');
      all[name].push(await fn());
      console.error(`# round ${i + 1} of ${n}: ${name} ${(all[name].at(-1) / 1000).toFixed(2)} s`);
    }
  }
  return Object.fromEntries(Object.entries(all).map(([k, v]) => [k, median(v)]));
}

// One line of the table. value and reference are numbers of one unit; what counts is said by bar:
//   { most: 1.05 }  value / reference at most that        { least: 10 }  reference / value at least that
//   { max: 500 }    value itself at most that          { min: 500 }    value itself at least that
export function row(what, unit, value, reference, bar) {
  const ratio = bar.least ? reference / value : bar.most ? value / reference : undefined;
  const ok = bar.least ? ratio >= bar.least : bar.most ? ratio <= bar.most : bar.min ? value >= bar.min : value <= bar.max;
  rows.push({ what, unit, value, reference, bar, ratio, ok });
  console.error(`# ${line(rows.at(-1))}`);
}
const number = (v, unit) => (v === undefined ? '' : `${unit === 's' || unit === 'MB' ? v.toFixed(v < 10 ? 2 : 1) : Math.round(v)} ${unit}`);
const barText = (b) => (b.least ? `at least ${b.least}x faster` : b.most ? `at most ${b.most}x` : b.min ? `at least ${b.min}` : `at most ${b.max}`);
const ratioText = (r) => (r.bar.least ? `${r.ratio.toFixed(1)}x faster` : r.bar.most ? `${r.ratio.toFixed(2)}x` : '');
const line = (r) => `| ${r.what} | ${number(r.value, r.unit)} | ${number(r.reference, r.unit)} | ${ratioText(r)} | ${barText(r.bar)} | ${r.ok ? 'met' : 'MISSED'} |`;
export function table(list) {
  return ['| What | Here | Compared with | Ratio | Bar | |', '|---|---|---|---|---|---|', ...list.map(line)].join('\n');
}

// The image of all measured containers, one of their own. It has a digest, so that a backup can keep a reference to it: for that it was
// pushed to a registry on loopback, which is gone again.
let image;
export async function imageWithDigest() {
  if (image) return image;
  const port = await freePort();
  const ref = `127.0.0.1:${port}/${prefix}box:1`;
  writeFileSync(`${work}/registry.yml`, `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${work}/registry\nhttp:\n  addr: 127.0.0.1:${port}\n`);
  const registry = spawn('docker-registry', ['serve', `${work}/registry.yml`], { stdio: 'ignore' });
  try {
    for (let i = 0; i < 200; i++) {
      if (await fetchRaw(`http://127.0.0.1:${port}/v2/`).then(() => true, () => false)) break;
      await sleep(50);
    }
    await sh(`printf 'FROM busybox:local\\nLABEL bench=${process.pid}\\n' | DOCKER_BUILDKIT=0 docker build -q -t ${ref} -`);
    await docker('push', '-q', ref);
  } finally {
    registry.kill();
  }
  atEnd(() => docker('rmi', '-f', ref).catch(() => {}));
  image = ref;
  return ref;
}

export async function freshVolume(name) {
  await docker('volume', 'rm', '-f', name);
  await docker('volume', 'create', name);
  return docker('volume', 'inspect', '-f', '{{.Mountpoint}}', name);
}

// A volume of about 1.5 GB in 36,000 files: every n-th file of /usr, those left out that would make it larger.
export async function dataVolume(files = Number(process.env.BENCH_FILES || 36000)) {
  const name = `${prefix}data${files}`;
  const there = await docker('volume', 'inspect', '-f', '{{.Mountpoint}}', name).catch(() => '');
  if (there && existsSync(path.join(there, 'complete'))) return { name, dir: there };
  const dir = await freshVolume(name);
  await chooseFiles(files, files * 41700, `${work}/list`);
  await sh(`cd /usr && tar -c --null --no-recursion -T ${work}/list | tar -x -C ${dir}; touch ${dir}/complete`);
  if (!process.env.BENCH_KEEP) atEnd(() => docker('volume', 'rm', '-f', name));
  return { name, dir };
}
async function chooseFiles(count, bytes, to) {
  const all = (await run('find', ['.', '-xdev', '-type', 'f', '-printf', '%s %p\\0'], { cwd: '/usr', maxBuffer: 1 << 28, encoding: 'latin1' }))
    .stdout.split('\0').filter(Boolean).map((l) => ({ size: Number(l.slice(0, l.indexOf(' '))), name: l.slice(l.indexOf(' ') + 1) }));
  all.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (let limit = 64 << 20; ; limit *= 0.9) {
    const small = all.filter((f) => f.size <= limit);
    const step = Math.max(1, small.length / count);
    const chosen = [];
    for (let i = 0; i < small.length && chosen.length < count; i += step) chosen.push(small[Math.floor(i)]);
    if (limit > 1024 && chosen.reduce((n, f) => n + f.size, 0) > bytes) continue;
    return writeFileSync(to, Buffer.from(chosen.map((f) => `${f.name}\0`).join(''), 'latin1'));
  }
}

// The program, with its vault on the disk that the references write to as well.
let started;
export async function theApp() {
  if (started) return started;
  const dataDir = path.join(work, 'program');
  mkdirSync(dataDir);
  started = await startApp({ dataDir });
  atEnd(() => started.stop());
  atEnd(() => removeAll(`${prefix}c-`));
  return started;
}

// A container that mounts these volumes ({volume: folder}); it is made, and started when asked to.
export async function container(name, volumes, { start = false, image: of } = {}) {
  const full = `${prefix}c-${name}`;
  await docker('rm', '-f', full).catch(() => {});
  // Before its volumes, which were there before it.
  atEnd(() => docker('rm', '-f', full).catch(() => {}));
  const mounts = Object.entries(volumes).flatMap(([v, at]) => ['-v', `${v}:${at}`]);
  await docker('create', '--name', full, ...mounts, of ?? await imageWithDigest(), 'sleep', '1000000');
  if (start) await docker('start', full);
  return full;
}

// Enqueues, waits for the end, gives the job.
export async function backup(app, name, options = {}) {
  const r = await app.api('POST', `/api/backup/${name}?queue=true`, { image: 'reference', ...options });
  if (r.status >= 300) throw new Error(`backup of ${name}: ${r.status} ${r.text}`);
  return waitJob(app, r.json.progress_id);
}
// The longer it takes the rarer it asks: that takes time from what is measured.
export async function waitJob(app, id) {
  for (const began = Date.now(); ;) {
    const r = await app.api('GET', `/api/jobs/${id}`);
    const job = r.json.job ?? r.json;
    if (job.state === 'complete') return { ...job, file: job.result?.filename };
    if (['error', 'cancelled', 'interrupted'].includes(job.state)) throw new Error(`job ${id}: ${r.text}`);
    await sleep(Math.min(100, 8 + (Date.now() - began) / 40));
  }
}
export const vaultFile = (app, file) => path.join(app.dataDir, 'backups', file);
export const forget = (app, file) => app.api('DELETE', `/api/backup/${encodeURIComponent(file)}`);
export const sizeOf = (file) => statSync(file).size;

// The most that program and helpers had together while fn ran, in MB (PSS), and the most that lay in the program's
// temporary folder, in bytes.
export async function peak(app, fn) {
  let most = 0, tmp = 0, over = false, helpers = [], asked = 0;
  const job = fn().finally(() => { over = true; });
  while (!over) {
    if (Date.now() - asked > 500) {
      asked = Date.now();
      helpers = await helperPids();
      tmp = Math.max(tmp, filesIn(path.join(app.dataDir, 'tmp')));
    }
    most = Math.max(most, pss(app.process.pid) + helpers.reduce((n, pid) => n + pss(pid), 0));
    await sleep(50);
  }
  return { mb: most / 1024, tmp, result: await job };
}
async function helperPids() {
  const ids = (await docker('ps', '-q', '--filter', 'label=container-monkey.helper')).split('\n').filter(Boolean);
  return (await Promise.all(ids.map((id) => docker('inspect', '-f', '{{.State.Pid}}', id).catch(() => '0')))).map(Number).filter((p) => p > 0);
}
function filesIn(dir) {
  try {
    return readdirSync(dir, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
      .reduce((n, e) => n + statSync(path.join(e.parentPath ?? e.path, e.name)).size, 0);
  } catch {
    return 0;
  }
}
