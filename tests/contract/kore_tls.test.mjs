// SPDX-License-Identifier: GPL-3.0-or-later
// TLS by the server itself: own certificate, certificates of others, what clients see (conf/kore/04-tls.patch).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { after } from 'node:test';
import { startProbe, talk, statuses, get, bodyOf, sleep, status, processTree, cmdline } from '../tools/kore_harness.mjs';

const root = process.getuid() === 0;
const scratch = mkdtempSync(path.join(os.tmpdir(), 'cm-kore-tls-'));
chmodSync(scratch, 0o755);
after(() => rmSync(scratch, { recursive: true, force: true }));

const secure = (options = {}) => (o) => tls.connect({ rejectUnauthorized: false, servername: 'localhost', ...o, ...options });
const ask = (p, where, options) => talk(p.tlsPort, [get(where, 'Connection: close\r\n')], { connect: secure(options), quiet: 3000 });
const json = (r) => JSON.parse(bodyOf(r).toString());
const openssl = (...a) => execFileSync('openssl', a, { stdio: ['ignore', 'pipe', 'ignore'] });

function makeCert(name, key, { subject = '/CN=test', days = 30 } = {}) {
  const files = { cert: `${scratch}/${name}.crt`, key: `${scratch}/${name}.key` };
  openssl('req', '-x509', ...key, '-nodes', '-keyout', files.key, '-out', files.cert, '-days', String(days), '-subj', subject, '-addext', 'subjectAltName=DNS:localhost');
  chmodSync(files.key, 0o600);
  chmodSync(files.cert, 0o644);
  return files;
}
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const RSA = ['-newkey', 'rsa:2048'];

test('EC certificate: made at the first start, for the names people type, key for its owner alone, kept afterwards', async () => {
  const p = await startProbe({ env: { CM_TLS: 'self', CM_HOSTS: 'monkey.example:1067,other.example' } });
  const file = `${p.dir}/data/config/tls/self.crt`;
  assert.match(p.log(), new RegExp(`^serving https://127.0.0.1:${p.tlsPort}$`, 'm'));
  assert.equal(statSync(`${p.dir}/data/config/tls/self.key`).mode & 0o777, 0o600);
  const cert = new X509Certificate(readFileSync(file));
  for (const name of ['localhost', 'monkey.example', 'other.example', os.hostname()]) assert.ok(cert.checkHost(name), name);
  for (const ip of ['127.0.0.1', '::1']) assert.ok(cert.checkIP(ip), ip);
  assert.equal(cert.publicKey.asymmetricKeyType, 'ec');
  assert.ok(new Date(cert.validTo) > Date.now() + 9 * 365 * 86400e3);
  const r = json(await ask(p, '/echo', { ca: readFileSync(file), rejectUnauthorized: true }));
  assert.equal(r.tls, true);
  assert.equal(json(await talk(p.port, [get('/echo')])).tls, false);
  await p.stop();
  const again = await startProbe({ env: { CM_TLS: 'self', CM_DATA: `${p.dir}/data` } });
  assert.equal(new X509Certificate(readFileSync(file)).fingerprint256, cert.fingerprint256);
  assert.deepEqual(statuses(await ask(again, '/echo')), [200]);
});

test('a certificate that ends soon, or whose key is lost, is made anew', async () => {
  const p = await startProbe({ env: { CM_TLS: 'self' } });
  await p.stop();
  const dir = `${p.dir}/data/config/tls`;
  const short = makeCert('short', EC, { days: 5 });
  for (const breakIt of [
    () => { writeFileSync(`${dir}/self.crt`, readFileSync(short.cert)); writeFileSync(`${dir}/self.key`, readFileSync(short.key)); },
    () => rmSync(`${dir}/self.key`),
    () => writeFileSync(`${dir}/self.crt`, 'not a certificate'),
  ]) {
    breakIt();
    const q = await startProbe({ env: { CM_TLS: 'self', CM_DATA: `${p.dir}/data` } });
    assert.ok(new Date(new X509Certificate(readFileSync(`${dir}/self.crt`)).validTo) > Date.now() + 365 * 86400e3);
    assert.deepEqual(statuses(await ask(q, '/echo')), [200]);
    await q.stop();
  }
});

test('RSA and EC certificates of others work with TLS 1.2 and 1.3; older versions do not', async () => {
  for (const [name, key] of [['rsa', RSA], ['ec', EC], ['p384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']]]) {
    const f = makeCert(name, key);
    const p = await startProbe({ env: { CM_TLS: 'files', CM_TLS_CERT: f.cert, CM_TLS_KEY: f.key } });
    for (const v of ['TLSv1.2', 'TLSv1.3']) {
      const r = await ask(p, '/echo', { minVersion: v, maxVersion: v, ca: readFileSync(f.cert), rejectUnauthorized: true });
      assert.deepEqual(statuses(r), [200], `${name} ${v} ${r.error}`);
    }
    const old = await ask(p, '/echo', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    assert.equal(old.text, '');
    assert.ok(!/restarting/.test(p.log()), p.log());
    await p.stop();
  }
});

