// SPDX-License-Identifier: GPL-3.0-or-later
// Processes: start, rights, filter, restart, end (conf/kore/03-processes.patch, src/web/kore_worker.c, kore_user.c).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { tmpdir } from 'node:os';
import { startProbe, talk, statuses, get, sleep, status, processTree, cmdline, probeBinary, freePort, writeFile } from '../tools/kore_harness.mjs';

const root = process.getuid() === 0;
const ask = (p, where, quiet = 5000) => talk(p.port, [get(where, 'Connection: close\r\n')], { quiet });
const alive = (pid) => existsSync(`/proc/${pid}`) && !/^Z/.test(status(pid, 'State'));
// Asked once more after it was true, a process that is just writing its title may look as if it were not there.
const until = async (what, ms = 5000) => {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) if (what()) return true;
  return false;
};

test('start: serves within half a second, says so once, writes nothing where it stands', async () => {
  const p = await startProbe();
  assert.ok(p.startMs < 500, `${p.startMs} ms`);
  assert.deepEqual(statuses(await ask(p, '/hello')), [200]);
  assert.equal(p.log().match(/serving /g).length, 1);
  assert.match(p.log(), new RegExp(`^serving http://127.0.0.1:${p.port}$`, 'm'));
  assert.deepEqual(readdirSync(p.dir), ['data']);
  assert.deepEqual(readdirSync(`${p.dir}/data`).sort(), ['backups', 'config', 'tmp']);
  assert.equal(p.workers().length, 2);
});

test('start: a port that is taken is named, with what to do', async () => {
  const p = await startProbe();
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-kore-'));
  chmodSync(dir, 0o755);
  const r = spawnSync(probeBinary, { env: { CM_DATA: `${dir}/data`, CM_PORT: String(p.port) }, timeout: 10000 });
  rmSync(dir, { recursive: true });
  assert.equal(r.status, 1);
  assert.match(r.stderr.toString(), new RegExp(`port ${p.port} cannot be opened .*CM_PORT`));
});

test('slow child: a worker that is slow to run after its fork is no worker that died', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-kore-'));
  const r = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-D_GNU_SOURCE', '-o', `${dir}/fork_slow.so`, 'tests/tools/fork_slow.c'], { encoding: 'utf8' });
  assert.equal(r.status, 0, r.stderr);
  const p = await startProbe({ env: { LD_PRELOAD: `${dir}/fork_slow.so` } });
  assert.deepEqual(statuses(await ask(p, '/hello')), [200]);
  assert.doesNotMatch(p.log(), /failed to start/);
  rmSync(dir, { recursive: true });
});

test('one log: nothing on standard output, every line in one form', async () => {
  const p = await startProbe({ env: { CM_TLS: 'self' } });
  await ask(p, '/echo');
  process.kill(p.workers()[0], 'SIGKILL');
  await until(() => p.log().includes('restarting'));
  await p.stop();
  for (const line of p.log().trim().split('\n'))
    assert.match(line, /^(\d{4}-\d\d-\d\dT\S+Z (debug|info|warn|error) \S+ |serving http)/, line);
});

