// SPDX-License-Identifier: GPL-3.0-or-later
// The engine client (tests/integration/docker_*.c) against the real engine: by its unix socket, by tcp and by tcp with
// TLS in both directions. Two forwarders stand before the socket for the latter.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const build = path.resolve(root, process.env.B || 'build');
const socket = '/var/run/docker.sock';
const dir = mkdtempSync(path.join(tmpdir(), 'cm-docker-'));
const servers = [];
let tcp, tls;

function openssl(...args) {
  execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
}

// An authority, a server's certificate for localhost and a client's, as DOCKER_CERT_PATH has them; and a stranger's.
function certificates() {
  for (const ca of ['ca', 'other']) {
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
      `/CN=${ca}`, '-keyout', `${ca}-key.pem`, '-out', `${ca}.pem`);
  }
  const make = (name, ca, ext) => {
    writeFileSync(path.join(dir, `${name}.ext`), ext);
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, '-keyout',
      `${name}-key.pem`, '-out', `${name}.csr`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}-key.pem`, '-CAcreateserial', '-days', '2',
      '-extfile', `${name}.ext`, '-out', `${name}-cert.pem`);
  };
  make('server', 'ca', 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n');
  make('client', 'ca', 'extendedKeyUsage=clientAuth\n');
  make('stranger', 'other', 'extendedKeyUsage=clientAuth\n');
  const folder = (name, ca, client) => {
    const to = path.join(dir, name);
    execFileSync('mkdir', [to]);
    if (ca) execFileSync('cp', [path.join(dir, `${ca}.pem`), path.join(to, 'ca.pem')]);
    if (client) {
      execFileSync('cp', [path.join(dir, `${client}-cert.pem`), path.join(to, 'cert.pem')]);
      execFileSync('cp', [path.join(dir, `${client}-key.pem`), path.join(to, 'key.pem')]);
    }
    return to;
  };
  folder('good', 'ca', 'client');
  folder('untrusting', 'other', 'client');
  folder('unknown', 'ca', 'stranger');
  folder('bare', 'ca', null);
  folder('keyless', 'ca', 'client');
  unlinkSync(path.join(dir, 'keyless', 'key.pem'));
}

function forward(client) {
  const engine = connect({ path: socket, allowHalfOpen: true });
  client.pipe(engine);
  engine.pipe(client);
  client.on('error', () => engine.destroy());
  engine.on('error', () => client.destroy());
  client.on('close', () => engine.destroy());
  engine.on('close', () => client.destroySoon?.());
}

function listen(server) {
  servers.push(server);
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

before(async () => {
  const targets = ['integration/docker_client', 'integration/docker_helper', 'integration/helper_probe', 'cm-helper']
    .map((t) => path.join(build, t));
  const made = spawnSync('make', ['--no-print-directory', `B=${path.relative(root, build)}`,
    ...targets.map((t) => path.relative(root, t))], { cwd: root, encoding: 'utf8' });
  assert.equal(made.status, 0, made.stdout + made.stderr);
  certificates();
  tcp = await listen(createServer({ allowHalfOpen: true }, forward));
  tls = await listen(createTlsServer({
    allowHalfOpen: true, requestCert: true, rejectUnauthorized: true, ca: readFileSync(path.join(dir, 'ca.pem')),
    cert: readFileSync(path.join(dir, 'server-cert.pem')), key: readFileSync(path.join(dir, 'server-key.pem')),
  }, forward));
});

after(() => {
  for (const s of servers) s.close();
  rmSync(dir, { recursive: true, force: true });
});

function run(program, env, ...args) {
  return new Promise((resolve) => {
    const clean = { ...process.env, CM_TEST_PROBE: path.join(build, 'integration', 'helper_probe'),
      CM_TEST_HELPER: path.join(build, 'cm-helper') };
    for (const k of ['DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH']) delete clean[k];
    execFile(path.join(build, 'integration', program), args, { env: { ...clean, ...env }, cwd: root, timeout: 300000 },
      (error, stdout, stderr) => resolve({ code: error ? error.code ?? error.signal : 0, text: stdout + stderr }));
  });
}

async function passes(t, program, env) {
  const { code, text } = await run(program, env);
  for (const line of text.split('\n').filter((l) => /MB\/s|ms$/.test(l))) t.diagnostic(line);
  assert.equal(code, 0, text);
  assert.doesNotMatch(text, /^not ok/m);
  assert.match(text, /^ok/m);
}

const secure = (folder, host = 'localhost') => ({
  DOCKER_HOST: `tcp://${host}:${tls}`, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: path.join(dir, folder),
});