test('the workers never hold the key: the key manager alone reads it', { skip: !root }, async () => {
  const f = makeCert('own', EC);
  const p = await startProbe({ env: { CM_TLS: 'files', CM_TLS_CERT: f.cert, CM_TLS_KEY: f.key } });
  const uid = status(p.workers()[0], 'Uid').split('\t')[0];
  const r = spawnSync('setpriv', ['--reuid', uid, '--clear-groups', 'cat', f.key]);
  assert.notEqual(r.status, 0, 'a worker’s user may not read it');
  const keymgr = processTree(p.pid).find((pid) => /keymgr/.test(cmdline(pid)));
  assert.equal(status(keymgr, 'Seccomp'), '2');
});

test('a renewed certificate is taken over by SIGUSR1', async () => {
  const a = makeCert('renew', EC, { subject: '/CN=first' });
  const p = await startProbe({ env: { CM_TLS: 'files', CM_TLS_CERT: a.cert, CM_TLS_KEY: a.key } });
  const name = () => new Promise((resolve, reject) => {
    const s = tls.connect({ port: p.tlsPort, host: '127.0.0.1', rejectUnauthorized: false }, () => { resolve(s.getPeerCertificate().subject.CN); s.destroy(); });
    s.on('error', reject);
  });
  assert.equal(await name(), 'first');
  makeCert('renew', RSA, { subject: '/CN=second' });
  process.kill(p.pid, 'SIGUSR1');
  await sleep(500);
  assert.equal(await name(), 'second');
});

test('a worker that replaces another serves TLS too', async () => {
  const p = await startProbe({ env: { CM_TLS: 'self' } });
  for (const pid of p.workers()) process.kill(pid, 'SIGKILL');
  await sleep(600);
  for (let i = 0; i < 6; i++) assert.deepEqual(statuses(await ask(p, '/echo')), [200]);
});

test('start without files: wrong or missing certificate files are named', async () => {
  const f = makeCert('named', EC);
  for (const [env, name] of [[{ CM_TLS_CERT: '/nowhere', CM_TLS_KEY: f.key }, 'CM_TLS_CERT'], [{ CM_TLS_CERT: f.cert }, 'CM_TLS_KEY']]) {
    const p = await startProbe({ env: { CM_TLS: 'files', ...env }, wait: false });
    assert.notEqual((await p.ended).code, 0);
    assert.match(p.log(), new RegExp(name));
  }
});

test('timeouts: a handshake that drips, or never begins, does not stay; a client that speaks HTTP does no harm', async () => {
  const p = await startProbe({ env: { CM_TLS: 'self' } });
  const begin = Date.now();
  const closed = (s) => new Promise((resolve) => { s.on('error', () => {}); s.on('close', () => resolve(Date.now() - begin)); s.resume(); });
  const drip = net.connect(p.tlsPort, '127.0.0.1');
  const hello = Buffer.from('16030101000100', 'hex');
  let i = 0;
  const t = setInterval(() => { if (!drip.destroyed && i < hello.length) drip.write(hello.subarray(i, ++i)); }, 2000);
  const silent = net.connect(p.tlsPort, '127.0.0.1');
  const http = await talk(p.tlsPort, [get('/hello')], { quiet: 2000 });
  assert.deepEqual(statuses(http), []);
  const times = await Promise.all([closed(drip), closed(silent)]);
  clearInterval(t);
  assert.ok(times.every((ms) => ms < 14000), times.join());
  assert.deepEqual(statuses(await ask(p, '/echo')), [200]);
});

test('first handshake: whoever connects while it starts is served, not turned away', async () => {
  for (let i = 0; i < 5; i++) {
    const p = await startProbe({ env: { CM_TLS: 'self' }, wait: false });
    let r;
    do r = await ask(p, '/echo'); while (r.error === 'ECONNREFUSED');
    assert.deepEqual(statuses(r), [200], r.error);
    await p.stop();
  }
});

test('many handshakes and requests at once', async () => {
  const p = await startProbe({ env: { CM_TLS: 'self' } });
  const all = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(p, `/echo?${i}`)));
  for (const r of all) assert.deepEqual(statuses(r), [200]);
  assert.ok(existsSync(`/proc/${p.pid}`));
});