test('user: workers are not root and have no capability, their group is the socket’s', { skip: !root }, async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-kore-'));
  chmodSync(dir, 0o755);
  const sock = `${dir}/engine.sock`;
  const server = net.createServer().listen(sock);
  await new Promise((r) => server.once('listening', r));
  chmodSync(sock, 0o660);
  for (const gid of [4321, 0]) {
    chownSync(sock, 0, gid);
    const p = await startProbe({ env: { DOCKER_HOST: `unix://${sock}` } });
    for (const pid of p.workers()) {
      assert.match(status(pid, 'Uid'), /^(\d+)\t\1\t\1\t\1$/);
      assert.doesNotMatch(status(pid, 'Uid'), /^0\t/);
      assert.equal(status(pid, 'Gid').split('\t')[0], String(gid));
      assert.equal(status(pid, 'Groups').trim(), String(gid));
      assert.equal(status(pid, 'CapEff'), '0000000000000000');
      assert.equal(status(pid, 'NoNewPrivs'), '1');
    }
    for (const d of ['.', 'backups', 'config', 'tmp', 'config/tls']) {
      const st = statSync(`${p.dir}/data/${d}`);
      assert.equal(String(st.uid), status(p.workers()[0], 'Uid').split('\t')[0], d);
      if (d !== '.') assert.equal(st.mode & 0o777, 0o700, d);
    }
    await p.stop();
  }
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

test('user: only what is ours in the data folder changes hands, no second name of another file', { skip: !root }, async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-kore-'));
  chmodSync(dir, 0o755);
  const data = `${dir}/home`;
  mkdirSync(`${data}/backups`, { recursive: true });
  writeFileSync(`${data}/notes.txt`, 'mine');
  writeFileSync(`${dir}/secret`, 's');
  linkSync(`${dir}/secret`, `${data}/backups/trap`);
  writeFileSync(`${data}/backups/old.tar.gz`, 'b');
  const p = await startProbe({ env: { CM_DATA: data } });
  const uid = Number(status(p.workers()[0], 'Uid').split('\t')[0]);
  assert.equal(statSync(data).uid, 0, 'a folder with other things stays its owner’s');
  assert.equal(statSync(`${data}/notes.txt`).uid, 0);
  assert.equal(statSync(`${dir}/secret`).uid, 0);
  assert.equal(statSync(`${data}/backups/old.tar.gz`).uid, uid);
  await p.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('user: a data folder that the workers cannot reach is named', { skip: !root }, () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-kore-'));
  mkdirSync(`${dir}/in`);
  writeFileSync(`${dir}/file`, '');
  const r = spawnSync(probeBinary, { env: { CM_DATA: `${dir}/in/data`, CM_PORT: '18998' }, timeout: 10000 });
  rmSync(dir, { recursive: true });
  assert.equal(r.status, 1);
  assert.match(r.stderr.toString(), /may not enter .*CM_DATA/);
});

test('user: started by an ordinary user the program stays that user', { skip: !root }, async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-kore-'));
  chmodSync(dir, 0o755);
  copyFileSync(probeBinary, `${dir}/probe`);
  chmodSync(`${dir}/probe`, 0o755);
  mkdirSync(`${dir}/d`);
  chownSync(`${dir}/d`, 4444, 4444);
  const port = await freePort();
  const r = spawnSync('setpriv', ['--reuid', '4444', '--regid', '4444', '--clear-groups', 'timeout', '2', `${dir}/probe`],
    { env: { PATH: process.env.PATH, CM_DATA: `${dir}/d/data`, CM_PORT: String(port) } });
  assert.match(r.stderr.toString(), /serving http/);
  assert.equal(statSync(`${dir}/d/data/config`).uid, 4444);
  rmSync(dir, { recursive: true, force: true });
});

test('seccomp: every worker has the filter; a forbidden call ends the whole worker, and another takes its place', async () => {
  const p = await startProbe();
  const before = p.workers();
  for (const pid of before) assert.equal(status(pid, 'Seccomp'), '2');
  const r = await ask(p, '/forbidden');
  assert.equal(r.text, '');
  assert.ok(await until(() => p.workers().length === 2 && p.workers().join() !== before.join()), p.log());
  assert.ok(await until(() => /sandbox violation/.test(p.log())), p.log());
  for (let i = 0; i < 5; i++) assert.deepEqual(statuses(await ask(p, '/echo')), [200]);
});

test('a worker that is killed is replaced, again and again', async () => {
  const p = await startProbe();
  for (let i = 0; i < 4; i++) {
    const [victim] = p.workers();
    process.kill(victim, 'SIGKILL');
    assert.ok(await until(() => p.workers().length === 2 && !p.workers().includes(victim)), p.log());
    for (let k = 0; k < 4; k++) assert.deepEqual(statuses(await ask(p, '/echo')), [200]);
  }
  const r = await ask(p, '/crash');
  assert.equal(r.text, '');
  assert.ok(await until(() => p.workers().length === 2));
  assert.deepEqual(statuses(await ask(p, '/echo')), [200]);
});

