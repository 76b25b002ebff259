// SPDX-License-Identifier: GPL-3.0-or-later
// What integration and browser tests stand on: starts the real program on loopback with a data folder of its own,
// logs in, calls the API, drives the real engine through the docker command.
//
//   import { startApp, docker, test } from '../tools/harness.mjs';
//   const app = await startApp();          // ends with the test process
//   const r = await app.api('GET', '/api/containers');   // { status, json, headers, text }
//
// CM_URL, CM_USER and CM_PASSWORD point the tests at a program that runs already.
import { spawn, execFile } from 'node:child_process';
import { mkdtempSync, rmSync, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { test, after, before, describe } from 'node:test';
import assert from 'node:assert/strict';

export { test, after, before, describe, assert };
// Each started program listens to the end of the test.
process.setMaxListeners(0);
export const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
export const build = path.resolve(root, process.env.B || 'build');
export const password = process.env.CM_PASSWORD || 'Tests-need-a-Pass7!';
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const run = promisify(execFile);

// Runs the docker command; its output without the last newline. Throws with what docker said.
export async function docker(...args) {
  const { stdout } = await run('docker', args.map(String), { maxBuffer: 64 << 20, encoding: 'utf8' });
  return stdout.replace(/\n$/, '');
}
export async function dockerOk(...args) {
  return docker(...args).then(() => true, () => false);
}
// One call of the engine by its socket, since starting the docker command takes a tenth of a second: its JSON (or text),
// or null for 404.
export async function engine(method, where, body) {
  const socketPath = (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');
  const r = await fetchRaw(`http://docker${where}`, { method, body, socketPath });
  if (r.status === 404) return null;
  if (r.status >= 400) throw new Error(`${method} ${where}: ${r.status} ${r.text}`);
  return r.json ?? r.text;
}
// A container, or whatever else has this name.
export async function inspect(name) {
  return await engine('GET', `/containers/${encodeURIComponent(name)}/json`).catch(() => null) ?? JSON.parse(await docker('inspect', name))[0];
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.on('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

// One HTTP exchange without following redirects. body: string, Buffer, URLSearchParams or an object (sent as JSON). Of
// server-sent events, which may never end, what came in the first moment.
export function fetchRaw(url, { method = 'GET', headers = {}, body, raw = false, socketPath } = {}) {
  return new Promise((resolve, reject) => {
    const u = new URL(url);
    const h = { ...headers };
    let data = body;
    if (body instanceof URLSearchParams) {
      data = body.toString();
      h['content-type'] ??= 'application/x-www-form-urlencoded';
    } else if (body !== undefined && typeof body === 'object' && !Buffer.isBuffer(body)) {
      data = JSON.stringify(body);
      h['content-type'] ??= 'application/json';
    }
    if (data !== undefined) h['content-length'] = Buffer.byteLength(data);
    else if (!['GET', 'HEAD', 'DELETE'].includes(method)) h['content-length'] = 0;
    const make = u.protocol === 'https:' ? httpsRequest : httpRequest;
    const req = make(u, { method, headers: h, socketPath, rejectUnauthorized: false, timeout: 600000, agent: false }, (res) => {
      const parts = [];
      const whole = () => {
        const buffer = Buffer.concat(parts);
        const text = raw ? '' : buffer.toString('utf8');
        let json;
        if (!raw && /json/.test(res.headers['content-type'] || '')) json = JSON.parse(text);
        resolve({ status: res.statusCode, headers: res.headers, text, json, buffer });
      };
      if (/event-stream/.test(res.headers['content-type'] || '')) setTimeout(() => { whole(); req.destroy(); }, 100);
      res.on('data', (c) => parts.push(c));
      res.on('error', reject);
      res.on('aborted', () => reject(new Error('the answer broke off')));
      res.on('end', whole);
    });
    req.on('timeout', () => req.destroy(new Error('no answer in time')));
    req.on('error', reject);
    req.end(data);
  });
}

export class App {
  constructor(url, dataDir) {
    this.url = url;
    this.dataDir = dataDir;
    this.cookie = '';
    this.csrf = '';
    this.stderr = '';
  }

  headers(extra = {}) {
    return { ...(this.cookie ? { cookie: this.cookie } : {}), ...extra };
  }

  // An API call with session cookie and CSRF token.
  async api(method, where, body, headers = {}) {
    const change = method !== 'GET' && method !== 'HEAD';
    return fetchRaw(this.url + where, {
      method, body, headers: this.headers({ accept: 'application/json', ...(change ? { 'x-csrftoken': this.csrf } : {}), ...headers }),
    });
  }

  async get(where, headers = {}) {
    return fetchRaw(this.url + where, { headers: this.headers(headers) });
  }

  async download(where, headers = {}) {
    return fetchRaw(this.url + where, { headers: this.headers(headers), raw: true });
  }

  // A form sent as a browser sends it: the token comes from the page.
  async post(where, fields = {}, headers = {}) {
    const form = new URLSearchParams();
    form.set('csrf_token', this.csrf);
    for (const [k, v] of Object.entries(fields)) for (const one of [v].flat()) form.append(k, one);
    return fetchRaw(this.url + where, { method: 'POST', body: form, headers: this.headers(headers) });
  }

  async login(user = process.env.CM_USER || 'admin', pass = password) {
    const r = await fetchRaw(`${this.url}/api/login`, { method: 'POST', body: { username: user, password: pass } });
    if (r.status !== 200) throw new Error(`login as ${user}: ${r.status} ${r.text}`);
    this.cookie = [r.headers['set-cookie']].flat().map((c) => c.split(';')[0]).join('; ');
    this.csrf = r.json.csrf_token;
    return r;
  }

  // Waits for the end of a job and gives its last state. Throws when it takes longer.
  async waitJob(id, seconds = 120) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const r = await this.api('GET', `/api/jobs/${id}`);
      if (r.status !== 200) throw new Error(`job ${id}: ${r.status} ${r.text}`);
      const job = r.json.job ?? r.json;
      const state = job.state ?? job.status;
      if (['complete', 'error', 'cancelled', 'interrupted'].includes(state)) return { ...job, state };
      if (Date.now() > end) throw new Error(`job ${id} still ${state} after ${seconds} s: ${r.text}`);
      await sleep(50);
    }
  }

  // Backs up a container and gives the finished job; expects success unless told otherwise.
  async backup(container, options = {}, expected = 'complete') {
    const r = await this.api('POST', `/api/backup/${container}?queue=true`, options);
    if (![200, 202].includes(r.status)) throw new Error(`backup of ${container}: ${r.status} ${r.text}`);
    const job = await this.waitJob(r.json.progress_id);
    if (expected && job.state !== expected) throw new Error(`backup of ${container}: ${JSON.stringify(job)}`);
    const progress = await this.api('GET', `/api/backup-progress/${r.json.progress_id}`);
    return { ...job, id: r.json.progress_id, file: progress.json.backup_filename, progress: progress.json };
  }

  async restore(file, options = {}) {
    return this.api('POST', '/api/restore-backup', { filename: file, ...options });
  }
}

// Starts the program; the answer serves and is logged in. options.env adds settings; options.dataDir keeps a folder;
// options.login false leaves it logged out.
export async function startApp({ env = {}, dataDir, login = true, binary, wait = true } = {}) {
  if (process.env.CM_URL && Object.keys(env).length === 0 && !dataDir) {
    const given = new App(process.env.CM_URL, process.env.CM_DATA);
    if (login) await given.login();
    return given;
  }
  const dir = dataDir ?? mkdtempSync(path.join(process.env.CM_TEST_TMP || tmpdir(), 'cm-test-'));
  const port = env.CM_PORT ?? await freePort();
  const app = new App(`http://127.0.0.1:${port}`, dir);
  app.env = {
    PATH: process.env.PATH, HOME: process.env.HOME ?? '/root', CM_DATA: dir, CM_BIND: '127.0.0.1', CM_PORT: String(port),
    CM_ADMIN_PASSWORD: password, CM_RATE_LIMIT: '0', CM_LOGIN_LIMIT: '0',
    ...(process.env.DOCKER_HOST ? { DOCKER_HOST: process.env.DOCKER_HOST } : {}), ...env,
  };
  app.binary = binary ?? process.env.CM_BINARY ?? path.join(build, 'container-monkey');
  app.spawn = async () => {
    app.exited = null;
    app.process = spawn(app.binary, [], { env: app.env, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    app.process.stderr.on('data', (c) => { app.stderr += c; });
    app.ended = new Promise((resolve) => app.process.on('exit', (code, signal) => { app.exited = { code, signal }; resolve(app.exited); }));
    if (!wait) return;
    const begin = Date.now();
    for (;;) {
      if (app.exited) throw new Error(`the program ended at its start: ${JSON.stringify(app.exited)}\n${app.stderr}`);
      const ok = await fetchRaw(`${app.url}/healthz`).then((r) => r.status < 500, () => false);
      if (ok) break;
      if (Date.now() - begin > 20000) throw new Error(`the program does not answer\n${app.stderr}`);
      await sleep(20);
    }
    app.startMs = Date.now() - begin;
  };
  app.stop = async (signal = 'SIGTERM') => {
    if (app.exited || !app.process) return app.exited;
    app.process.kill(signal);
    const timer = setTimeout(() => { try { process.kill(-app.process.pid, 'SIGKILL'); } catch { /* gone */ } }, 15000);
    const r = await app.ended;
    clearTimeout(timer);
    return r;
  };
  // kill -9 of the whole program: every process of its group at once.
  app.kill9 = async () => {
    const pids = processTree(app.process.pid);
    try { process.kill(-app.process.pid, 'SIGKILL'); } catch { /* gone */ }
    for (const pid of pids) try { process.kill(pid, 'SIGKILL'); } catch { /* gone */ }
    // Its port is free when the last one is gone, not when the first one is.
    for (let i = 0; i < 1000 && groupLives(app.process.pid); i++) await sleep(5);
    return app.ended;
  };
  app.cleanup = async () => {
    await app.stop();
    if (!dataDir) rmSync(dir, { recursive: true, force: true });
  };
  await app.spawn();
  process.on('exit', () => { try { process.kill(-app.process.pid, 'SIGKILL'); } catch { /* gone */ } });
  after(() => app.cleanup());
  if (login && wait) await app.login();
  return app;
}

// Is there a process of this group that has not ended?
function groupLives(group) {
  return readdirSync('/proc').some((d) => {
    if (!/^\d+$/.test(d)) return false;
    try {
      const stat = readFileSync(`/proc/${d}/stat`, 'latin1');
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(pgrp) === group && !'ZX'.includes(state);
    } catch {
      return false;
    }
  });
}

// The process ids of a program and all it started.
export function processTree(pid) {
  const out = [pid];
  for (let i = 0; i < out.length; i++) {
    try {
      out.push(...readFileSync(`/proc/${out[i]}/task/${out[i]}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number));
    } catch { /* ended meanwhile */ }
  }
  return out;
}

// Sum of PSS over a program's processes, in kB.
export function pss(pid) {
  let kb = 0;
  for (const p of processTree(pid)) {
    try {
      kb += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${p}/smaps_rollup`, 'utf8'))[1]);
    } catch { /* ended meanwhile */ }
  }
  return kb;
}

// Removes containers, volumes and networks whose name begins with the prefix.
export async function removeAll(prefix) {
  for (const [list, remove] of [
    [['ps', '-a', '--format', '{{.Names}}'], ['rm', '-f', '-v']],
    [['volume', 'ls', '--format', '{{.Name}}'], ['volume', 'rm', '-f']],
    [['network', 'ls', '--format', '{{.Name}}'], ['network', 'rm']],
  ]) {
    const names = (await docker(...list)).split('\n').filter((n) => n.startsWith(prefix));
    if (names.length) await docker(...remove, ...names).catch(() => {});
  }
}
