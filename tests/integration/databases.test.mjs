// SPDX-License-Identifier: GPL-3.0-or-later
// Real databases under load: backed up paused, stopped and live with a dump, lost, restored. The measure is what clients
// were told: everything acknowledged before the database was paused or stopped is there, nothing is damaged, and what
// was never asked for is not there.
import { test, assert, after, before, docker, inspect, removeAll, startApp } from '../tools/harness.mjs';
import { until } from './restore_tools.mjs';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const p = `cmdb${process.pid}-`;
const pg = `${p}pg`;
const redis = `${p}redis`;
const app = await startApp();
// The time of a message of the engine and that of a line read here are of one clock.
const now = () => Number(process.hrtime.bigint() - zero) + zeroNs;
const zero = process.hrtime.bigint();
const zeroNs = Date.now() * 1e6;

const sql = (container, database, text) => docker('exec', container, 'psql', '-qAtX', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', text);
const reply = (container, ...args) => docker('exec', container, 'redis-cli', '--raw', ...args);

// A client in a container of its own: sends the next command when the answer to the last one is there, and remembers
// when it came. It ends with its connection.
class Client {
  constructor(command, send, isAnswer) {
    this.answers = []; // times
    this.child = spawn('docker', ['exec', '-i', `${p}client`, ...command], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.child.stdin.on('error', () => {});
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
    const next = () => this.child.stdin.write(`${send(this.answers.length + 1)}\n`);
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      if (!isAnswer(line, this.answers.length + 1)) return;
      this.answers.push(now());
      if (!this.done) next();
    });
    next();
  }

  before(time) {
    return this.answers.filter((t) => t <= time).length;
  }

  async end() {
    this.done = true;
    this.child.stdin.end();
    await this.ended;
    return this.answers.length;
  }
}

// What the engine did to a container meanwhile: [{ action, time }], in the clock of now().
async function watched(container, work) {
  const since = (Date.now() - 1000) / 1000;
  const result = await work();
  const list = await docker('events', '--since', since, '--until', Math.ceil(Date.now() / 1000) + 1, '--filter', `container=${container}`, '--format', '{{json .}}');
  return { result, events: list.split('\n').filter(Boolean).map((l) => JSON.parse(l)).map((e) => ({ action: e.Action, time: e.timeNano })) };
}
// When the engine had done it. Clocks of milliseconds and nanoseconds differ by up to one.
const moment = (events, action) => {
  const e = events.find((x) => x.action === action);
  assert.ok(e, `the engine said nothing of ${action}: ${events.map((x) => x.action)}`);
  return { before: e.time - 2e6, after: e.time + 2e6 };
};

const healthy = (name) => until(`${name} to be healthy`, 180, async () => (await inspect(name)).State.Health?.Status === 'healthy');

async function lose(name, ...volumes) {
  await docker('rm', '-f', '-v', name);
  for (const v of volumes) await docker('volume', 'rm', v);
}

async function restored(name, file, options = {}) {
  const r = await app.restore(file, options);
  assert.equal(r.status, 200, r.text);
  if (options.start !== false) await healthy(name);
}

before(async () => {
  await removeAll(p);
  await docker('network', 'create', `${p}net`);
  await docker('run', '-d', '--name', `${p}client`, '--network', `${p}net`, '--entrypoint', 'sleep', '--no-healthcheck', '--stop-timeout', '0', 'postgres:local', '1000000');
});
after(() => removeAll(p));

/* PostgreSQL */

const pgClient = () => new Client(['psql', '-qAtX', '-h', pg, '-d', 'bench'], (n) => `INSERT INTO acknowledged VALUES (${n}) RETURNING n;`, (line, n) => line === String(n));

// Load, and the client whose answers count; works until told to end.
async function underLoad(work) {
  await sql(pg, 'bench', 'TRUNCATE acknowledged');
  await docker('run', '-d', '--name', `${p}load`, '--network', `${p}net`, '--no-healthcheck', '--entrypoint', 'pgbench', 'postgres:local',
    '-h', pg, '-n', '-c', '2', '-T', '3600', 'bench');
  const client = pgClient();
  try {
    await until('load', 120, async () => client.answers.length > 50 && Number(await sql(pg, 'bench', 'SELECT count(*) FROM pgbench_history')) > 50);
    return { ...await watched(pg, () => work(client)), client };
  } finally {
    await client.end();
    await docker('rm', '-f', '-v', `${p}load`);
  }
}

// Nothing damaged, the sums of pgbench agree, and exactly the numbers 1 to k, k from the first to the last possible.
async function sound(container, least, most, database = 'bench') {
  await docker('exec', container, 'pg_amcheck', '--install-missing', '--heapallindexed', '--all');
  const [n, top, accounts, tellers, branches, sums] = (await sql(container, database, `SELECT (SELECT count(*) FROM acknowledged),
    (SELECT coalesce(max(n), 0) FROM acknowledged), (SELECT count(*) FROM pgbench_accounts), (SELECT count(*) FROM pgbench_tellers),
    (SELECT count(*) FROM pgbench_branches), (SELECT count(DISTINCT s) FROM (SELECT sum(abalance) s FROM pgbench_accounts UNION ALL
    SELECT sum(tbalance) FROM pgbench_tellers UNION ALL SELECT sum(bbalance) FROM pgbench_branches UNION ALL
    SELECT sum(delta) FROM pgbench_history) x)`)).split('|').map(Number);
  assert.deepEqual({ accounts, tellers, branches, sums }, { accounts: 100000, tellers: 10, branches: 1, sums: 1 });
  assert.equal(top, n, 'a number between is missing');
  assert.ok(least > 50 && n >= least && n <= most, `${n} rows; acknowledged before: ${least}, asked for at most: ${most}`);
  console.log(`# PostgreSQL: ${n} rows, ${least} acknowledged before`);
}