test('a worker whose memory is in disorder ends and is replaced', async () => {
  const p = await startProbe();
  const before = p.workers();
  await ask(p, '/disorder').catch(() => {});
  assert.ok(await until(() => p.workers().length === 2 && !before.every((w) => p.workers().includes(w))), p.log());
  assert.match(p.log(), /was not busy/);
  assert.deepEqual(statuses(await ask(p, '/echo')), [200]);
});

test('SIGTERM ends it with status 0; running requests are answered, downloads are cut, the port is free at once', async () => {
  const p = await startProbe();
  const slow = [ask(p, '/slow?ms=1500'), ask(p, '/slow?ms=1500')];
  const stream = ask(p, '/stream?pause=20');
  const events = ask(p, '/events');
  await sleep(300);
  const begin = Date.now();
  process.kill(p.pid, 'SIGTERM');
  await sleep(200);
  assert.equal((await ask(p, '/hello')).error, 'ECONNREFUSED');
  const end = await p.ended;
  assert.deepEqual(end, { code: 0, signal: null });
  assert.ok(Date.now() - begin < 5000, `${Date.now() - begin} ms`);
  for (const r of slow) assert.deepEqual(statuses(await r), [200]);
  assert.ok((await stream).closed && (await events).closed);
  assert.equal((p.log().match(/runner ended/g) || []).length, 2);
});

test('SIGTERM ends it within 10 s also when a job and a request do not listen', async () => {
  const p = await startProbe({ env: { CM_PROBE_STUBBORN: '1' } });
  const slow = ask(p, '/slow?ms=30000', 40000);
  await sleep(200);
  const pids = processTree(p.pid);
  const begin = Date.now();
  const end = await p.stop();
  const ms = Date.now() - begin;
  assert.deepEqual(end, { code: 0, signal: null });
  assert.ok(ms < 9800, `${ms} ms`);
  assert.ok((await slow).closed);
  assert.ok(pids.every((pid) => !alive(pid)));
});

test('Ctrl-C: SIGINT to the whole group ends it with status 0', async () => {
  for (let i = 0; i < 5; i++) {
    const p = await startProbe();
    process.kill(-p.pid, 'SIGINT');
    assert.deepEqual(await p.ended, { code: 0, signal: null });
  }
});

test('parent killed: no worker stays, the port is free', async () => {
  const p = await startProbe({ env: { CM_TLS: 'self' } });
  const all = processTree(p.pid);
  assert.equal(all.length, 4);
  process.kill(p.pid, 'SIGKILL');
  assert.ok(await until(() => all.every((pid) => !alive(pid)), 9500), all.map(cmdline).join('\n'));
});

test('no traces: a killed program leaves no shared memory behind', async () => {
  const segments = () => readFileSync('/proc/sysvipc/shm', 'utf8').split('\n').length;
  const before = segments();
  const p = await startProbe();
  for (const pid of processTree(p.pid)) process.kill(pid, 'SIGKILL');
  await p.ended;
  assert.equal(segments(), before);
});

test('no file references and no file maps of Kore are used: they lose descriptors', () => {
  const src = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../src');
  const r = spawnSync('grep', ['-rlE', 'fileref|kore_filemap', src]);
  assert.equal(r.stdout.toString(), '');
});

test('an open descriptor limit without end does not slow the start', { skip: !root }, async () => {
  const file = writeFile('/tmp', `cm-kore-limit-${process.pid}.sh`, `ulimit -n 1048576\nexec "${probeBinary}"\n`);
  const dir = mkdtempSync(path.join(tmpdir(), 'cm-kore-'));
  chmodSync(dir, 0o755);
  const port = await freePort();
  const begin = Date.now();
  const r = spawnSync('timeout', ['3', 'bash', file], { env: { PATH: process.env.PATH, CM_DATA: `${dir}/data`, CM_PORT: String(port) } });
  assert.match(r.stderr.toString(), /serving/);
  assert.ok(Date.now() - begin < 3800);
  rmSync(dir, { recursive: true, force: true });
  rmSync(file);
});
