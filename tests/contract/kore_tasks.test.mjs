// SPDX-License-Identifier: GPL-3.0-or-later
// Handlers run in tasks: none waits behind another, the event loop behind none (conf/kore/02-tasks.patch).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import net from 'node:net';
import { startProbe, talk, statuses, get, sleep, status, writeFile } from '../tools/kore_harness.mjs';

const solo = { env: { CM_WORKERS: '1' } };
const took = async (what) => { const begin = Date.now(); await what; return Date.now() - begin; };
const ask = (p, where, quiet = 20000) => talk(p.port, [get(where, 'Connection: close\r\n')], { quiet });

test('a short task is not held up by a long one', async () => {
  const p = await startProbe(solo);
  await ask(p, '/slow?ms=1');
  const long = [ask(p, '/slow?ms=3000'), ask(p, '/slow?ms=3000'), ask(p, '/slow?ms=3000')];
  await sleep(100);
  for (let i = 0; i < 30; i++) {
    const ms = await took(ask(p, '/slow?ms=1'));
    assert.ok(ms < 500, `${ms} ms`);
  }
  for (const r of await Promise.all(long)) assert.deepEqual(statuses(r), [200]);
});

test('many slow tasks: fifty at once take as long as one', async () => {
  const p = await startProbe(solo);
  let all;
  const ms = await took(Promise.all(Array.from({ length: 50 }, () => ask(p, '/slow?ms=1500'))).then((r) => { all = r; }));
  for (const r of all) assert.deepEqual(statuses(r), [200]);
  assert.ok(ms < 3000, `${ms} ms`);
  assert.deepEqual(statuses(await ask(p, '/hello')), [200]);
});

test('more tasks than threads: the rest wait in one list, each takes the next free thread', async () => {
  const conf = writeFile('/tmp', `cm-kore-threads-${process.pid}.conf`, 'task_threads 4\nworker_set_affinity 0\nhttp_request_limit 256\n');
  const p = await startProbe({ ...solo, args: ['-c', conf] });
  await ask(p, '/slow?ms=1');
  // One of the four threads is the job runner's, one a long task's: the short ones share the other two.
  const long = ask(p, '/slow?ms=4000');
  await sleep(100);
  const ms = await took(Promise.all(Array.from({ length: 20 }, () => ask(p, '/slow?ms=100'))));
  assert.ok(ms > 900 && ms < 2500, `${ms} ms`);
  assert.ok(Number(status(p.workers()[0], 'Threads')) <= 5, status(p.workers()[0], 'Threads'));
  assert.deepEqual(statuses(await long), [200]);
  rmSync(conf);
});

test('threads go when there is nothing to do for them', { timeout: 60000 }, async () => {
  const p = await startProbe(solo);
  await Promise.all(Array.from({ length: 40 }, () => ask(p, '/slow?ms=300')));
  const threads = () => Number(status(p.workers()[0], 'Threads'));
  assert.ok(threads() > 20, `${threads()}`);
  const end = Date.now() + 40000;
  while (threads() > 4 && Date.now() < end) await sleep(500);
  assert.ok(threads() <= 4, `${threads()}`);
  assert.deepEqual(statuses(await ask(p, '/slow?ms=1')), [200]);
});

test('clients that leave while their task runs do no harm', async () => {
  const p = await startProbe(solo);
  const pid = p.workers()[0];
  for (let round = 0; round < 3; round++) {
    const open = Array.from({ length: 30 }, () => {
      const s = net.connect(p.port, '127.0.0.1', () => s.write(get('/slow?ms=400')));
      s.on('error', () => {});
      return s;
    });
    await sleep(150);
    for (const s of open) s.destroy();
    await sleep(50);
  }
  await sleep(700);
  assert.deepEqual(statuses(await ask(p, '/echo')), [200]);
  assert.deepEqual(p.workers(), [pid]);
});
