// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by the tests of faults: a program whose disk and clock fail on command (faults.c), and what must not be left.
import { startApp, docker, assert, build, sleep } from '../tools/harness.mjs';
import { closeSync, mkdtempSync, openSync, readSync, readdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const errnos = { EIO: 5, ENOSPC: 28, EROFS: 30, EACCES: 13 };

// The preloaded library, made by "make fault-bin".
const library = () => path.join(build, 'fault', 'faults.so');

// As startApp(), with app.fault('w', 'ENOSPC', '.partial', 1000000) and app.clock(seconds).
export async function startFaulty(options = {}) {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'cm-faults-')), 'control');
  const fd = openSync(file, 'w+', 0o666);
  writeSync(fd, Buffer.alloc(4096));
  const app = await startApp({ ...options, env: { ...options.env, LD_PRELOAD: library(), FAULTS: file } });
  const put = (at, b) => writeSync(fd, b, 0, b.length, at);
  app.clock = (seconds) => {
    const b = Buffer.alloc(8);
    b.writeBigInt64LE(BigInt(seconds));
    put(0, b);
  };
  // The files whose path has this part, opened from now on.
  app.fault = (call, code, part, after = 0) => {
    const b = Buffer.alloc(224);
    put(20, Buffer.alloc(2));
    b.writeBigInt64LE(BigInt(after), 0);
    b.writeInt32LE(errnos[code], 8);
    b.write(part, 16, 'latin1');
    put(8, b.subarray(0, 12));
    put(24, b.subarray(16, 216));
    put(20, Buffer.from(call, 'latin1'));
  };
  app.heal = () => put(20, Buffer.alloc(1));
  app.hit = () => {
    const b = Buffer.alloc(1);
    readSync(fd, b, 0, 1, 21);
    return b[0] === 1;
  };
  app.forget = () => closeSync(fd);
  return app;
}

// Nothing half done in the vault or in the folder for temporary files, no helper of these volumes.
export async function clean(app, volume) {
  const vault = readdirSync(path.join(app.dataDir, 'backups'));
  assert.deepEqual(vault.filter((n) => n.startsWith('.')), [], 'remains in the vault');
  const archives = vault.filter((n) => !n.endsWith('.json'));
  assert.equal(vault.length, archives.length * 2, String(vault));
  const listed = (await app.api('GET', '/api/backups')).json.backups.map((b) => b.filename).sort();
  assert.deepEqual(listed, archives.sort());
  assert.deepEqual(readdirSync(path.join(app.dataDir, 'tmp')), []);
  let left;
  for (let i = 0; i < 100; i++, await sleep(100)) {
    left = await docker('ps', '-aq', '--filter', 'label=container-monkey.helper', '--filter', `volume=${volume}`);
    if (left === '') return;
  }
  assert.fail(`helpers are left: ${left}`);
}

// A job that began, polled until it is at this step or further.
export async function atStep(app, id, step, seconds = 60) {
  for (const end = Date.now() + seconds * 1000; ; await sleep(10)) {
    const s = (await app.api('GET', `/api/jobs/${id}`)).json;
    if (s.step_number >= step || !s.is_active) return s;
    assert.ok(Date.now() < end, JSON.stringify(s));
  }
}
