// SPDX-License-Identifier: GPL-3.0-or-later
// Logs of real containers: how many lines, from when, of which output, of a terminal; hostile lines; following, slowly
// and far too fast; whole logs as files in constant memory; several containers together.
import { request } from 'node:http';
import { test, assert, docker, startApp, removeAll, after, before, sleep, pss, fetchRaw } from '../tools/harness.mjs';

// What the machine of every change has no time for.
const long = Boolean(process.env.TEST_LONG);
const rounds = long ? 50 : 15, bigLines = long ? 200000 : 40000;
const p = 'cmlogs-';
const app = await startApp();
const run = (name, script, ...more) => docker('run', '-d', '--name', p + name, ...more, 'busybox:local', 'sh', '-c', script);
const text = async (name, query = '') => {
  const r = await app.api('GET', `/api/container/${p}${name}/logs${query}`);
  assert.equal(r.status, 200, r.text);
  return r.json.logs;
};
const lines = async (name, query) => (await text(name, query)).split('\n').slice(0, -1);

// Waits until something is true; fails loudly when it never is.
async function until(what, fn, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) if (await fn()) return;
  assert.fail(`not in ${seconds} s: ${what}`);
}

// Follows; events come as objects. close() ends it.
function follow(where, onEvent, headers = {}) {
  const req = request(app.url + where, { headers: app.headers(headers), agent: false });
  let rest = '';
  req.on('response', (res) => {
    res.setEncoding('utf8');
    res.on('data', (c) => {
      rest += c;
      for (let at; (at = rest.indexOf('\n\n')) >= 0; rest = rest.slice(at + 2)) {
        const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(rest.slice(0, at))?.[1];
        if (field('event')) onEvent({ event: field('event'), id: field('id'), data: JSON.parse(field('data')) });
      }
    });
    res.on('error', () => {});
  });
  req.on('error', () => {});
  req.end();
  return { close: () => req.destroy() };
}
const shown = (line) => line.r.map((r) => r[0]).join('');

before(async () => {
  await removeAll(p);
  await Promise.all([
    run('plain', 'for i in $(seq 1 300); do echo line $i; done; sleep 0.5; echo wrong >&2'),
    run('hostile', String.raw`printf '<script>alert(1)</script>\n\033[31mred\033[0m \033]0;title\007done\n\377\376bad\nback\bspace\nlong\rline\n'; head -c 100000 /dev/zero | tr '\0' x; echo`, '--log-driver', 'local'),
    run('tty', 'echo first; echo second >&2; exec sleep 1000000', '-t'),
    run('none', 'echo x', '--log-driver', 'none'),
    run('quiet', 'exec sleep 1000000', '-i'),
    run('one', 'for i in 1 3 5; do echo one $i; sleep 0.4; done', '--label', 'com.docker.compose.project=cmlogs'),
    run('two', 'sleep 0.2; for i in 2 4 6; do echo two $i; sleep 0.4; done', '--label', 'com.docker.compose.project=cmlogs'),
  ]);
  for (const name of ['plain', 'hostile', 'one', 'two']) await docker('wait', p + name);
});
after(() => removeAll(p));

test('the last lines, a hundred when nothing is said', async () => {
  assert.equal((await lines('plain')).length, 100);
  assert.deepEqual((await lines('plain', '?tail=2')).sort(), ['line 300', 'wrong']);
  assert.equal((await lines('plain', '?tail=all')).length, 301);
  assert.equal((await lines('plain', '?tail=no-number')).length, 100);
  assert.equal(await text('plain', '?tail=0'), '');
  const bad = await app.api('GET', `/api/container/${p}plain/logs?tail=-1`);
  assert.equal(bad.status, 400);
  assert.equal(bad.json.error, 'tail must be at least 0');
  assert.equal((await app.api('GET', `/api/container/${p}plain/logs?tail=5000000`)).status, 400);
});

