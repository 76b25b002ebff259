// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of crashes stand on: a program on one data folder that is killed and started again and again, and a
// look at everything it must have put in order. Talks to the engine and reads volumes directly: there are many looks.
import { startApp, assert, sleep, after, engine, root, test } from '../tools/harness.mjs';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, lstatSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// What takes minutes: TEST_LONG=1.
export const long = Boolean(process.env.TEST_LONG);
export const longTest = (name, fn) => test(name, { skip: !long && 'TEST_LONG=1' }, fn);

export const statuses = ['started', 'completed', 'error', 'interrupted', 'cancelled'];

// The points of the table that this test has to hit.
export function pointsOf(test) {
  return readFileSync(path.join(root, 'tests/fault/points.txt'), 'utf8').split('\n').filter((l) => l && !l.startsWith('#'))
    .map((l) => l.split(/\s+/)).filter((f) => f[1] === test).map((f) => f[0]);
}

export { engine };
export const container = (name) => engine('GET', `/containers/${name}/json`);
export const containers = async () => (await engine('GET', '/containers/json?all=true')).map((c) => ({ ...c, name: c.Names[0]?.slice(1) ?? '' }));
export const volumes = async () => ((await engine('GET', '/volumes')).Volumes ?? []).map((v) => v.Name).sort();
export const exists = async (kind, name) => (await engine('GET', `/${kind}/${name}${['containers', 'images'].includes(kind) ? '/json' : ''}`)) !== null;
export async function volumeDir(name) {
  return (await engine('GET', `/volumes/${name}`)).Mountpoint;
}

// Every file of a folder with all that a restore could change. inodes: whether they are the very same files.
export function snapshot(dir, { inodes = false } = {}) {
  const out = [];
  const visit = (at, name) => {
    const st = lstatSync(at, { bigint: true });
    const folder = st.isDirectory();
    const content = st.isFile() ? createHash('md5').update(readFileSync(at)).digest('hex') : st.isSymbolicLink() ? readlinkSync(at) : '';
    out.push([name, st.mode.toString(8), st.uid, st.gid, folder ? '' : st.size, st.mtimeNs, folder ? '' : st.nlink, inodes ? st.ino : '', content].join(' '));
    if (folder) for (const n of readdirSync(at).sort()) visit(path.join(at, n), `${name}/${n}`);
  };
  visit(dir, '.');
  return out.join('\n');
}

// Things of ours on the engine that nobody should find when nothing is at work.
async function ours() {
  const out = [];
  for (const c of await containers())
    if (c.Labels['container-monkey.helper'] || /^cm-restore-|_replaced_/.test(c.name)) out.push(`container ${c.name}`);
  for (const v of await volumes()) if (/^cm-restore-/.test(v)) out.push(`volume ${v}`);
  return out;
}
// Left by something that was killed before this test.
const old = await ours();

export async function remains(dataDir) {
  const out = (await ours()).filter((o) => !old.includes(o));
  for (const f of readdirSync(path.join(dataDir, 'backups'))) if (f.startsWith('.') || f.endsWith('.partial')) out.push(`file ${f}`);
  for (const f of readdirSync(path.join(dataDir, 'tmp'))) out.push(`temporary ${f}`);
  return out;
}

const live = ['starting', 'running', 'queued', 'waiting'];

export class Program {
  constructor() {
    this.dataDir = mkdtempSync(path.join(process.env.CM_TEST_TMP || tmpdir(), 'cm-fault-'));
    this.all = '';
    after(async () => {
      await this.app?.kill9();
      rmSync(this.dataDir, { recursive: true, force: true });
    });
  }

  // fault: a point ("name" or "name:3") at which it stops and waits to be killed.
  async start(fault, { env = {}, wait = true } = {}) {
    this.port ??= undefined;
    this.app = await startApp({
      dataDir: this.dataDir, login: false, wait,
      env: { CM_WORKERS: '1', ...(this.port ? { CM_PORT: this.port } : {}), ...(fault ? { CM_FAULT: `${fault}!` } : {}), ...env },
    });
    this.port = this.app.env.CM_PORT;
    if (!this.session) {
      await this.app.login();
      this.session = { cookie: this.app.cookie, csrf: this.app.csrf };
    }
    Object.assign(this.app, this.session);
    return this.app;
  }

