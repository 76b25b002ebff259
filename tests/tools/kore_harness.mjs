// SPDX-License-Identifier: GPL-3.0-or-later
// Starts the server's probe (tests/tools/kore_probe.c) and talks raw bytes to it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, readFileSync, writeFileSync, chmodSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { build, freePort, sleep, processTree } from './harness.mjs';

export { sleep, processTree, freePort };
export const probeBinary = process.env.CM_PROBE || path.join(build, 'tests/kore_probe');

// env adds settings, args options. The answer serves: p.port, p.tlsPort, p.pid, p.log().
export async function startProbe({ env = {}, args = [], wait = true } = {}) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-kore-'));
  chmodSync(dir, 0o755);
  const port = await freePort();
  const p = { dir, port, tlsPort: await freePort(), output: '', exited: null };
  p.process = spawn(probeBinary, args, {
    env: { PATH: process.env.PATH, CM_DATA: path.join(dir, 'data'), CM_PORT: String(port), CM_TLS_PORT: String(p.tlsPort), ...env },
    stdio: ['ignore', 'pipe', 'pipe'], detached: true, cwd: dir,
  });
  p.pid = p.process.pid;
  for (const s of [p.process.stdout, p.process.stderr]) s.on('data', (c) => { p.output += c; });
  p.ended = new Promise((resolve) => p.process.on('exit', (code, signal) => { p.exited = { code, signal }; resolve(p.exited); }));
  p.log = () => p.output;
  p.workers = () => processTree(p.pid).slice(1).filter((pid) => /\[wrk/.test(cmdline(pid)));
  p.stop = async (signal = 'SIGTERM') => {
    if (!p.exited) process.kill(p.pid, signal);
    return p.ended;
  };
  p.cleanup = async () => {
    const timer = setTimeout(() => { for (const pid of processTree(p.pid)) kill(pid); }, 15000);
    await p.stop();
    clearTimeout(timer);
    rmSync(dir, { recursive: true, force: true });
  };
  process.on('exit', () => { if (!p.exited) for (const pid of processTree(p.pid)) kill(pid); });
  after(p.cleanup);
  if (!wait) return p;
  const begin = Date.now();
  while (!p.output.includes('serving ')) {
    if (p.exited) throw new Error(`the probe ended: ${JSON.stringify(p.exited)}\n${p.output}`);
    if (Date.now() - begin > 15000) throw new Error(`the probe does not serve\n${p.output}`);
    await sleep(5);
  }
  p.startMs = Date.now() - begin;
  return p;
}

function kill(pid) {
  try { process.kill(pid, 'SIGKILL'); } catch { /* gone */ }
}

export function cmdline(pid) {
  try { return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(); } catch { return ''; }
}

export function status(pid, field) {
  return new RegExp(`^${field}:\\s+(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
}

// Sends the pieces (strings or buffers; a number is a pause in ms), collects what comes until the other side closes, or
// nothing came for `quiet` ms. { text, bytes, closed, error }
export function talk(port, pieces, { quiet = 700, limit = 30000, connect = net.connect, until } = {}) {
  return new Promise((resolve) => {
    const chunks = [];
    let timer, sent = false, over = false;
    const s = connect({ port, host: '127.0.0.1' });
    const finish = (closed, error) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      clearTimeout(total);
      s.destroy();
      const bytes = Buffer.concat(chunks);
      resolve({ text: bytes.toString('latin1'), bytes, closed, error });
    };
    const total = setTimeout(() => finish(false, 'limit'), limit);
    const wind = () => { clearTimeout(timer); if (sent) timer = setTimeout(() => finish(false), quiet); };
    s.on('data', (c) => { chunks.push(c); if (until && Buffer.concat(chunks).includes(until)) finish(false); else wind(); });
    s.on('end', () => finish(true));
    s.on('error', (e) => finish(true, e.code));
    s.on('close', () => finish(true));
    s.on(connect === net.connect ? 'connect' : 'secureConnect', async () => {
      for (const p of [pieces].flat()) {
        if (over) return;
        if (typeof p === 'number') await sleep(p);
        else if (!s.write(p)) await Promise.race([new Promise((r) => s.once('drain', r)), new Promise((r) => s.once('close', r))]);
      }
      sent = true;
      wind();
    });
  });
}

export const statuses = (r) => [...r.text.matchAll(/HTTP\/1\.[01] (\d+)/g)].map((m) => Number(m[1]));
export const get = (where, extra = '') => `GET ${where} HTTP/1.1\r\nHost: localhost\r\n${extra}\r\n`;
export const bodyOf = (r) => r.bytes.subarray(r.bytes.indexOf('\r\n\r\n') + 4);

export function writeFile(dir, name, data) {
  const file = path.join(dir, name);
  writeFileSync(file, data);
  chmodSync(file, 0o644);
  return file;
}
