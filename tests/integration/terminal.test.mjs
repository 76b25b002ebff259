// SPDX-License-Identifier: GPL-3.0-or-later
// The terminal of the console over a websocket to real containers: typing, sizes, floods in both directions, who may,
// what ends it, and that nothing stays behind.
import { test, assert, docker, startApp, removeAll, after, before, sleep, pss, fetchRaw, freePort, processTree, password } from '../tools/harness.mjs';
import { openSocket } from '../tools/websocket.mjs';
import { readdirSync, readlinkSync } from 'node:fs';

const p = 'cmterm-';
const tlsPort = await freePort();
const app = await startApp({ env: { CM_TLS: 'self', CM_TLS_PORT: String(tlsPort) } });
const origin = { origin: app.url };

async function until(what, fn, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) if (await fn()) return;
  assert.fail(`not in ${seconds} s: ${what}`);
}

// A console that takes everything as a page does: says what it has shown.
async function open(name, query = '', { base = app.url, headers = app.headers(origin), polite = true } = {}) {
  const ws = await openSocket(`${base}/api/container/${p}${name}/console${query}`, headers);
  if (ws.status) return ws;
  Object.assign(ws, { output: '', bytes: 0, messages: [] });
  ws.on('text', (t) => ws.messages.push(JSON.parse(t)));
  ws.on('binary', (b) => {
    ws.output = (ws.output + b.toString('latin1')).slice(-200000);
    ws.bytes += b.length;
    if (polite) ws.text(JSON.stringify({ shown: ws.bytes }));
  });
  ws.type = (s) => ws.binary(s);
  ws.says = (key) => ws.messages.find((m) => key in m);
  return ws;
}
const ready = (ws) => until('a console', () => ws.says('ready') || ws.says('end'));
const top = async () => docker('top', `${p}run`);
// Whose places are held: a process for each.
const holders = () => processTree(app.process.pid).flatMap((pid) => {
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((f) => /consoles/.test(readlinkSync(`/proc/${pid}/fd/${f}`))).map(() => pid);
  } catch {
    return []; // ended meanwhile
  }
});
const held = () => holders().length;
const audits = async () => (await app.api('GET', '/api/audit-logs?operation_type=console')).json.logs;

before(async () => {
  await removeAll(p);
  await Promise.all([
    docker('run', '-d', '--init', '--name', `${p}run`, '-w', '/srv', 'busybox:local', 'sleep', '1000000'),
    docker('create', '--name', `${p}stopped`, 'busybox:local', 'sleep', '1000000'),
  ]);
});
after(() => removeAll(p));

test('typing gives output; the size is what stty says, also after a change; exit ends it', async () => {
  const ws = await open('run', '?rows=30&cols=100');
  await ready(ws);
  assert.deepEqual(ws.says('ready'), { ready: true, shell: 'sh' });
  ws.type('stty size; pwd; id -u\n');
  await until('the size', () => /30 100\r\n\/srv\r\n0\r\n/.test(ws.output));
  ws.text('{"rows":41,"cols":123}');
  await sleep(300);
  ws.type('stty size; echo $TERM; exit 7\n');
  await until('the end', () => ws.says('end'));
  assert.match(ws.output, /41 123\r\nxterm-256color/);
  assert.match(ws.says('end').end, /exit code 7/);
  assert.equal(ws.says('end').exit_code, 7);
  assert.equal(await ws.closed, 1000);
  const [done, began] = await audits();
  assert.equal(began.status, 'started');
  assert.equal(done.status, 'completed');
  assert.equal(done.container_name, `${p}run`);
  assert.equal(done.user, 'admin');
  assert.equal(done.details.exit_code, 7);
  assert.ok(done.details.seconds >= 0);
});

test('shell, user and working directory are chosen; over TLS too', async () => {
  const tls = `https://127.0.0.1:${tlsPort}`;
  const ws = await open('run', '?shell=sh%20-c%20%22id%20-u%3B%20pwd%3B%20read%20x%3B%20echo%20got-%24x%22&user=1000&workdir=/tmp', { base: tls, headers: app.headers({ origin: tls }) });
  await until('its words', () => /1000\r\n\/tmp\r\n/.test(ws.output));
  ws.type('secure\n');
  await until('the answer', () => /got-secure/.test(ws.output));
  await until('the end', () => ws.says('end')?.exit_code === 0);
});

