// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics of real containers, collected in the background; a page that comes at once, also while the engine hangs;
// and what 200 containers cost the program.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, assert, docker, startApp, removeAll, after, before, sleep, processTree } from '../tools/harness.mjs';

const p = 'cmstat-';
const dir = mkdtempSync(path.join(tmpdir(), 'cm-statistics-'));
chmodSync(dir, 0o755);
const listen = (server, name) => new Promise((resolve) => {
  const at = path.join(dir, name);
  server.listen(at, () => {
    chmodSync(at, 0o666);
    resolve(`unix://${at}`);
  });
});

// Between the program and the engine: passes everything on until it hangs.
let hangs = false;
const halves = new Set();
const between = createServer((client) => {
  const engine = connect((process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, ''));
  for (const [a, b] of [[client, engine], [engine, client]]) {
    halves.add(a);
    a.on('data', (d) => hangs || b.write(d));
    a.on('close', () => { halves.delete(a); b.destroy(); });
    a.on('error', () => b.destroy());
  }
});
const app = await startApp({ env: { DOCKER_HOST: await listen(between, 'between.sock') } });
const list = async (query = '') => (await app.api('GET', `/api/statistics${query}`)).json;
const one = async (name) => (await list()).containers.find((c) => c.name === p + name);
async function until(what, fn, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100)) {
    const got = await fn();
    if (got) return got;
  }
  return assert.fail(`not in ${seconds} s: ${what}`);
}

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', `${p}busy`, '--memory', '64m', '--pids-limit', '50', '--label', 'com.docker.compose.project=cmstat', 'busybox:local',
    'sh', '-c', 'head -c 3000000 /dev/zero >/f; while :; do :; done');
  await docker('run', '-d', '--name', `${p}host`, '--network', 'host', 'busybox:local', 'sleep', '100000');
  await docker('create', '--name', `${p}never`, 'busybox:local', 'true');
});
after(async () => {
  hangs = false;
  await removeAll(p);
  for (const s of halves) s.destroy();
  between.close();
  rmSync(dir, { recursive: true, force: true });
});

test('each container is measured: processors, memory and its limit, network, disk', async () => {
  const busy = await until('a rate of the processors', async () => {
    const c = await one('busy');
    return c?.cpu_percent > 3 && c; // how much it gets depends on the rest of the machine
  });
  assert.equal(busy.status, 'running');
  assert.match(busy.id, /^[0-9a-f]{12}$/);
  assert.equal(busy.memory_limit, 64 << 20);
  assert.equal(busy.memory_total_mb, 64);
  assert.equal(busy.is_limited, true);
  assert.ok(busy.memory > 0 && busy.memory < 64 << 20, `memory ${busy.memory}`);
  assert.ok(Math.abs(busy.memory_percent - busy.memory / (64 << 20) * 100) < 0.02);
  assert.ok(busy.pids >= 1);
  assert.match(busy.network_io, /^[\d.]+[KM]?B \/ [\d.]+[KM]?B$/);
  assert.match(busy.block_io, /^[\d.]+[KM]?B \/ [\d.]+[KM]?B$/);
  assert.equal(busy.stack, 'cmstat');
  const host = await one('host');
  assert.equal(host.network_in, null);
  assert.equal(host.is_limited, false);
  const never = await one('never');
  assert.equal(never.status, 'stopped');
  assert.equal(never.cpu_percent, null);
});

test('the list is searched, filtered and sorted; a wrong wish is refused', async () => {
  const names = async (query) => (await list(query)).containers.map((c) => c.name).filter((n) => n.startsWith(p));
  assert.deepEqual(await names('?state=stopped'), [`${p}never`]);
  assert.deepEqual(await names('?sort=-cpu&state=running'), [`${p}busy`, `${p}host`]);
  assert.deepEqual(await names('?sort=name'), [`${p}busy`, `${p}host`, `${p}never`]);
  assert.deepEqual(await names('?q=cmstat-HO'), [`${p}host`]);
  assert.equal((await list('?limit=1')).containers.length, 1);
  for (const bad of ['?sort=price', '?state=happy', '?limit=0']) assert.equal((await app.api('GET', `/api/statistics${bad}`)).status, 400, bad);
});

test('the history of one container, an hour and a day; of an unknown one there is none', async () => {
  const hour = (await app.api('GET', `/api/container/${p}busy/statistics`)).json;
  assert.equal(hour.step_seconds, 5);
  assert.equal(hour.cpu_percent.length, 720);
  assert.ok(hour.cpu_percent.at(-1) > 0 || hour.cpu_percent.at(-2) > 0);
  assert.equal(hour.cpu_percent[0], null);
  const day = (await app.api('GET', `/api/container/${p}busy/statistics?span=day`)).json;
  assert.equal(day.step_seconds, 120);
  assert.ok(day.memory.at(-1) > 0);
  assert.equal((await app.api('GET', `/api/container/${p}busy/statistics?span=year`)).status, 400);
  const gone = await app.api('GET', '/api/container/cmstat-nobody/statistics');
  assert.equal(gone.status, 404);
  assert.equal(gone.json.code, 'NOT_FOUND');
});

