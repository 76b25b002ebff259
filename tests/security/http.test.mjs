// SPDX-License-Identifier: GPL-3.0-or-later
// The program against hostile clients, byte by byte.
import net from 'node:net';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, assert, before, after, docker, removeAll, startApp, processTree, pss, sleep } from '../tools/harness.mjs';
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

// Slow clients: each opens a connection, says what it says, and comes again when it is closed.
class Crowd {
  constructor(count, begin, drip, deaf) {
    Object.assign(this, { begin, drip, deaf, sockets: new Set(), over: false });
    for (let i = 0; i < count; i++) this.join();
    this.timer = setInterval(() => { if (drip) for (const s of this.sockets) if (!s.pending) s.write(drip); }, 400);
  }

  join() {
    if (this.over) return;
    const s = net.connect(port, '127.0.0.1', () => { if (this.begin) s.write(this.begin); });
    this.sockets.add(s);
    s.on('error', () => {});
    if (this.deaf) s.pause();
    else s.resume();
    s.on('close', () => { this.sockets.delete(s); setTimeout(() => this.join(), 50); });
  }

  leave() {
    this.over = true;
    clearInterval(this.timer);
    for (const s of this.sockets) s.destroy();
  }
}

const head = 'Host: localhost\r\n';
const crowds = {
  'say nothing': [''],
  'never end their headers': [`GET / HTTP/1.1\r\n${head}X-Slow: `, 'a'],
  'never end their body': [`POST /login HTTP/1.1\r\n${head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16000\r\n\r\nusername=`, 'a'],
  'do not read what they asked for': [`GET /api/openapi.json HTTP/1.1\r\n${head}Cookie: ${app.cookie}\r\n\r\n`, '', true],
};
for (const [what, [begin, drip, deaf]] of Object.entries(crowds)) {
  test(`600 clients that ${what} do not keep others out`, async () => {
    const crowd = new Crowd(600, begin, drip, deaf);
    try {
      await sleep(1500);
      for (let i = 0; i < 20; i++) {
        const page = app.get('/help').then((r) => r.status, (e) => e.message);
        assert.equal(await Promise.race([page, sleep(8000).then(() => 'no answer')]), 200, `page ${i}`);
      }
    } finally {
      crowd.leave();
    }
  });
}

test('a client that asks on and on and reads nothing fills no memory', async () => {
  const s = net.connect(port, '127.0.0.1');
  s.on('error', () => {}).setNoDelay(true).pause();
  await app.get('/api/openapi.json');
  const before = pss(app.process.pid);
  for (let i = 0; i < 250 && !s.destroyed; i++) {
    s.write(`GET /api/openapi.json HTTP/1.1\r\n${head}Cookie: ${app.cookie}\r\n\r\n`);
    await sleep(25);
  }
  const grown = pss(app.process.pid) - before;
  s.destroy();
  assert.ok(grown < 7000, `${grown} kB`);
});