test('what cannot be is said within, or refused', async () => {
  const no = async (name, query, say) => {
    const ws = await open(name, query);
    await until(say, () => ws.says('end'));
    assert.match(ws.says('end').end, say);
    await ws.closed;
  };
  await no('gone', '', /no container/i);
  await no('stopped', '', /not running/i);
  await no('run', '?shell=%22', /not closed/);
  await no('run', '?shell=/no/such/shell', /could not be started|no such file/i);
  assert.equal((await open('run', '?workdir=x')).status, 400);
  assert.equal((await open('run', '?rows=0')).status, 400);
  assert.equal((await app.api('GET', `/api/container/${p}run/console`)).status, 400, 'no handshake');
  assert.equal((await open('run', '', { headers: app.headers({ ...origin, 'sec-websocket-version': '8' }) })).status, 400);
});

test('only an administrator, and no page of another site', async () => {
  assert.equal((await open('run', '', { headers: origin })).status, 401);
  assert.equal((await open('run', '', { headers: app.headers({ origin: 'https://evil.example' }) })).status, 403);
  assert.equal((await open('run', '', { headers: app.headers() })).status, 403, 'no origin');
  assert.equal((await open('run', '', { headers: app.headers({ ...origin, 'sec-fetch-site': 'cross-site' }) })).status, 403);
  for (const [role, status] of [['viewer', 403], ['developer', 403], ['admin', undefined]]) {
    const token = (await app.api('POST', '/api/tokens', { name: p + role, role })).json;
    const ws = await open('run', '', { headers: { authorization: `Bearer ${token.token}` } });
    assert.equal(ws.status, status, role);
    if (status) continue;
    await ready(ws);
    await app.api('DELETE', `/api/tokens/${token.id}`);
    await until('the end', () => ws.says('end'));
    assert.match(ws.says('end').end, /not logged in any more/);
  }
});

test('a flood waits for who reads it: memory and other pages are as before', async () => {
  const ws = await open('run', '', { polite: false });
  await ready(ws);
  const beforeKb = pss(app.process.pid);
  ws.type('yes flood\n');
  await until('a window of it', () => ws.bytes >= 256 * 1024);
  await sleep(500);
  assert.ok(ws.bytes <= 256 * 1024 + 32 * 1024, `${ws.bytes} bytes without a word from us`);
  ws.text(JSON.stringify({ shown: ws.bytes })); // on, and now read nothing at all
  ws.pause();
  for (let i = 0; i < 10; i++) {
    const t = Date.now();
    assert.equal((await app.get('/healthz')).status, 200);
    assert.equal((await app.get('/vault')).status, 200);
    assert.ok(Date.now() - t < 2000, `${Date.now() - t} ms`);
  }
  assert.ok(pss(app.process.pid) - beforeKb < 8000, `${pss(app.process.pid) - beforeKb} kB more`);
  ws.resume();
  const polite = setInterval(() => ws.text(JSON.stringify({ shown: ws.bytes })), 20);
  await until('more of it', () => ws.bytes > 3 << 20);
  ws.type('\x03');
  ws.type('echo still-$((40+2))\n');
  await until('an answer after ^C', () => /still-42/.test(ws.output));
  clearInterval(polite);
  await ws.destroy();
});

test('a paste that nobody reads has an end, one that is read is taken whole', async () => {
  const ws = await open('run', '?shell=sleep%20100000');
  await ready(ws);
  for (let i = 0; i < 400 && !ws.socket.destroyed; i++) ws.binary(Buffer.alloc(4096, 'x\n'));
  await ws.closed;
  const cat = await open('run', '?shell=sh%20-c%20%22stty%20raw%20-echo%3B%20head%20-c%20200000%20%7C%20md5sum%22');
  await ready(cat);
  await sleep(500);
  let sent = 0;
  while (sent < 200000) {
    const took = Math.max(0, ...cat.messages.map((m) => m.took ?? 0));
    if (sent - took > 64000) { await sleep(5); continue; }
    cat.binary(Buffer.alloc(4000, 'y'));
    sent += 4000;
  }
  await until('the sum', () => /[0-9a-f]{32}/.test(cat.output));
});