test('one output, a text, a time: the last lines that match, not what matches among the last', async () => {
  assert.deepEqual(await lines('plain', '?tail=1&stream=stderr'), ['wrong']);
  assert.deepEqual(await lines('plain', '?tail=1&stderr=0'), ['line 300']);
  assert.deepEqual(await lines('plain', '?tail=1&q=LINE%207'), ['line 79']);
  assert.deepEqual(await lines('plain', '?tail=5&q=no-such-text'), []);
  assert.equal((await lines('plain', '?tail=all&last=1h')).length, 301);
  assert.deepEqual(await lines('plain', '?until=2001-01-01'), []);
  const [stamped] = await lines('plain', '?tail=all&timestamps=1&q=line%20150');
  const at = /^(\S+Z) line 150$/.exec(stamped)[1];
  assert.ok((await lines('plain', `?tail=all&since=${at}`)).includes('line 150'));
  const late = new Date(Date.parse(at) + 3600e3).toISOString();
  assert.deepEqual(await lines('plain', `?since=${late}`), []);
  assert.equal((await lines('plain', `?tail=3&until=${late}`)).length, 3);
  for (const bad of ['since=yesterday', 'stdout=0&stderr=0', 'since=2020-01-02&until=2020-01-01'])
    assert.equal((await app.api('GET', `/api/container/${p}plain/logs?${bad}`)).status, 400, bad);
});

test('a terminal has one output, without carriage returns', async () => {
  await until('both lines', async () => (await lines('tty')).length === 2);
  assert.deepEqual(await lines('tty'), ['first', 'second']);
});