test('PostgreSQL under load', { timeout: 850000 }, async (t) => {
  await docker('volume', 'create', `${p}dump`);
  await docker('run', '--rm', '-v', `${p}dump:/dump`, 'busybox:local', 'chown', '999:999', '/dump');
  await docker('run', '-d', '--name', pg, '--network', `${p}net`, '--shm-size', '128m', '--stop-timeout', '60',
    '-v', `${p}data:/var/lib/postgresql/data`, '-v', `${p}dump:/dump`, 'postgres:local');
  await healthy(pg);
  await docker('exec', pg, 'createdb', 'bench');
  await docker('exec', pg, 'pgbench', '-q', '-i', 'bench');
  await sql(pg, 'bench', 'CREATE TABLE acknowledged (n int PRIMARY KEY)');

  await t.test('paused: what was acknowledged before the pause is there', async () => {
    const { result, events, client } = await underLoad(() => app.backup(pg, { consistency: 'pause' }));
    await lose(pg, `${p}data`, `${p}dump`);
    await restored(pg, result.file);
    const at = moment(events, 'pause');
    // One more may be on its way: the next command is only sent when the answer was read.
    await sound(pg, client.before(at.before), client.before(at.after) + 1);
  });

  await t.test('stopped: what was acknowledged before the end is there', async () => {
    const { result, events, client } = await underLoad(() => app.backup(pg, { consistency: 'stop' }));
    await lose(pg, `${p}data`, `${p}dump`);
    await restored(pg, result.file);
    moment(events, 'die');
    await sound(pg, client.answers.length, client.answers.length + 1);
  });

  await t.test('a dump that fails fails the backup', async () => {
    const b = await app.backup(pg, { consistency: 'live', exec_pre: 'pg_dump -f /dump/x nosuch' }, 'error');
    assert.match(b.error, /pg_dump/);
    assert.match(b.error, /nosuch/);
  });

  await t.test('live with a dump by a command before: the dump fills a fresh cluster', async () => {
    let least;
    const { result, client } = await underLoad((c) => {
      least = c.answers.length;
      return app.backup(pg, { consistency: 'live', exec_pre: 'pg_dump -Fc -Z0 -f /dump/bench.dump bench' });
    });
    await lose(pg, `${p}data`, `${p}dump`);
    await restored(pg, result.file, { start: false });
    assert.equal((await inspect(pg)).State.Running, false);
    const fresh = `${p}fresh`;
    await docker('run', '-d', '--name', fresh, '-v', `${p}dump:/dump:ro`, 'postgres:local');
    await healthy(fresh);
    await docker('exec', fresh, 'pg_restore', '--exit-on-error', '-C', '-d', 'postgres', '/dump/bench.dump');
    await sound(fresh, least, client.answers.length + 1);
    await lose(fresh);
  });
  await lose(pg, `${p}data`, `${p}dump`);
});

/* Redis */

const redisClient = () => new Client(['nc', redis, '6379'], (n) => `RPUSH acknowledged ${n}\r`, (line, n) => line.trim() === `:${n}`);

async function writing(work) {
  await reply(redis, 'del', 'acknowledged');
  const client = redisClient();
  try {
    await until('writes', 120, () => client.answers.length > 200);
    return { ...await watched(redis, () => work(client)), client };
  } finally {
    await client.end();
  }
}

async function whole(container, least, most) {
  const list = (await reply(container, 'lrange', 'acknowledged', '0', '-1')).split('\n').map(Number);
  assert.ok(list.every((v, i) => v === i + 1), 'a number between is missing');
  assert.ok(least > 200 && list.length >= least && list.length <= most, `${list.length} values; acknowledged before: ${least}, asked for at most: ${most}`);
  assert.equal(await reply(container, 'get', 'kept'), 'from the beginning');
  console.log(`# Redis: ${list.length} values, ${least} acknowledged before`);
}

test('Redis under writes', { timeout: 850000 }, async (t) => {
  await docker('run', '-d', '--name', redis, '--network', `${p}net`, '-v', `${p}rdata:/data`, 'redis:local');
  await healthy(redis);
  await reply(redis, 'set', 'kept', 'from the beginning');

  await t.test('paused', async () => {
    const { result, events, client } = await writing(() => app.backup(redis, { consistency: 'pause' }));
    await lose(redis, `${p}rdata`);
    await restored(redis, result.file);
    const at = moment(events, 'pause');
    await whole(redis, client.before(at.before), client.before(at.after) + 1);
  });

  await t.test('stopped', async () => {
    const { result, events, client } = await writing(() => app.backup(redis, { consistency: 'stop' }));
    await lose(redis, `${p}rdata`);
    await restored(redis, result.file);
    moment(events, 'die');
    await whole(redis, client.answers.length, client.answers.length + 1);
  });

  await t.test('live, saved by a command before: the snapshot starts', async () => {
    let least;
    const { result, client } = await writing((c) => {
      least = c.answers.length;
      return app.backup(redis, { consistency: 'live', exec_pre: 'redis-cli save' });
    });
    await lose(redis, `${p}rdata`);
    await restored(redis, result.file, { start: false });
    // The snapshot alone, without the file that was appended to while it was read.
    const fresh = `${p}rfresh`;
    await docker('run', '-d', '--name', fresh, '--entrypoint', 'redis-server', '-v', `${p}rdata:/data`, 'redis:local', '--dir', '/data', '--appendonly', 'no');
    await healthy(fresh);
    await whole(fresh, least, client.answers.length + 1);
    await lose(fresh);
  });
  await lose(redis, `${p}rdata`);
});
