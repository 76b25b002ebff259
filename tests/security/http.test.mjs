// SPDX-License-Identifier: GPL-3.0-or-later
// The program against hostile clients, byte by byte.
import net from 'node:net';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, assert, before, after, docker, removeAll, startApp, processTree, sleep } from '../tools/harness.mjs';
import { cmdline } from '../tools/kore_harness.mjs';

const app = await startApp();
const port = Number(new URL(app.url).port);
const workers = () => processTree(app.process.pid).filter((pid) => /\[wrk/.test(cmdline(pid))).join();

const name = 'cmsechttp-web';
before(() => docker('run', '-d', '--name', name, 'busybox:local', 'sleep', '100000'));
after(() => removeAll('cmsechttp'));

// Asks and goes away after some milliseconds: with a reset, or properly.
const leave = (where, ms, reset) => new Promise((resolve) => {
  const s = net.connect(port, '127.0.0.1', () => {
    s.write(`GET ${where} HTTP/1.1\r\nHost: localhost\r\nCookie: ${app.cookie}\r\n\r\n`);
    setTimeout(() => { if (reset) s.resetAndDestroy(); else s.destroy(); resolve(); }, ms);
  });
  s.on('error', resolve);
});

test('clients that leave while their answer is being made end no worker', async () => {
  const backup = await app.backup(name);
  const before = workers();
  const where = [`/api/download/${backup.file}`, `/api/jobs/${backup.id}/events`, `/backup/${backup.file}/file?path=/backup.json&download=1`];
  for (let i = 0; i < 12; i++) await Promise.all(Array.from({ length: 60 }, (_, k) => leave(where[k % 3], (k % 20) / 2, k & 1)));
  await sleep(300);
  assert.equal(workers(), before, app.stderr);
});