test('unknown is 404, no log is said, an engine that is away is 503', async () => {
  assert.equal((await app.api('GET', `/api/container/${p}no-such/logs`)).status, 404);
  assert.equal((await app.api('GET', `/api/container/${p}no-such/logs/stream`)).status, 404);
  assert.equal((await app.get(`/logs/${p}no-such`)).status, 404);
  assert.equal((await app.get('/logs?stack=no-such')).status, 404);
  const none = await app.api('GET', `/api/container/${p}none/logs`);
  assert.equal(none.status, 422);
  assert.match(none.json.error, /keeps no log: its logging driver is "none"/);
  const away = await startApp({ env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
  const r = await away.api('GET', '/api/container/x/logs');
  assert.equal(r.status, 503);
  assert.match(r.json.error, /not reachable/);
  assert.equal((await away.get('/logs/x')).status, 503);
});

test('what a container writes is data', async () => {
  const page = (await app.get(`/logs/${p}hostile`)).text;
  assert.doesNotMatch(page, /<script>alert/);
  assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.match(page, /<i class="f2">red<\/i> done</);
  assert.doesNotMatch(page, /title<|[\x1b\x07\x08]/); // eslint-disable-line no-control-regex
  assert.match(page, />\ufffd\ufffdbad</);
  assert.match(page, />back\u2408space</);
  assert.match(page, />long\u240dline</);
  assert.match(page, /the rest of this line is left out/);
  const hit = (await app.get(`/logs/${p}hostile?q=SCRIPT%3Eal`)).text;
  assert.match(hit, /&lt;<mark>script&gt;al<\/mark>ert/);
  const all = await app.download(`/logs/${p}hostile/download`);
  assert.ok(all.buffer.includes(Buffer.from([0xff, 0xfe])), 'the file has the bytes as they were written');
  assert.ok(all.buffer.includes(Buffer.alloc(100000, 'x')), 'and long lines whole');
  assert.match(all.headers['content-disposition'], /attachment; filename="?cmlogs-hostile_\d{8}_\d{6}\.log/);
});

test('a stack is one log by time, each line with its container', async () => {
  const r = await app.api('GET', '/api/logs?stack=cmlogs');
  const both = await Promise.all(['one', 'two'].map(async (n) => (await lines(n, '?timestamps=1')).map((l) => l.replace(' ', ` ${p}${n} | `))));
  assert.equal(both.flat().length, 6);
  assert.equal(r.json.logs, both.flat().sort().map((l) => `${l.replace(/^\S+ /, '')}\n`).join(''));
  assert.equal((await app.download('/logs/download?stack=cmlogs')).buffer.toString(), r.json.logs);
  assert.equal((await app.api('GET', `/api/container/${p}one/logs?with=${p}two&tail=2`)).json.logs, r.json.logs.split('\n').slice(4).join('\n'));
  const page = (await app.get('/logs?stack=cmlogs')).text;
  assert.match(page, /<b class="s2">cmlogs-two<\/b><span>two 6<\/span>/);
});

test('without JavaScript the page refreshes when asked', async () => {
  assert.doesNotMatch((await app.get(`/logs/${p}plain`)).text, /http-equiv="refresh"/);
  const page = (await app.get(`/logs/${p}plain?refresh=5`)).text;
  assert.match(page, /<noscript><meta http-equiv="refresh" content="5"><\/noscript>/);
  assert.match(page, /Stop refreshing/);
});

test('following shows a line within a second, a stop, a start, and goes on where it was', async () => {
  await run('talk', 'echo begin; mkfifo /f || exit; exec 3<>/f; while read l <&3; do echo "$l"; done');
  await until('it talks', async () => (await text('talk')).includes('begin'));
  const seen = [];
  let id;
  const f = follow(`/api/container/${p}talk/logs/stream?from_ns=1`, (e) => {
    seen.push(...e.data.lines.map(shown), ...(e.data.note ? [e.data.note] : []));
    id = e.id;
  });
  await until('the first line', () => seen.includes('begin'));
  const t = Date.now();
  await docker('exec', `${p}talk`, 'sh', '-c', 'echo "a new line" > /f');
  await until('the new line', () => seen.includes('a new line'));
  assert.ok(Date.now() - t < 5000, `${Date.now() - t} ms`);
  await docker('kill', `${p}talk`);
  await until('the stop', () => seen.some((s) => /has stopped/.test(s)));
  f.close();
  const again = [];
  const g = follow(`/api/container/${p}talk/logs/stream`, (e) => again.push(...e.data.lines.map(shown)), { 'last-event-id': id });
  await docker('start', `${p}talk`).catch(() => {}); // its fifo is there already: it writes and ends
  await until('what came after', () => again.includes('begin'));
  assert.deepEqual(again.filter((l) => l === 'a new line'), [], 'nothing twice');
  g.close();
});

test('ten thousand lines a second: the newest are shown, the rest is counted, memory stays', async () => {
  await run('fast', `i=0; while [ $i -lt ${rounds} ]; do i=$((i+1)); seq 1 1000; sleep 0.1; done; echo the end`);
  let got = 0, skipped = 0, biggest = 0, end = false;
  const beforeKb = pss(app.process.pid);
  let most = 0;
  const f = follow(`/api/container/${p}fast/logs/stream?from_ns=1`, (e) => {
    got += e.data.lines.length;
    skipped += e.data.skipped;
    biggest = Math.max(biggest, e.data.lines.length);
    end ||= e.data.lines.some((l) => shown(l) === 'the end');
    most = Math.max(most, pss(app.process.pid));
  });
  await until('the end of it', () => end, 90);
  f.close();
  assert.equal(got + skipped, rounds * 1000 + 1, `${got} shown, ${skipped} skipped`);
  assert.ok(biggest <= 400, `${biggest} lines in one event`);
  assert.ok(most - beforeKb < 40000, `${most - beforeKb} kB more`);
});

test('a large log comes as a file in constant memory, and all of it is not for a page', async () => {
  await run('big', `yes "$(head -c 999 /dev/zero | tr '\\0' y)" | head -n ${bigLines}; echo the last`);
  await docker('wait', `${p}big`);
  const beforeKb = pss(app.process.pid);
  let bytes = 0, most = 0;
  await new Promise((resolve, reject) => {
    request(`${app.url}/logs/${p}big/download`, { headers: app.headers(), agent: false }, (res) => {
      assert.equal(res.statusCode, 200);
      res.on('data', (c) => {
        if (bytes >> 25 !== (bytes + c.length) >> 25) most = Math.max(most, pss(app.process.pid));
        bytes += c.length;
      });
      res.on('end', resolve);
      res.on('error', reject);
    }).on('error', reject).end();
  });
  assert.equal(bytes, bigLines * 1000 + 9);
  assert.ok(most - beforeKb < 30000, `${most - beforeKb} kB more`);
  const page = await app.get(`/logs/${p}big?tail=all`);
  assert.equal(page.text.match(/<li/g).filter(Boolean).length > 1000, true);
  assert.match(page.text, /The download has all of them/);
  const found = await app.api('GET', `/api/container/${p}big/logs?tail=5&q=the%20last`);
  assert.deepEqual(found.json.logs, 'the last\n');
});

test('a viewer may read', async () => {
  const token = await app.api('POST', '/api/tokens', { name: 'cmlogs', role: 'viewer' });
  const r = await fetchRaw(`${app.url}/api/container/${p}plain/logs`, { headers: { authorization: `Bearer ${token.json.token}` } });
  assert.equal(r.status, 200);
  assert.equal((await fetchRaw(`${app.url}/api/container/${p}plain/logs`)).status, 401);
});