test('the client by the unix socket', (t) => passes(t, 'docker_client', {}));
// The one by TLS is by tcp too.
test('the client by tcp', { skip: !process.env.TEST_LONG && 'TEST_LONG=1' }, (t) => passes(t, 'docker_client', { DOCKER_HOST: `tcp://127.0.0.1:${tcp}` }));
test('the client by tcp with TLS', (t) => passes(t, 'docker_client', secure('good')));
test('helper containers by the unix socket', (t) => passes(t, 'docker_helper', {}));
test('helper containers by tcp with TLS', (t) => passes(t, 'docker_helper', secure('good')));

// As the program's workers run: no root, only the group of the socket.
test('helper containers without being root', { skip: process.getuid() !== 0 }, async (t) => {
  const home = path.join(dir, 'nobody');
  mkdirSync(home);
  chownSync(home, 65534, statSync(socket).gid);
  chmodSync(dir, 0o755);
  for (const f of ['docker_helper', 'helper_probe']) copyFileSync(path.join(build, 'integration', f), path.join(home, f));
  const { stdout } = await promisify(execFile)(path.join(home, 'docker_helper'), ['helper__r'], {
    uid: 65534, gid: statSync(socket).gid, cwd: home, timeout: 120000,
    env: { PATH: process.env.PATH, CM_TEST_PROBE: path.join(home, 'helper_probe'), CM_TEST_DIR: home },
  });
  t.diagnostic(stdout);
  assert.match(stdout, /^ok - helper__round_trip$/m);
});

// In a container of the engine that it talks to: its own id, and how the host sees its folder.
const name = `cmdock-self-${process.pid}`;
const places = {
  volume: { mount: `${name}:/data`, source: name, helpers: /a whole helper by socket/ },
  path: { mount: `${dir}:/data`, source: dir, helpers: /a whole helper by socket/ },
  none: { mount: null, source: '', helpers: null },
};
for (const [kind, place] of Object.entries(places)) {
  test(`from inside a container whose folder is: ${kind}`, async (t) => {
    // The image has no libraries of ours: the host's, which is the same Debian.
    const args = ['run', '--rm', '--name', name, '-v', '/usr:/usr:ro', '-v', '/etc/alternatives:/etc/alternatives:ro', '-v', `${socket}:${socket}`,
      '-v', `${build}/integration:/integration:ro`, '-e', 'CM_TEST_PROBE=/integration/helper_probe', '-e', 'CM_TEST_DIR=/data',
      '-e', `CM_TEST_SHARED=${kind}`, '-e', `CM_TEST_SOURCE=${place.source}`];
    args.push(...(place.mount ? ['-v', place.mount] : ['--tmpfs', '/data']));
    args.push('debian:bookworm-slim', 'sh', '-c', `/integration/docker_helper shared__ && ${place.helpers ? '/integration/docker_helper helper__round' : 'true'}`);
    try {
      const { stdout } = await promisify(execFile)('docker', args, { timeout: 120000 });
      t.diagnostic(stdout);
      assert.match(stdout, /^ok - shared__is_found$/m);
      if (place.helpers) assert.match(stdout, place.helpers);
    } finally {
      spawnSync('docker', ['rm', '-f', name]);
      spawnSync('docker', ['volume', 'rm', '-f', name]);
    }
  });
}

async function says(env, words) {
  const { code, text } = await run('docker_client', env, 'engine__says');
  assert.notEqual(code, 0);
  assert.match(text, words);
}
test('an engine whose certificate nobody we know has signed', () => says(secure('untrusting'), /is not trusted/));
test('an engine whose certificate is for another name', () => says(secure('good', '127.0.0.1'), /is not trusted/));
test('our certificate is refused', () => says(secure('unknown'), /accept our certificate/));
test('no certificate of our own', () => says(secure('bare'), /accept our certificate/));
test('a certificate without its key', () => says(secure('keyless'), /cert\.pem without a readable key\.pem/));
test('no certificates at all', () => says({ ...secure('good'), DOCKER_CERT_PATH: '/nowhere' }, /no readable ca\.pem/));
test('TLS where the engine speaks none', () => says({ ...secure('good'), DOCKER_HOST: `tcp://localhost:${tcp}` },
  /No TLS connection|did not answer/));
test('no TLS where the engine wants it', () => says({ DOCKER_HOST: `tcp://localhost:${tls}` },
  /broke|not reachable|not understood/));
