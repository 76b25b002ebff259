// SPDX-License-Identifier: GPL-3.0-or-later
// Answers that are sent while they are produced: whole, in order, with constant memory, whatever the client does.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { startProbe, talk, statuses, get, sleep, processTree, status } from '../tools/kore_harness.mjs';
import { pss } from '../tools/harness.mjs';

const p = await startProbe({ env: { CM_TLS: 'self' } });
const MB = 1 << 20;

// Downloads, checking every byte against n % 251 as it comes; keeps nothing.
function download(where, { tls = false, slowMs = 0, stopAt = Infinity, headers = {}, agent = false, check = true } = {}) {
  return new Promise((resolve) => {
    const req = (tls ? https : http).request({ host: '127.0.0.1', port: tls ? p.tlsPort : p.port, path: where, headers, agent, rejectUnauthorized: false }, (res) => {
      let n = 0, bad = false;
      const done = (whole) => resolve({ status: res.statusCode, headers: res.headers, bytes: n, whole: whole && res.complete, bad });
      res.on('data', (c) => {
        if (check) for (let i = 0; i < c.length; i++) if (c[i] !== (n + i) % 251) { bad = true; break; }
        n += c.length;
        if (n >= stopAt) req.destroy();
        if (slowMs) { res.pause(); setTimeout(() => res.resume(), slowMs); }
      });
      res.on('end', () => done(true));
      res.on('error', () => done(false));
      res.on('close', () => done(res.complete));
    });
    req.on('error', (e) => resolve({ error: e.code, bytes: 0, whole: false }));
    req.end();
  });
}
const workerFds = async () => {
  await sleep(300);
  const { readdirSync } = await import('node:fs');
  return p.workers().reduce((n, pid) => n + readdirSync(`/proc/${pid}/fd`).length, 0);
};

test('unknown length is chunked, a known one has its length, both are whole', async () => {
  const chunked = await download('/stream?bytes=3000000');
  assert.equal(chunked.headers['transfer-encoding'], 'chunked');
  assert.deepEqual([chunked.bytes, chunked.whole, chunked.bad], [3000000, true, false]);
  const known = await download('/stream?bytes=3000000&len=3000000');
  assert.equal(known.headers['content-length'], '3000000');
  assert.deepEqual([known.bytes, known.whole, known.bad], [3000000, true, false]);
  for (const n of [0, 1, 65535, 65536, 65537]) {
    const r = await download(`/stream?bytes=${n}`);
    assert.deepEqual([r.bytes, r.whole, r.bad], [n, true, false]);
  }
});

test('200 MB in constant memory, plain and over TLS, to two slow clients at once', async () => {
  await download('/stream?bytes=1000000', { tls: true });
  const before = pss(p.pid);
  let peak = 0;
  const watch = setInterval(() => { peak = Math.max(peak, pss(p.pid)); }, 50);
  const all = await Promise.all([download(`/stream?bytes=${200 * MB}`), download(`/stream?bytes=${200 * MB}&len=${200 * MB}`, { tls: true })]);
  clearInterval(watch);
  for (const r of all) assert.deepEqual([r.bytes, r.whole, r.bad], [200 * MB, true, false]);
  assert.ok(peak - before < 6000, `${before} kB before, ${peak} kB at most`);
});

test('files: whole, a range, HEAD, not modified', async () => {
  const data = Buffer.alloc(5 * MB + 12345);
  for (let i = 0; i < data.length; i++) data[i] = i % 251;
  const file = `${p.dir}/data.bin`;
  writeFileSync(file, data, { mode: 0o644 });
  const where = `/file?path=${file}`;
  for (const tls of [false, true]) {
    const r = await download(where, { tls });
    assert.deepEqual([r.status, r.bytes, r.whole, r.bad], [200, data.length, true, false]);
  }
  const part = await download(where, { headers: { range: 'bytes=251000-' } });
  assert.deepEqual([part.status, part.bytes, part.bad], [206, data.length - 251000, false]);
  const head = await talk(p.port, [`HEAD ${where} HTTP/1.1\r\nHost: x\r\n\r\n`, 100, get('/hello')]);
  assert.deepEqual(statuses(head), [200, 200]);
  assert.match(head.text, new RegExp(`content-length: ${data.length}\r`));
  const tag = (await download(where)).headers.etag;
  const same = await download(where, { headers: { 'if-none-match': tag } });
  assert.deepEqual([same.status, same.bytes], [304, 0]);
});

test('past 4 GB: the right bytes at the end of a sparse file', async () => {
  const file = `${p.dir}/sparse.bin`;
  writeFileSync(file, 'x', { mode: 0o644 });
  truncateSync(file, 5 * 1024 * MB);
  const r = await download(`/file?path=${file}`, { headers: { range: `bytes=${5 * 1024 * MB - 1000}-` }, check: false });
  assert.deepEqual([r.status, r.bytes, r.whole], [206, 1000, true]);
  assert.equal(r.headers['content-range'], `bytes ${5 * 1024 * MB - 1000}-${5 * 1024 * MB - 1}/${5 * 1024 * MB}`);
});

