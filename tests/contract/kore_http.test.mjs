// SPDX-License-Identifier: GPL-3.0-or-later
// What the server takes for a request: raw bytes against conf/kore/01-http.patch.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { startProbe, talk, statuses, get, bodyOf, sleep, freePort, writeFile } from '../tools/kore_harness.mjs';

const p = await startProbe();
const ask = (...pieces) => talk(p.port, pieces);
const post = (headers, body = '') => `POST /echo HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`;
const json = (r) => JSON.parse(bodyOf(r).toString());

async function refused(name, expected, ...pieces) {
  const r = await ask(...pieces);
  assert.deepEqual(statuses(r), [expected], `${name}: ${r.text}`);
  assert.ok(r.closed, `${name}: the connection stayed open`);
}

test('a request arrives as it was sent', async () => {
  const r = json(await ask('PUT /echo/a%20b?x=1&x=2 HTTP/1.1\r\nHost: example:99\r\nX-One: 1\r\nContent-Length: 3\r\n\r\nabc'));
  assert.equal(r.method, 'PUT');
  assert.equal(r.path, '/echo/a%20b');
  assert.equal(r.query, 'x=1&x=2');
  assert.equal(r.body, 'abc');
  assert.equal(r.headers.host, 'example:99');
  assert.equal(r.headers['x-one'], '1');
  assert.equal(r.peer, '127.0.0.1');
});

test('every method arrives', async () => {
  for (const m of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const r = json(await ask(`${m} /echo HTTP/1.1\r\nHost: x\r\n${['GET', 'DELETE', 'OPTIONS'].includes(m) ? '' : 'Content-Length: 0\r\n'}\r\n`));
    assert.equal(r.method, m);
  }
  await refused('TRACE', 400, 'TRACE /echo HTTP/1.1\r\nHost: x\r\n\r\n');
});

