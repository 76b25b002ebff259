// SPDX-License-Identifier: GPL-3.0-or-later
// Drills against the real engine: what proves a backup, what fails it and why, how far apart it is, and that nothing
// but its result stays.
import { test, assert, docker, dockerOk, inspect, startApp, removeAll, after, sleep, fetchRaw, password } from '../tools/harness.mjs';
import { lines, until } from './restore_tools.mjs';
import { drill, row, left, world, dynamicImage } from './drill_rig.mjs';
import { mkdtempSync, mkdirSync, writeFileSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

const p = `cmdrill${process.pid}-`;
const host = mkdtempSync('/tmp/cmdrill-');
await removeAll(p);
const postgres = await dockerOk('image', 'inspect', 'postgres:local');
const app = await startApp();

after(async () => {
  await removeAll(p);
  await docker('rmi', '-f', `${p}dynamic`).catch(() => {});
  rmSync(host, { recursive: true, force: true });
});

const places = [`${p}data`, `${p}other`, `${host}/bind`];
let everything;

test('a container with everything of the host passes, apart from it, and nothing changes', async () => {
  mkdirSync(`${host}/bind`);
  writeFileSync(`${host}/bind/x`, 'of the host');
  writeFileSync(`${host}/one.conf`, 'one file');
  await docker('network', 'create', `${p}net`);
  await docker('run', '-d', '--name', `${p}source`, '-v', `${p}other:/other`, 'busybox:local', 'sh', '-c', 'echo other >/other/f; exec sleep 1000000');
  await docker('run', '-d', '--name', `${p}all`, '--pid', 'host', '--restart', 'always', '--device', '/dev/null:/dev/xnull', '--network', `${p}net`,
    '--network-alias', 'me', '-p', '127.0.0.1::8080', '--label', 'com.docker.compose.project=shop', '--log-driver', 'local',
    '-v', `${p}data:/data`, '-v', `${host}/bind:/bind`, '-v', `${host}/one.conf:/etc/two.conf`, '-v', '/var/run/docker.sock:/var/run/docker.sock', '-v', '/anon',
    '--volumes-from', `${p}source`, '--cap-add', 'NET_ADMIN', '--security-opt', 'seccomp=unconfined', '--add-host', 'outside:203.0.113.9', 'busybox:local', 'sh', '-c',
    // What it finds goes into its log; it writes into everything it has.
    `test -f /data/f || { echo data >/data/f; echo anon >/anon/f; }
     echo "data=$(cat /data/f) anon=$(cat /anon/f) bind=$(cat /bind/x) conf=$(cat /etc/two.conf) other=$(cat /other/f)"
     for f in /data /anon /bind /other; do echo written >$f/new; done 2>/dev/null; echo changed >/etc/two.conf
     test -S /var/run/docker.sock && echo socket; test -e /dev/xnull && echo device; test -d /proc/1/root/proc && test "$$" != 1 && echo hostpid
     grep CapEff /proc/self/status; ip addr | grep -c 'inet .*scope global'
     ping -c 1 -W 1 me >/dev/null && echo itself
     while :; do sleep 0.2; done`);
  await until('its start', 20, async () => (await docker('logs', `${p}all`)).includes('CapEff'));
  writeFileSync(`${host}/bind/x`, 'of the host');
  writeFileSync(`${host}/one.conf`, 'one file');
  await sleep(100);
  everything = (await app.backup(`${p}all`)).file;
  const was = await world(`${p}all`, places);
  const conf = readFileSync(`${host}/one.conf`, 'utf8');
  // Looked at while it runs.
  const r = await app.api('POST', `/api/backup/${everything}/drill`, { check: 'run' });
  assert.equal(r.status, 202, r.text);
  let seen;
  await until('the drill to run', 120, async () => {
    const [id] = await lines('ps', '-q', '--filter', 'label=container-monkey.drill');
    if (id) seen = await inspect(id).catch(() => undefined);
    return seen?.State.Running;
  });
  const hostPage = await app.api('GET', '/api/containers');
  assert.ok(!hostPage.text.includes(seen.Name.slice(1)), 'the list of containers does not show it');
  const gateway = Object.values(was.c.networks)[0].Gateway;
  const target = Object.values(was.c.networks)[0].IPAddress;
  // Neither the host, by its gateways, nor the original, nor the world.
  for (const ip of [gateway, target, '172.17.0.1', '8.8.8.8', Object.values(seen.NetworkSettings.Networks)[0].Gateway].filter(Boolean))
    assert.ok(!await dockerOk('exec', seen.Id, 'ping', '-c', '1', '-W', '1', ip), `${ip} must not answer`);
  assert.ok(!await dockerOk('exec', seen.Id, 'nslookup', '-timeout=2', 'example.com'));
  const job = await app.waitJob(r.json.job_id, 240);
  assert.equal(job.state, 'complete', JSON.stringify(job));

  const h = seen.HostConfig;
  assert.equal(seen.Name.startsWith('/cm-drill-'), true);
  assert.deepEqual([h.PidMode, h.RestartPolicy.Name, h.PublishAllPorts], ['', 'no', false]);
  assert.deepEqual(Object.keys(h.PortBindings ?? {}), []);
  assert.deepEqual(Object.values(seen.NetworkSettings.Ports ?? {}).filter(Boolean), [], 'no port is published');
  assert.deepEqual(h.Devices ?? [], []);
  assert.deepEqual(h.CapAdd ?? [], []);
  assert.equal((h.SecurityOpt ?? []).length, 0);
  assert.ok(h.Memory > 0 && h.PidsLimit > 0 && h.NanoCpus > 0, 'it has bounds');
  assert.deepEqual(Object.keys(seen.Config.Labels), ['container-monkey.drill']);
  for (const m of seen.Mounts)
    assert.ok(m.Type === 'volume' ? m.Name.startsWith('cm-drill-') : /\/volumes\/cm-drill-[0-9a-f]+-\d+\/_data\/one\.conf$/.test(m.Source), JSON.stringify(m));
  assert.deepEqual(seen.Mounts.map((m) => m.Destination).sort(), ['/anon', '/bind', '/data', '/etc/two.conf', '/other']);

  const { log, notes } = job.result;
  assert.match(log, /^data=data anon=anon bind=of the host conf=one file other=other$/m);
  assert.match(log, /^itself$/m, 'it answers to its own alias');
  assert.doesNotMatch(log, /socket|device|hostpid/);
  for (const word of [/devices/, /processes of the host/, /NET_ADMIN/, /seccomp/, /docker\.sock/]) assert.ok(notes.some((n) => word.test(n)), String(word));

  assert.deepEqual(await left(), []);
  assert.deepEqual(await world(`${p}all`, places), was);
  assert.equal(readFileSync(`${host}/one.conf`, 'utf8'), conf);
  const b = await row(app, everything);
  assert.equal(b.drill_state, 'ok');
  assert.match(b.drill.text, /^Restored and started on \d+ \w+ \d{4}$/);
  assert.ok(b.drill_duration_ms >= 10000);
  const companion = JSON.parse(readFileSync(path.join(app.dataDir, 'backups', `${everything}.json`)));
  assert.equal(companion.drill.state, 'ok');
  assert.match(companion.drill.log, /data=data/);
  assert.equal(companion.verified, true, 'the rest of the companion is as it was');
  for (const page of ['/vault', `/backup/${everything}`]) assert.match((await app.get(page)).text, /Restored and started on/);
  assert.match((await app.get(`/backup/${everything}`)).text, /data=data anon=anon/, 'with its log');
});

test('a catalog made anew knows of the drill', async () => {
  const dir = mkdtempSync('/tmp/cmdrill-data-');
  const again = await startApp({ dataDir: dir });
  mkdirSync(`${dir}/backups`, { recursive: true });
  for (const f of [everything, `${everything}.json`]) writeFileSync(`${dir}/backups/${f}`, readFileSync(path.join(app.dataDir, 'backups', f)));
  assert.equal((await again.api('POST', '/api/backups/refresh')).status, 200);
  const b = await row(again, everything);
  assert.equal(b?.drill_state, 'ok', JSON.stringify(b));
  assert.match((await again.get(`/backup/${everything}`)).text, /data=data anon=anon/);
  await again.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('health check, command, HTTP and TCP', async () => {
  await docker('run', '-d', '--name', `${p}web`, '--health-cmd', 'test -f /www/index.html', '--health-interval', '1s', '-v', `${p}www:/www`, 'busybox:local', 'sh', '-c',
    'test -f /www/index.html || echo hi >/www/index.html; exec httpd -f -p 8080 -h /www');
  await until('its page', 20, () => dockerOk('exec', `${p}web`, 'test', '-f', '/www/index.html'));
  const { file } = await app.backup(`${p}web`);
  const check = async (options, kind) => assert.equal((await drill(app, file, options)).result.check, kind);
  await check({}, 'healthcheck');
  await check({ check: 'command:test -f /www/index.html' }, 'command');
  await check({ check: 'http:8080/index.html' }, 'http');
  await check({ check: 'tcp:8080' }, 'tcp');
  const bad = await drill(app, file, { check: 'http:8080/missing', time_limit: 20 }, 'error');
  assert.match(bad.error, /did not pass within 20 seconds.*status 404/);
  assert.equal((await row(app, file)).drill_state, 'failed');
  for (const [wrong, status] of [['http:0', 400], ['no', 400], ['http:80/a b', 400], ['command:', 400]])
    assert.equal((await app.api('POST', `/api/backup/${file}/drill`, { check: wrong })).status, status, wrong);
  assert.deepEqual(await left(), []);
});

test('a missing library fails it, with the reason', async () => {
  const library = await dynamicImage(`${p}dynamic`);
  await docker('run', '-d', '--name', `${p}lib`, `${p}dynamic`, 'bash', '-c', 'echo begun; while :; do /bin/busybox sleep 1; done');
  await drill(app, (await app.backup(`${p}lib`)).file, { check: 'command:bash -c :' });
  // The process that has it open does not mind.
  await docker('exec', `${p}lib`, '/bin/busybox', 'rm', library);
  const { file } = await app.backup(`${p}lib`);
  const job = await drill(app, file, {}, 'error');
  const name = path.basename(library);
  assert.match(job.error, /exit code 127/);
  assert.match(job.error, new RegExp(`error while loading shared libraries: ${name.replaceAll('.', '\\.')}`));
  const b = await row(app, file);
  assert.equal(b.drill_state, 'failed');
  assert.ok(b.drill_error.includes(name));
  for (const page of ['/vault', `/backup/${file}`]) assert.match((await app.get(page)).text, new RegExp(`[Dd]rill failed.*${name}`));
  const audit = (await app.api('GET', '/api/audit-logs?operation_type=drill&limit=100')).json.logs.filter((l) => l.backup_filename === file);
  assert.deepEqual(audit.map((l) => l.status).sort(), ['error', 'started']);
  assert.ok(audit.find((l) => l.status === 'error').error_message.includes(name), JSON.stringify(audit));
  assert.deepEqual(await left(), []);
});

test('PostgreSQL passes its drill', { skip: !postgres }, async () => {
  const name = `${p}pg`;
  await docker('run', '-d', '--name', name, '--label', 'monkey.drill=command:pg_isready -q -U postgres', '-v', `${p}pgdata:/var/lib/postgresql/data`, 'postgres:local');
  await until('PostgreSQL', 120, () => dockerOk('exec', name, 'pg_isready', '-q', '-U', 'postgres'));
  await docker('exec', name, 'psql', '-U', 'postgres', '-c', 'CREATE TABLE t AS SELECT generate_series(1, 1000) AS n');
  const { file } = await app.backup(name, { consistency: 'pause' });
  assert.equal((await drill(app, file)).result.check, 'command');
  await drill(app, file, { check: 'tcp:5432' });
  const counted = 'command:psql -U postgres -v ON_ERROR_STOP=1 -tAc "SELECT 1 / (count(*) = 1000)::int FROM t"';
  assert.match((await drill(app, file, { check: counted })).result.log, /ready to accept connections/);
  assert.equal((await row(app, file)).drill_state, 'ok');
  assert.deepEqual(await left(), []);
});

test('an image that only the backup has is loaded and removed again', async () => {
  const { file } = await app.backup(`${p}lib`);
  const image = (await inspect(`${p}lib`)).Image;
  await docker('rm', '-f', `${p}lib`);
  await docker('rmi', `${p}dynamic`);
  await drill(app, file, {}, 'error');
  assert.ok(!await dockerOk('image', 'inspect', image), 'the image is gone again');
  assert.deepEqual(await left(), []);
});

test('cancel removes everything and records nothing', async () => {
  const was = (await row(app, everything)).drill;
  assert.ok(was);
  const r = await app.api('POST', `/api/backup/${everything}/drill`, { check: 'tcp:1', time_limit: 300 });
  await until('the drill to run', 120, async () => (await lines('ps', '-q', '--filter', 'label=container-monkey.drill')).length > 0);
  assert.equal((await app.api('POST', `/api/jobs/${r.json.job_id}/cancel`)).status, 200);
  assert.equal((await app.waitJob(r.json.job_id, 60)).state, 'cancelled');
  assert.deepEqual(await left(), []);
  assert.deepEqual((await row(app, everything)).drill, was);
});

test('after each backup, by the settings, the label or the backup itself', async () => {
  const drills = async (file) => (await app.api('GET', `/api/jobs?kind=drill&q=${file}`)).json.jobs;
  await docker('run', '-d', '--name', `${p}short`, '--label', 'monkey.drill=command:true', 'busybox:local', 'sleep', '1000000');
  await docker('run', '-d', '--name', `${p}off`, '--label', 'monkey.drill=off', 'busybox:local', 'sleep', '1000000');
  let { file } = await app.backup(`${p}short`);
  assert.equal((await drills(file)).length, 0);
  ({ file } = await app.backup(`${p}short`, { drill: true }));
  assert.equal((await app.waitJob((await drills(file))[0].id, 240)).result.check, 'command');
  const set = await app.api('POST', '/api/settings/drills', { after_backup: true, time_limit: 120, checks: { [`${p}none`]: 'off' } });
  assert.equal(set.status, 200, set.text);
  ({ file } = await app.backup(`${p}short`));
  assert.equal((await app.waitJob((await drills(file))[0].id, 240)).state, 'complete');
  assert.equal((await row(app, file)).drill_state, 'ok');
  ({ file } = await app.backup(`${p}short`, { drill: false }));
  assert.equal((await drills(file)).length, 0);
  ({ file } = await app.backup(`${p}off`));
  assert.equal((await app.waitJob((await drills(file))[0].id, 240)).result.state, 'skipped');
  assert.equal((await row(app, file)).drill_state, 'unknown');
  await app.api('POST', '/api/settings/drills', { after_backup: false });
  assert.equal((await app.api('POST', '/api/settings/drills', { checks: { web: 'tcp:99999' } })).status, 400);
  const bad = await app.post('/settings/drills', { schedule: 'daily', time_limit: '60', checks: 'web http:x/' });
  assert.equal(bad.status, 422);
  assert.match(bad.text, /port of a drill[^<]*check/);
  assert.match(bad.text, /web http:x\//);
});

test('by schedule: the newest of each container', async () => {
  const dir = mkdtempSync('/tmp/cmdrill-data-');
  let one = await startApp({ dataDir: dir });
  const old = (await one.backup(`${p}short`)).file;
  await sleep(1100);
  const newest = (await one.backup(`${p}short`)).file;
  const saved = await one.post('/settings/drills', { schedule: 'daily', time_limit: '120', checks: `${p}short tcp:1\n` });
  assert.equal(saved.status, 303, saved.text);
  await one.stop();
  one = await startApp({ dataDir: dir });
  await until('the drill of the schedule', 120, async () => (await row(one, newest)).drill_state === 'ok');
  assert.equal((await row(one, old)).drill_state, 'unknown');
  assert.equal((await one.api('GET', '/api/jobs?kind=drill')).json.total, 1);
  await one.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('who may', async () => {
  await app.api('POST', '/api/users', { username: 'drillviewer', password, role: 'viewer' });
  const anonymous = await fetchRaw(`${app.url}/api/backup/${everything}/drill`, { method: 'POST', body: {} });
  assert.equal(anonymous.status, 401);
  const token = async (role) => (await app.api('POST', '/api/tokens', { name: role, role })).json.token;
  const as = async (role, method, where, body) => fetchRaw(app.url + where, { method, body, headers: { authorization: `Bearer ${await token(role)}` } });
  assert.equal((await as('viewer', 'POST', `/api/backup/${everything}/drill`, {})).status, 403);
  assert.equal((await as('developer', 'POST', '/api/settings/drills', { after_backup: true })).status, 403);
  assert.equal((await as('developer', 'POST', `/api/backup/${everything}/drill`, { check: 'command:true' })).status, 403);
  assert.equal((await as('viewer', 'GET', '/api/settings/drills')).status, 200);
});
