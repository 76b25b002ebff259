// SPDX-License-Identifier: GPL-3.0-or-later
// Redeploy: the newest image of the name, every setting kept; whatever goes wrong, the old container is back.
import { test, assert, docker, engine, inspect, startApp, removeAll, after, before, freePort } from '../tools/harness.mjs';

const p = 'cmredep-', name = `${p}web`, image = `${p}image:app`;
const app = await startApp();
const redeploy = (body = {}) => app.api('POST', `/api/container/${name}/redeploy`, { pull: 'never', ...body });
// An image of this name from these Dockerfile lines, as a build would leave it.
async function build(...changes) {
  const id = await docker('create', 'busybox:local', 'true');
  await docker('commit', ...changes.flatMap((c) => ['-c', c]), id, image);
  await docker('rm', id);
  return (await inspect(image)).Id;
}
let first, port, other;

before(async () => {
  await removeAll(p);
  [port, other] = [await freePort(), await freePort()];
  first = await build('CMD ["sleep","1000000"]', 'ENV VERSION=1', 'ENV COLOUR=red', 'LABEL version=1', 'VOLUME /scratch');
  await docker('network', 'create', `${p}net`);
  await docker('network', 'create', `${p}second`);
  await docker('run', '-d', '--name', name, '--init', '-e', 'COLOUR=blue', '-e', 'MINE=yes', '--label', 'own=label', '-v', `${p}vol:/data`, '-v', '/tmp:/host:ro',
    '--network', `${p}net`, '--network-alias', 'front', '-p', `127.0.0.1:${port}:8080`, '--memory', '64m', '--cpus', '0.5', '--restart', 'on-failure:3',
    '--cap-add', 'NET_ADMIN', '--hostname', 'my-host', '--stop-timeout', '1', '--log-opt', 'max-size=1m', '--sysctl', 'net.ipv4.ip_forward=1', '-w', '/host', image);
  await docker('network', 'connect', '--alias', 'back', `${p}second`, name);
  await docker('exec', name, 'sh', '-c', 'echo kept > /data/file; echo kept > /scratch/file; echo gone > /etc/own');
});
after(async () => {
  await removeAll(p);
  await docker('rmi', '-f', image).catch(() => {});
});

// What must be the same before and after, whatever the image.
const settings = (i) => ({
  host: { ...i.HostConfig, Binds: null, Mounts: null }, hostname: i.Config.Hostname, dir: i.Config.WorkingDir, own: i.Config.Labels.own,
  env: i.Config.Env.filter((e) => /^(MINE|COLOUR)=/.test(e)).sort(), timeout: i.Config.StopTimeout,
  mounts: i.Mounts.map((m) => `${m.Type} ${m.Name ?? m.Source} ${m.Destination} ${m.RW}`).sort(),
  networks: Object.entries(i.NetworkSettings.Networks).map(([n, e]) => [n, (e.Aliases ?? []).filter((a) => !i.Id.startsWith(a))]).sort(),
});

test('a newer image: the new container has all settings, the same volumes, and what came with the image is the new one’s', async () => {
  const old = await inspect(name);
  const newer = await build('CMD ["sleep","2000000"]', 'ENV VERSION=2', 'ENV COLOUR=red', 'LABEL version=2', 'VOLUME /scratch');
  const r = await redeploy();
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.message, `Container ${name} redeployed successfully`);
  assert.deepEqual([r.json.success, r.json.image_changed, r.json.old_image_id, r.json.image_id], [true, true, first, newer]);
  assert.match(r.json.command, /^docker run/);
  const now = await inspect(name);
  assert.equal(now.Id, r.json.id);
  assert.notEqual(now.Id, old.Id);
  assert.equal(now.Image, newer);
  assert.equal(now.State.Running, true);
  assert.deepEqual(settings(now), settings(old));
  assert.deepEqual([now.Config.Cmd, now.Config.Labels.version, now.Config.Image], [['sleep', '2000000'], '2', image]);
  assert.ok(now.Config.Env.includes('VERSION=2') && !now.Config.Env.includes('VERSION=1'));
  assert.equal(await docker('exec', name, 'cat', '/data/file', '/scratch/file'), 'kept\nkept');
  assert.equal(await docker('exec', name, 'sh', '-c', 'cat /etc/own 2>/dev/null || echo fresh'), 'fresh');
  assert.equal(await engine('GET', `/containers/${old.Id}/json`), null, 'the old one is gone');
  const audit = (await app.api('GET', `/api/audit-logs?search=${name}`)).json.logs;
  assert.ok(audit.some((l) => l.operation_type === 'container_redeploy' && l.status === 'completed' && l.user === 'admin'));
});

