// SPDX-License-Identifier: GPL-3.0-or-later
// Pages under load: the vault over 10,000 backups, the list of 50 containers on one core, both while a backup runs.
import { docker, processTree, startApp } from '../tools/harness.mjs';
import { execFile } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { atEnd, backup, container, dataVolume, freshVolume, imageWithDigest, prefix, row, sh, theApp, timed, work } from './lib.mjs';

const seconds = Number(process.env.BENCH_SECONDS || 8);
const run = promisify(execFile);
const MS = { us: 0.001, ms: 1, s: 1000 };

// Processor time of the program, in ms.
function cpuMs(app) {
  return processTree(app.process.pid).reduce((n, p) => {
    const f = readFileSync(`/proc/${p}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return n + (Number(f[11]) + Number(f[12])) * 10;
  }, 0);
}

// Requests a second and the time that 99 of 100 took at most, in ms. The load comes from one thread on core 1.
async function load(app, where, connections) {
  const before = cpuMs(app);
  const { stdout } = await run('taskset', ['-c', '1', 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-H', `cookie: ${app.cookie}`, app.url + where]);
  if (/Non-2xx/.test(stdout)) throw new Error(`${where}: ${stdout}`);
  const p99 = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout);
  const served = Number(/(\d+) requests in/.exec(stdout)[1]);
  console.error(`# ${where}: ${((cpuMs(app) - before) / served).toFixed(2)} ms of processor time each`);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]), p99: Number(p99[1]) * MS[p99[2]] };
}

// One real backup under 10,000 names: what the vault holds after some years.
async function bigVault(count) {
  const dataDir = path.join(work, 'vault');
  mkdirSync(dataDir);
  const app = await startApp({ dataDir });
  atEnd(() => app.stop());
  await freshVolume(`${prefix}v`);
  const { file } = await backup(app, await container('vault', { [`${prefix}v`]: '/data' }));
  const dir = path.join(dataDir, 'backups'), companion = JSON.parse(readFileSync(`${dir}/${file}.json`, 'utf8'));
  for (let i = 1; i < count; i++) {
    const when = new Date(Date.UTC(2024, 0, 1) + i * 3600e3), stamp = when.toISOString().replace(/[-:]|\.\d+Z/g, '').replace('T', '_');
    const name = `box${i % 50}_${stamp}-${i.toString(16).padStart(6, '0')}.tar.gz`;
    linkSync(`${dir}/${file}`, `${dir}/${name}`);
    writeFileSync(`${dir}/${name}.json`, JSON.stringify({ ...companion, filename: name, container: { ...companion.container, name: `box${i % 50}` }, created_at: when.toISOString() }));
  }
  await sh(`chown -R --reference=${dir} ${dir}`);
  return app;
}

export default async function web() {
  const count = Number(process.env.BENCH_BACKUPS || 10000), app = await bigVault(count);
  const rebuilt = await timed(async () => {
    const r = await app.api('POST', '/api/backups/refresh');
    if (r.status !== 200 || r.json.added !== count - 1) throw new Error(`refresh: ${r.status} ${r.text}`);
  });
  row(`catalog rebuilt from ${count} companions`, 's', rebuilt / 1000, undefined, { max: 5 });
  // An answer without any work: what is slow here is slow because of others on this machine.
  console.error(`# an answer without work, p99: ${(await load(app, '/healthz', 2)).p99.toFixed(1)} ms`);
  row(`vault page over ${count} backups, p99`, 'ms', (await load(app, '/vault', 2)).p99, undefined, { max: 30 });
  await app.stop();

  const many = await theApp(), { name: volume } = await dataVolume();
  for (let i = 0; i < 50; i++) await docker('run', '-d', '--name', `${prefix}c-page${i}`, '--label', `com.docker.compose.project=p${i % 5}`, await imageWithDigest(), 'sleep', '1000000');
  const big = await container('data', { [volume]: '/data' });
  const pin = (cores) => Promise.all(processTree(many.process.pid).map((p) => run('taskset', ['-acp', cores, String(p)]).catch(() => {})));
  await load(many, '/containers', 1);
  await pin('0');
  row('containers page (50 containers) on one core, requests a second', '/s', (await load(many, '/containers', 8)).rate, undefined, { min: 500 });
  await pin('0-1');
  const job = backup(many, big);
  const busy = await load(many, '/containers', 2);
  await job;
  row('the same while a backup runs, p99', 'ms', busy.p99, undefined, { max: 100 });
}