test('smuggling: a request whose end is in doubt is refused and the connection ends', async () => {
  const second = get('/hello');
  await refused('TE and CL', 400, post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${second}`));
  await refused('chunked alone', 411, post('Transfer-Encoding: chunked\r\n', `5\r\nhello\r\n0\r\n\r\n${second}`));
  await refused('two lengths', 400, post('Content-Length: 5\r\nContent-Length: 3\r\n', `ids=1${second}`));
  await refused('two equal lengths', 400, post('Content-Length: 5\r\nContent-Length: 5\r\n', 'ids=1'));
  for (const bad of ['+5', '-5', '0x5', '5,5', '5 5', '5;', '99999999999999999999', '1e1', "5'"])
    await refused(`length ${bad}`, 400, post(`Content-Length: ${bad}\r\n`, `ids=1${second}`));
  for (const m of ['GET', 'HEAD', 'OPTIONS'])
    await refused(`${m} with a body`, 400, `${m} /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ${second.length}\r\n\r\n`, 50, second);
  await refused('more than the length', 400, post('Content-Length: 2\r\n', 'ids=1&ids=2'));
  await refused('more than none', 400, post('Content-Length: 0\r\n', second));
  await refused('a blank before the colon', 400, post('Content-Length : 5\r\n', 'ids=1'));
  await refused('folded header', 400, get('/echo', 'X-A: 1\r\n  Content-Length: 5\r\n'));
});

test('line ends: only CR LF is one', async () => {
  await refused('LF alone', 400, 'GET /echo HTTP/1.1\nHost: x\n\n');
  await refused('one LF', 400, 'GET /echo HTTP/1.1\r\nHost: x\nX: 1\r\n\r\n');
  await refused('one CR', 400, 'GET /echo HTTP/1.1\r\nHost: x\rX: 1\r\n\r\n');
  await refused('NUL', 400, 'GET /echo HTTP/1.1\r\nHost: x\0y\r\n\r\n');
  await refused('LF LF before the end', 400, post('Content-Length: 3\n\nX: 1\r\n', 'abc'));
});

test('host: exactly one, and not one that only begins like it', async () => {
  await refused('no host', 400, 'GET /echo HTTP/1.1\r\nX: x\r\n\r\n');
  await refused('two hosts', 400, 'GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  await refused('empty host', 400, 'GET /echo HTTP/1.1\r\nHost:\r\n\r\n');
  const r = json(await ask('GET /echo HTTP/1.1\r\nHostile: evil\r\nHost: good\r\n\r\n'));
  assert.equal(r.headers.host, 'good');
  assert.equal(r.headers.hostile, 'evil');
});

test('limits: 64 headers and no more, nothing is dropped', async () => {
  const lines = (n) => Array.from({ length: n }, (_, i) => `X-${i}: ${i}\r\n`).join('');
  const r = json(await ask(get('/echo', lines(63))));
  assert.equal(r.header_count, 64);
  assert.equal(r.headers['x-62'], '62');
  await refused('65 headers', 400, get('/echo', lines(64)));
  await refused('a thousand headers', 400, get('/echo', lines(1000)));
});

test('limits: long headers are 431 at once, long addresses 414, many cookies or fields 400', async () => {
  const begin = Date.now();
  await refused('20 KB of headers', 431, get('/echo', `X: ${'a'.repeat(20000)}\r\n`));
  assert.ok(Date.now() - begin < 3000);
  assert.deepEqual(statuses(await ask(get(`/echo?${'a'.repeat(7000)}`))), [200]);
  await refused('a long address', 414, get(`/echo?${'a'.repeat(9000)}`));
  const fields = (n) => Array.from({ length: n }, (_, i) => `a=${i}`).join('&');
  assert.deepEqual(statuses(await ask(get(`/echo?${fields(512)}`))), [200]);
  await refused('513 fields', 400, get(`/echo?${fields(513)}`));
  const cookies = (n) => `Cookie: ${Array.from({ length: n }, (_, i) => `c${i}=1`).join('; ')}\r\n`;
  assert.deepEqual(statuses(await ask(get('/echo', cookies(64)))), [200]);
  await refused('65 cookies', 400, get('/echo', cookies(65)));
});

test('keep-alive: many requests over one connection, one after the other', async () => {
  const r = await new Promise((resolve, reject) => {
    const s = net.connect(p.port, '127.0.0.1');
    let text = '', n = 0;
    s.on('connect', () => s.write(get('/echo')));
    s.on('error', reject);
    s.on('data', (c) => {
      text += c;
      const got = (text.match(/HTTP\/1\.1 200/g) || []).length;
      if (got > n && text.endsWith('}')) {
        n = got;
        if (n === 50) { s.destroy(); resolve(n); } else s.write(n % 2 ? post('Content-Length: 3\r\n', 'abc') : get('/echo'));
      }
    });
  });
  assert.equal(r, 50);
});

test('pipelining: a second request in the same packet is never answered wrongly', async () => {
  const r = await ask(get('/echo?first') + get('/echo?second'));
  assert.deepEqual(statuses(r), [200]);
  assert.match(r.text, /connection: close/i);
  assert.match(r.text, /first/);
  assert.ok(r.closed);
});

test('pipelining: requests in packets of their own are answered in order', async () => {
  const r = await ask(get('/slow?ms=300'), 50, get('/echo?second'), 20, get('/echo?third'), 600);
  assert.deepEqual(statuses(r).slice(0, 2), [200, 200]);
  assert.match(r.text, /second/);
});

test('HTTP/1.0 and Connection: close end the connection', async () => {
  for (const q of ['GET /hello HTTP/1.0\r\nHost: x\r\n\r\n', get('/hello', 'Connection: close\r\n')]) {
    const r = await ask(q);
    assert.deepEqual(statuses(r), [200]);
    assert.ok(r.closed);
  }
  await refused('HTTP/2.0', 505, 'GET /hello HTTP/2.0\r\nHost: x\r\n\r\n');
});

test('HEAD has the headers of GET and no body; 204 has neither body nor length', async () => {
  const head = await ask('HEAD /big?bytes=5000 HTTP/1.1\r\nHost: x\r\n\r\n', 100, get('/hello'));
  assert.deepEqual(statuses(head), [200, 200]);
  assert.match(head.text, /content-length: 5000/);
  assert.ok(!head.text.includes('xxx'));
  const none = await ask(get('/none'), 100, get('/hello'));
  assert.deepEqual(statuses(none), [204, 200]);
  assert.ok(!/content-length/.test(none.text.split('\r\n\r\n')[0]));
});

test('several cookies go out; a value with a line break does not', async () => {
  const r = await ask(get('/echo'));
  assert.equal((r.text.match(/^set-cookie: /gm) || []).length, 2);
  const evil = await ask(get('/inject'));
  assert.ok(!/x-evil/i.test(evil.text), evil.text);
});

test('refusals: what the server refuses by itself is JSON with a sentence', async () => {
  const chunked = await ask('POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
  assert.match(chunked.text, /^HTTP\/1.1 411 [^]*content-type: application\/json\r\n[^]*\{"error":"Send the body[^"]*","code":"LENGTH_REQUIRED"\}/);
});

test('refused body: too large is 413 before it is sent, and the answer arrives although the client goes on sending', async () => {
  const early = await ask('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n');
  assert.deepEqual(statuses(early), [413]);
  for (let i = 0; i < 5; i++) {
    const all = await ask('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n', Buffer.alloc(2000000, 97));
    assert.deepEqual(statuses(all), [413], `${all.error} ${all.text}`);
  }
  const over = await ask('POST /echo/large HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n');
  assert.deepEqual(statuses(over), [413]);
  const fits = json(await ask('POST /echo/large HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n', Buffer.alloc(2000000, 97)));
  assert.equal(fits.body_len, 2000000);
  assert.equal(fits.body_sum, 2000000 * 97, 'a long body comes as a file without a name, whole');
  assert.equal(fits.body, null);
  const short = json(await ask('POST /echo/large HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'));
  assert.equal(short.body, 'abc');
  const denied = await ask('POST /echo/large?deny HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n');
  assert.match(denied.text, /^HTTP\/1.1 403 [^]*Not you/, 'who may not send it is told before');
});

test('a client that asks before sending its body is told to go on', async () => {
  const r = await ask('POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n', 200, 'abc');
  assert.deepEqual(statuses(r), [100, 200]);
});

test('a request without a length has no body, whatever its method', async () => {
  for (const m of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const r = await ask(`${m} /echo HTTP/1.1\r\nHost: x\r\n\r\n`, 100, get('/echo?next'));
    assert.deepEqual(statuses(r), [200, 200], m);
    assert.match(r.text, /"body_len":0/);
  }
});

test('a body in pieces arrives whole', async () => {
  const r = json(await ask('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc', 60, 'def', 60, 'ghi'));
  assert.equal(r.body, 'abcdefghi');
});

test('timeouts: headers that drip end with 408 after 10 s, an idle connection is not told so, a late handler is not cut', async () => {
  const drip = new Promise((resolve) => {
    const s = net.connect(p.port, '127.0.0.1');
    const begin = Date.now();
    let text = '', i = 0;
    const all = get('/echo', `X: ${'y'.repeat(200)}\r\n`);
    const t = setInterval(() => { if (!s.destroyed) s.write(all[i++]); }, 500);
    s.on('data', (c) => { text += c; });
    s.on('error', () => {});
    s.on('close', () => { clearInterval(t); resolve({ text, seconds: (Date.now() - begin) / 1000 }); });
  });
  const idle = talk(p.port, [get('/hello')], { quiet: 13000 });
  const silent = talk(p.port, [13000], { quiet: 100 });
  const late = talk(p.port, ['POST /slow?ms=11500 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n', 50, 'abc'], { quiet: 13500 });
  const again = talk(p.port, [get('/hello'), 11000, get('/hello')], { quiet: 500 });
  const d = await drip;
  assert.match(d.text, /^HTTP\/1\.1 408/);
  assert.ok(d.seconds > 8 && d.seconds < 14, `${d.seconds} s`);
  assert.deepEqual(statuses(await idle), [200]);
  assert.equal((await silent).text, '');
  assert.deepEqual(statuses(await late), [200]);
  assert.deepEqual(statuses(await again), [200, 200]);
});

test('slow client: an answer of several seconds is not cut by the times for requests', async () => {
  const size = 12 << 20;
  const got = await new Promise((resolve, reject) => {
    const s = net.connect({ port: p.port, host: '127.0.0.1', highWaterMark: 1024 });
    let n = 0;
    s.on('connect', () => s.write(get(`/big?bytes=${size}`, 'Connection: close\r\n')));
    s.on('data', (c) => { n += c.length; if (n > 64 << 10 && n < 5 << 20) { s.pause(); setTimeout(() => s.resume(), 20); } });
    s.on('error', reject);
    s.once('data', () => { s.pause(); setTimeout(() => s.resume(), 12000); });
    s.on('end', () => resolve(n));
  });
  assert.ok(got > size, `${got} of ${size}`);
});

test('redirect and arguments: what Kore itself does with them', async () => {
  const port = await freePort();
  const conf = writeFile(p.dir, 'extra.conf', `server extra {
	bind 127.0.0.1 ${port}
	tls no
}
validator v_any regex ^[^~]*$
domain * {
	attach extra
	accesslog ${p.dir}/access.log
	redirect ^/old$ 301 /new
	return ^/gone$ 410
	route /args {
		handler probe_args
		methods get post
		validate qs:get a v_any
		validate post a v_any
	}
}
`);
  const q = await startProbe({ args: ['-c', conf] });
  const before = q.workers();
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(statuses(await talk(port, [get('/old')])), [301]);
    assert.deepEqual(statuses(await talk(port, [get('/gone')])), [410]);
    const r = await talk(port, [`POST /old HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n${get('/args?a=smuggled')}`]);
    assert.deepEqual(statuses(r), [301]);
    assert.ok(r.closed);
  }
  const n = (count) => Array.from({ length: count }, () => 'a=1').join('&');
  const form = (body) => talk(port, [`POST /args HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`]);
  assert.match((await form(n(512))).text, / n=512/);
  assert.match((await form(n(513))).text, / n=0/);
  assert.match((await talk(port, [get(`/args?${n(512)}`)])).text, / n=512/);
  assert.match((await form('a=x%0Ay%09z')).text, /\[x\ny\tz\] n=1/);
  await sleep(200);
  assert.deepEqual(q.workers(), before, 'a worker died');
});

test('ipv6: names with a port are understood', async () => {
  const q = await startProbe({ env: { CM_BIND: '::1' } });
  const connect = ({ port }) => net.connect({ port, host: '::1' });
  for (const host of ['localhost:1066', '[::1]:1066', 'localhost', '[::1]']) {
    const r = await new Promise((resolve) => {
      const s = connect({ port: q.port });
      s.on('connect', () => s.write(`GET /echo HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
      let t = '';
      s.on('data', (c) => { t += c; });
      s.on('close', () => resolve(t));
    });
    assert.match(r, /HTTP\/1\.1 200/);
    assert.equal(JSON.parse(r.slice(r.indexOf('\r\n\r\n') + 4)).headers.host, host);
    assert.equal(JSON.parse(r.slice(r.indexOf('\r\n\r\n') + 4)).peer, '::1');
  }
});