test('a closed tab leaves nothing: not the shell, not what ran in it, not a descriptor', async () => {
  const all = await Promise.all(Array.from({ length: 5 }, () => open('run')));
  for (const ws of all) {
    await ready(ws);
    ws.type('sleep 987654\n');
  }
  await until('five sleeps', async () => (await top()).split('987654').length === 6);
  all.forEach((ws, i) => (i % 2 ? ws.close() : ws.destroy()));
  await until('no sleep', async () => !(await top()).includes('987654'));
  await until('no shell', async () => !/ sh$/m.test(await top()));
  await until('no place', () => held() === 0);
});

test('fifty at a time, over all workers; the next is told so, and may when one has gone', async () => {
  await until('all places', async () => (await audits()).filter((l) => l.status === 'started').length === (await audits()).filter((l) => l.status === 'completed').length);
  const all = await Promise.all(Array.from({ length: 50 }, () => open('run')));
  for (const ws of all) await ready(ws);
  assert.deepEqual(all.filter((ws) => ws.says('end')).map((ws) => ws.says('end')), []);
  const more = await open('run');
  await ready(more);
  assert.match(more.says('end').end, /50 consoles are open/);
  all[0].type('exit\n');
  await until('one gone', () => all[0].says('end'));
  await all[0].closed;
  const again = await open('run');
  await ready(again);
  assert.ok(again.says('ready'), JSON.stringify(again.messages));
  assert.equal((await app.get('/containers')).status, 200);
  await Promise.all([...all, again].map((ws) => ws.destroy()));
  await until('no shell', async () => !/ sh$/m.test(await top()), 40);
});

test('a worker that is killed gives its places back, and consoles open again', async () => {
  await until('all places', () => held() === 0);
  const ws = await open('run');
  await ready(ws);
  let gone = false;
  ws.once('close', () => { gone = true; });
  // Another worker may just be looking at the file of the places.
  await until('who holds it', () => held() === 1);
  const [pid] = holders();
  process.kill(pid, 'SIGKILL');
  await until('its end', () => gone);
  await until('its place', () => held() === 0);
  let again;
  await until('another worker', async () => { again = await open('run').catch(() => null); return again && !again.status; });
  await ready(again);
  assert.ok(again.says('ready'), JSON.stringify(again.messages));
  await again.destroy();
});

test('it ends with the session, after too long without a key, and with the program', async () => {
  const other = (await fetchRaw(`${app.url}/api/login`, { method: 'POST', body: { username: 'admin', password } }));
  const cookie = other.headers['set-cookie'].map((c) => c.split(';')[0]).join('; ');
  const ws = await open('run', '', { headers: { cookie, ...origin } });
  await ready(ws);
  await fetchRaw(`${app.url}/api/logout`, { method: 'POST', headers: { cookie, 'x-csrftoken': other.json.csrf_token } });
  await until('the end', () => ws.says('end'));
  assert.match(ws.says('end').end, /not logged in any more/);

  assert.equal((await app.api('POST', '/api/ui/settings/console_idle_seconds', { value: '1' })).status, 400);
  assert.equal((await app.api('POST', '/api/ui/settings/console_idle_seconds', { value: '3' })).status, 200);
  const idle = await open('run');
  await ready(idle);
  await until('the end', () => idle.says('end'));
  assert.match(idle.says('end').end, /nothing was typed for 3 s/);
  assert.equal((await app.post('/settings', { console_idle_seconds: 'soon' })).status, 422);
  assert.equal((await app.post('/settings', { console_idle_seconds: '0' })).status, 303);

  const last = await open('run');
  await ready(last);
  last.type('sleep 876543\n');
  await until('the sleep', async () => (await top()).includes('876543'));
  const t = Date.now();
  await app.stop();
  assert.ok(Date.now() - t < 9000, `${Date.now() - t} ms`);
  assert.match(last.says('end').end, /program is ending/);
  await until('no sleep', async () => !(await top()).includes('876543'));
});