  // Waits until it stands at the point, and kills all of it. job: one that must not end before.
  async killedAt(fault, job, seconds = 300) {
    const name = fault.split(':')[0];
    for (const end = Date.now() + seconds * 1000; !this.app.stderr.includes(`fault point ${name}\n`); await sleep(10)) {
      assert.ok(Date.now() < end && !this.app.exited, `never came by ${fault}: ${this.app.stderr}`);
      if (job && Math.random() < 0.05) {
        const state = await this.state(job);
        assert.ok(live.includes(state), `${state} without coming by ${fault}: ${this.app.stderr}`);
      }
    }
    await this.app.kill9();
  }

  async job(id) {
    const r = await this.app.api('GET', `/api/jobs/${id}`);
    assert.equal(r.status, 200, r.text);
    return r.json.job ?? r.json;
  }

  async state(id) {
    const j = await this.job(id);
    return j.state ?? j.status;
  }

  async enqueue(where, body) {
    const r = await this.app.api('POST', where, body, { prefer: 'respond-async' }).catch((e) => assert.fail(`${e}: ${this.app.stderr}`));
    assert.ok([200, 202].includes(r.status), r.text);
    return r.json.job_id ?? r.json.progress_id;
  }
  backup(name, options = {}) { return this.enqueue(`/api/backup/${name}?queue=true`, options); }
  restore(file, options = {}) { return this.enqueue('/api/restore-backup', { filename: file, ...options }); }

  // What is wrong with the queue, the vault, the audit log and the login. jobs: { id: [allowed states] }.
  async problems(jobs = {}) {
    const out = await remains(this.dataDir);
    const session = await this.app.api('GET', '/api/jobs?limit=1000');
    if (session.status !== 200) return [`logged out: ${session.status}`];
    for (const j of session.json.jobs) if (live.includes(j.state ?? j.status)) out.push(`job ${j.title ?? j.id} is ${j.state ?? j.status}`);
    for (const [id, allowed] of Object.entries(jobs)) {
      const state = await this.state(id);
      if (!allowed.includes(state)) out.push(`job ${id} is ${state}`);
    }
    const listed = (await this.app.api('GET', '/api/backups?limit=1000')).json.backups;
    const files = readdirSync(path.join(this.dataDir, 'backups'));
    if (files.length !== 2 * listed.length) out.push(`${listed.length} backups are listed: ${files}`);
    for (const b of listed) if (b.verify_state !== 'ok') out.push(`${b.filename} is ${b.verify_state}`);
    return out;
  }

  // Waits until there are no problems, also none that more (a function) finds. Only what can still change is waited for.
  async settled(what, jobs = {}, more = () => [], seconds = 300) {
    let problems;
    for (const end = Date.now() + seconds * 1000; ; await sleep(50)) {
      problems = [...await this.problems(jobs), ...await more()];
      if (problems.length === 0) return;
      const hopeless = problems.some((x) => /^job \S+ is (error|cancelled|complete)$/.test(x));
      if (Date.now() > end || hopeless) break;
    }
    const errors = (await this.app.api('GET', '/api/jobs?limit=20')).json.jobs.map((j) => j.error).filter(Boolean);
    assert.fail(`${what}: ${problems.join('; ')}\n${errors.join('\n')}\n${this.app.stderr}`);
  }

  // The audit log of these jobs: only known statuses; those that were killed are called interrupted.
  async auditOf(jobs) {
    const r = await this.app.api('GET', '/api/audit-logs?limit=1000');
    assert.equal(r.status, 200, r.text);
    for (const l of r.json.logs) assert.ok(statuses.includes(l.status), JSON.stringify(l));
    return jobs.map((id) => r.json.logs.filter((l) => JSON.stringify(l).includes(id)).map((l) => l.status));
  }
}