test('a refresh measures at once, the disks too', async () => {
  await until('the disks measured', async () => (await list()).age.disk_at, 30);
  const at = async () => { const l = await list(); return [l.cache_at, l.age.disk_at]; };
  const [round, disk] = await at();
  const r = await until('a refresh that begins', async () => {
    const answer = await app.api('POST', '/api/statistics/refresh', {});
    assert.ok([200, 409].includes(answer.status), answer.text);
    assert.equal(answer.json.success, answer.status === 200);
    return answer.status === 200 && answer;
  });
  assert.equal(r.json.message, 'Stats refresh started in background');
  await until('new values', async () => { const [a, b] = await at(); return a !== round && b !== disk; }, 5);
  const busy = await one('busy');
  assert.ok(busy.disk_size_bytes >= 3000000, `disk ${busy.disk_size_bytes}`);
  assert.ok((await list()).totals.images_disk_bytes > 1000000);
  const form = await app.post('/statistics/refresh');
  assert.equal(form.status, 303);
  assert.equal(form.headers.location, '/statistics');
});

test('the page draws the last hour on the server, and comes from memory', async () => {
  const r = await app.get('/statistics?state=all');
  assert.equal(r.status, 200);
  assert.match(r.text, new RegExp(`>${p}busy<`));
  assert.match(r.text, /<svg class="spark"[^>]*><path class="area" d="M\d+ 24V[^"]*Z"><\/path><path class="line" d="M/);
  assert.match(r.text, /<noscript><meta http-equiv="refresh" content="10">/);
  const times = [];
  for (let i = 0; i < 15; i++) {
    const begin = performance.now();
    await app.get('/statistics?state=all');
    times.push(performance.now() - begin);
  }
  assert.ok(times.sort((a, b) => a - b)[7] < 50, `median of the page: ${times[7]} ms`);
});

test('an engine that hangs leaves the last values, with their age and the reason', async () => {
  hangs = true;
  const begin = Date.now();
  const held = await until('the reason', async () => {
    const l = await list();
    return l.age.error && l;
  }, 40);
  assert.equal(held.age.is_failed, true);
  assert.match(held.age.error, /did not answer|not answered/);
  assert.ok(Date.parse(held.cache_at) <= begin + 1000);
  assert.ok((await one('busy')).memory > 0);
  const page = performance.now();
  const r = await app.get('/statistics');
  assert.ok(performance.now() - page < 3000);
  assert.match(r.text, /Not measured since/);
  assert.match(r.text, new RegExp(`>${p}busy<`));
  hangs = false;
  for (const s of halves) s.destroy();
  await until('new values again', async () => !(await list()).age.is_failed, 30);
});

test('200 containers cost less than a second of processor time a minute', async () => {
  const sample = (n) => JSON.stringify({
    read: new Date().toISOString(), pids_stats: { current: 5 }, blkio_stats: { io_service_bytes_recursive: [{ op: 'Read', value: n }, { op: 'Write', value: n }] },
    cpu_stats: { cpu_usage: { total_usage: n * 1e6, percpu_usage: Array(16).fill(n) }, system_cpu_usage: n * 1e9, online_cpus: 16 }, precpu_stats: { cpu_usage: {} },
    memory_stats: { usage: 1e8, limit: 8e9, stats: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`total_counter_${i}`, i * 12345])) },
    networks: { eth0: { rx_bytes: n, tx_bytes: n } },
  });
  const many = JSON.stringify(Array.from({ length: 200 }, (_, i) => ({
    Id: i.toString(16).padStart(64, '0'), Names: [`/c${i}`], Image: 'x', State: 'running', Status: 'Up', Labels: { a: 'b', 'com.docker.compose.project': 'x' },
    NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.9', Gateway: '172.17.0.1' } } }, Mounts: [], Ports: [{ PrivatePort: 80, PublicPort: 80 + i, Type: 'tcp' }],
  })));
  let asked = 0;
  const crowd = createHttp((req, res) => {
    const url = req.url.replace(/^\/v1\.\d+/, '');
    res.setHeader('content-type', 'application/json');
    if (url === '/_ping') return res.setHeader('api-version', '1.41').end('OK');
    if (url.startsWith('/containers/json')) return res.end(many);
    if (url.includes('/stats?')) return res.end(sample(++asked));
    return res.end('{"MemTotal":16000000000}');
  });
  const big = await startApp({ env: { DOCKER_HOST: await listen(crowd, 'crowd.sock') } });
  const ticks = () => processTree(big.process.pid).reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return sum + Number(stat[11]) + Number(stat[12]);
  }, 0);
  await until('the first rounds', async () => asked >= 400);
  const [from, began] = [ticks(), asked];
  await sleep(15500);
  const used = (ticks() - from) / 100, rounds = (asked - began) / 200;
  console.log(`# 200 containers: ${(used / rounds * 12).toFixed(2)} s of processor time a minute`);
  assert.ok(rounds >= 2.9, `${rounds} rounds`);
  assert.ok(used / rounds * 12 < 1, `${used} s in ${rounds} rounds`);
  const r = await big.api('GET', '/api/statistics?sort=-cpu');
  assert.equal(r.json.total, 200);
  assert.ok((await big.get('/statistics')).text.includes('1–100 of 200'));
  await big.stop();
  crowd.close();
});

test('the page of a container draws its hour and its day', async () => {
  const r = await app.get(`/container/${p}busy`);
  assert.equal(r.status, 200);
  assert.match(r.text, /<h3>Last hour<\/h3>/);
  assert.match(r.text, /<h3>Last 24 hours<\/h3>/);
  assert.match(r.text, /<svg class="chart"[^>]*aria-label="CPU: now [\d.]+ %, [\d.]+ % on average, at most [\d.]+ %">/);
  assert.match((await app.get(`/container/${p}never`)).text, /Nothing measured\./);
});