test('another port of the host, and only that', async () => {
  const old = await inspect(name);
  const r = await redeploy({ port_overrides: { '8080/tcp': `127.0.0.1:${other}` } });
  assert.equal(r.status, 200, r.text);
  const now = await inspect(name);
  assert.deepEqual(now.HostConfig.PortBindings, { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: String(other) }] });
  assert.deepEqual({ ...settings(now), host: null }, { ...settings(old), host: null });
  assert.equal((await redeploy({ port_overrides: { '8080/tcp': '99999' } })).status, 400);
});

test('an image that does not run: the old container is back, running, with its id, name and addresses', async () => {
  const old = await inspect(name);
  await build('CMD ["false"]');
  const r = await redeploy();
  assert.equal(r.status, 502, r.text);
  assert.match(r.json.error, /The new container ends again and again, the last time with exit code 1\. The old one is back as it was\./);
  const now = await inspect(name);
  assert.deepEqual([now.Id, now.State.Running, now.Image], [old.Id, true, old.Image]);
  assert.deepEqual(settings(now), settings(old));
  assert.equal(await docker('exec', name, 'cat', '/data/file', '/scratch/file'), 'kept\nkept');
  const left = (await docker('ps', '-a', '--format', '{{.Names}}')).split('\n').filter((n) => /replaced|cm-restore/.test(n));
  assert.deepEqual(left, []);
});

test('the page: says what will happen, the form begins a job, the job brings the container', async () => {
  const newer = await build('CMD ["sleep","3000000"]');
  const page = await app.get(`/container/${name}/redeploy`);
  assert.equal(page.status, 200);
  assert.match(page.text, new RegExp(`name="port:8080/tcp" value="127.0.0.1:${other}"`));
  const bad = await app.post(`/container/${name}/redeploy`, { pull: 'never', 'port:8080/tcp': 'many' });
  assert.equal(bad.status, 400);
  assert.match(bad.text, /value="many"/);
  const r = await app.post(`/container/${name}/redeploy`, { pull: 'never', 'port:8080/tcp': `127.0.0.1:${port}` });
  assert.equal(r.status, 303);
  const job = await app.waitJob(r.headers.location.split('/').pop());
  assert.equal(job.state, 'complete', JSON.stringify(job));
  assert.equal((await app.get(r.headers.location)).status, 200);
  const now = await inspect(name);
  assert.deepEqual([now.Image, now.HostConfig.PortBindings['8080/tcp'][0].HostPort], [newer, String(port)]);
});

test('no registry in reach: what is here is taken and said, or nothing happens', async () => {
  const old = await inspect(name);
  const r = await redeploy({ pull: 'always' });
  assert.ok(r.status >= 400, r.text);
  assert.equal((await inspect(name)).Id, old.Id);
  const tried = await redeploy({ pull: 'try' });
  assert.equal(tried.status, 200, tried.text);
  assert.match(tried.json.warnings[0], /could not be fetched, the one on this host is used/);
  assert.equal((await app.api('POST', `/api/container/${p}no-such/redeploy`, {})).status, 404);
  assert.equal((await app.api('POST', `/api/container/${name}/redeploy`, { pull: 'perhaps' })).status, 400);
});

test('a stopped one stays stopped; one with --rm is refused', async () => {
  await docker('stop', name);
  assert.equal((await redeploy()).status, 200);
  assert.equal((await inspect(name)).State.Running, false);
  await docker('run', '-d', '--rm', '--init', '--name', `${p}rm`, 'busybox:local', 'sleep', '1000000');
  const r = await app.api('POST', `/api/container/${p}rm/redeploy`, { pull: 'never' });
  assert.equal(r.status, 409, r.text);
  assert.equal((await inspect(`${p}rm`)).State.Running, true);
});