test('a producer that fails, or gives too much or too little, breaks the download', async () => {
  for (const tls of [false, true])
    for (const q of ['bytes=5000000&fail=2000000', 'bytes=5000000&len=5000000&fail=2000000', 'bytes=1000&len=2000', 'bytes=3000000&len=2000000']) {
      const r = await download(`/stream?${q}`, { tls });
      if (q.endsWith('len=2000000') && r.whole) assert.equal(r.bytes, 2000000); // the client cannot know of more
      else assert.equal(r.whole, false, `${q}: ${JSON.stringify(r)}`);
    }
  writeFileSync(`${p.dir}/short.bin`, Buffer.alloc(1000), { mode: 0o644 });
  const short = await download(`/file?path=${p.dir}/short.bin&claim=100000`);
  assert.equal(short.whole, false);
  // Without chunks only a reset tells a cut answer from a whole one (node hides it, curl says 56: receiving failed).
  const old = spawnSync('curl', ['-s', '--http1.0', '-o', '/dev/null', `http://127.0.0.1:${p.port}/stream?bytes=5000000&fail=2000000`]);
  assert.equal(old.status, 56);
  const oldGood = await talk(p.port, ['GET /stream?bytes=300000 HTTP/1.0\r\nHost: x\r\n\r\n'], { quiet: 3000 });
  assert.equal(oldGood.bytes.length - oldGood.bytes.indexOf('\r\n\r\n') - 4, 300000);
});

test('HEAD begins no producer and releases it', async () => {
  await sleep(300);
  const n = () => (p.log().match(/stream released/g) || []).length;
  const before = n();
  const r = await talk(p.port, ['HEAD /stream?bytes=5000 HTTP/1.1\r\nHost: x\r\n\r\n', 100, get('/hello')]);
  assert.deepEqual(statuses(r), [200, 200]);
  assert.ok(r.text.length < 500);
  assert.equal(n(), before + 1);
});

test('a client that leaves ends its producer, and nothing is left', async () => {
  await download('/stream?bytes=100000');
  const before = await workerFds();
  const released = () => (p.log().match(/stream released/g) || []).length;
  const count = released();
  await Promise.all(Array.from({ length: 20 }, (_, i) => download('/stream', { stopAt: 300000 + i * 10000, tls: i % 2 === 0 })));
  const end = Date.now() + 5000;
  while (released() < count + 20 && Date.now() < end) await sleep(50);
  assert.equal(released(), count + 20);
  await sleep(500);
  assert.ok(await workerFds() <= before + 2, `${before} files before, ${await workerFds()} after`);
});

test('slow client: gets everything, others are not held up', async () => {
  const slow = download(`/stream?bytes=${20 * MB}`, { slowMs: 3 });
  await sleep(100);
  const begin = Date.now();
  for (let i = 0; i < 20; i++) assert.equal((await download('/hello', { check: false })).status, 200);
  assert.ok(Date.now() - begin < 2000);
  const r = await slow;
  assert.deepEqual([r.bytes, r.whole, r.bad], [20 * MB, true, false]);
});

test('a client that reads nothing for a while still gets everything', async () => {
  const r = await new Promise((resolve, reject) => {
    const hash = createHash('sha1');
    let n = 0;
    const s = net.connect(p.port, '127.0.0.1');
    s.on('connect', () => s.write(get(`/stream?bytes=${30 * MB}&len=${30 * MB}`, 'Connection: close\r\n')));
    s.once('data', () => { s.pause(); setTimeout(() => s.resume(), 15000); });
    s.on('data', (c) => { n += c.length; hash.update(c); });
    s.on('error', reject);
    s.on('end', () => resolve(n));
  });
  assert.ok(r > 30 * MB, `${r}`);
});

test('live events come at once, and end with their reader', async () => {
  const r = await talk(p.port, [get('/events')], { until: 'data: 5' });
  assert.match(r.text, /text\/event-stream/);
  assert.match(r.text, /event: tick\ndata: 0/);
  const begin = Date.now();
  while (!p.log().includes('events ended') && Date.now() - begin < 3000) await sleep(20);
  assert.ok(p.log().includes('events ended'));
});

test('keep-alive goes on after a stream', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set();
  for (let i = 0; i < 5; i++) {
    const r = await download('/stream?bytes=200000', { agent });
    assert.ok(r.whole);
  }
  for (const s of Object.values(agent.freeSockets).flat()) ports.add(s.localPort);
  assert.equal(ports.size, 1);
  agent.destroy();
  const piped = await talk(p.port, [get('/stream?bytes=2000000&pause=0'), 5, get('/echo?behind')], { quiet: 1500 });
  assert.match(piped.text, /behind/);
});

test('more than 64 at once in a worker get 503, not a place in a queue; places come back', async () => {
  const q = await startProbe({ env: { CM_WORKERS: '1' } });
  const open = [];
  let busy = 0;
  for (let i = 0; i < 70; i++) {
    const s = net.connect(q.port, '127.0.0.1');
    open.push(s);
    const first = await new Promise((resolve) => { s.once('data', (c) => resolve(c.toString('latin1', 0, 12))); s.write(get('/stream?pause=200')); s.on('error', () => {}); });
    if (first === 'HTTP/1.1 503') busy++;
  }
  assert.equal(busy, 6);
  const hello = await talk(q.port, [get('/echo')]);
  assert.deepEqual(statuses(hello), [200], 'ordinary requests go on');
  for (const s of open) s.destroy();
  await sleep(1500);
  assert.deepEqual(statuses(await talk(q.port, [get('/stream?bytes=10')])), [200]);
});

test('no worker died in all of this', () => {
  assert.ok(!/restarting|gone/.test(p.log()), p.log());
  assert.equal(processTree(p.pid).filter((pid) => status(pid, 'Seccomp') === '2').length, 3, 'two workers and the key manager');
});
