// SPDX-License-Identifier: GPL-3.0-or-later
// Networks of a real engine: the list with containers in every state, making, connecting, removing; and their way into
// the vault and back, compared value by value, the predecessor's files too.
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { test, assert, docker, startApp, removeAll, after, before, root } from '../tools/harness.mjs';

const p = 'cmnets-';
const app = await startApp();
const list = async (query = '') => (await app.api('GET', `/api/networks${query}`)).json.networks;
const find = async (name) => (await list()).find((n) => n.name === name);
const inspect = async (name) => JSON.parse(await docker('network', 'inspect', name))[0];
// What a network is, without what the engine chose for this one time.
const essence = ({ Id, Created, Containers, ...rest }) => rest; // eslint-disable-line no-unused-vars

before(async () => {
  await removeAll(p);
  await docker('network', 'create', '--driver', 'bridge', '--internal', '--attachable', '--ipv6', '--subnet', '172.29.90.0/24',
    '--gateway', '172.29.90.1', '--ip-range', '172.29.90.128/25', '--aux-address', 'router=172.29.90.5', '--aux-address', 'dns=172.29.90.6',
    '--subnet', 'fd00:cafe:90::/64', '--gateway', 'fd00:cafe:90::1', '--opt', 'com.docker.network.bridge.name=cmnets0',
    '--opt', 'com.docker.network.driver.mtu=1400', '--label', 'team=qa', '--label', 'empty=', `${p}full`);
  await docker('network', 'create', `${p}plain`);
  await docker('run', '-d', '--name', `${p}run`, '--network', `${p}full`, 'busybox:local', 'sleep', '1000000');
  await docker('create', '--name', `${p}still`, '--network', `${p}full`, 'busybox:local', 'sleep', '1000000');
});
after(() => removeAll(p));

test('the list has addresses of both kinds and containers in every state', async () => {
  const n = await find(`${p}full`);
  assert.equal(n.containers, 2, JSON.stringify(n));
  assert.deepEqual(n.users.map((u) => [u.name, u.is_running]).sort(), [[`${p}run`, true], [`${p}still`, false]]);
  assert.equal(n.id, (await inspect(`${p}full`)).Id.slice(0, 12));
  assert.deepEqual([n.driver, n.scope, n.subnet, n.gateway, n.ip_range, n.internal], ['bridge', 'local', '172.29.90.0/24', '172.29.90.1', '172.29.90.128/25', true]);
  assert.equal(n.subnets[1].subnet, 'fd00:cafe:90::/64');
  assert.equal(n.subnets[1].gateway.replace(/\/.*/, ''), 'fd00:cafe:90::1');
  assert.equal((await find('bridge')).is_default, true);
  assert.deepEqual((await list(`?q=${p}&sort=-name`)).map((x) => x.name), [`${p}plain`, `${p}full`]);
  assert.deepEqual((await list(`?q=${p}&state=unused`)).map((x) => x.name), [`${p}plain`]);
  assert.ok((await list('?q=fd00:cafe')).some((x) => x.name === `${p}full`));
  assert.equal((await app.api('GET', '/api/networks?sort=nonsense')).status, 400);
  const page = (await app.get('/networks')).text;
  assert.match(page, new RegExp(`href="/containers\\?network=${p}full"`));
  assert.match(page, new RegExp(`disabled title="It is used by [^"]*${p}run`));
});

test('a network is made by API and by form; what makes no sense is refused with what was typed', async () => {
  const made = await app.api('POST', '/api/network', {
    name: `${p}made`, subnet: '172.29.92.0/24', gateway: '172.29.92.9', internal: true, labels: { a: 'b=c' }, options: { 'com.docker.network.driver.mtu': '1300' } });
  assert.equal(made.status, 201, made.text);
  const n = await inspect(`${p}made`);
  assert.equal(n.Id, made.json.id);
  assert.deepEqual([n.Internal, n.Labels, n.Options['com.docker.network.driver.mtu'], n.IPAM.Config], [true, { a: 'b=c' }, '1300', [{ Subnet: '172.29.92.0/24', Gateway: '172.29.92.9' }]]);
  assert.equal((await app.api('POST', '/api/network', { name: `${p}made` })).status, 409);
  assert.equal((await app.api('POST', '/api/network', { name: `${p}over`, subnet: '172.29.92.0/25' })).status, 409, 'addresses that another has');
  assert.equal((await app.api('POST', '/api/network', { name: `${p}bad`, subnet: '999.1.1.0/24' })).status, 400);
  assert.equal((await app.api('POST', '/api/network', { name: 'no name' })).status, 400);
  const again = await app.post('/networks/new', { name: `${p}form`, subnet: 'nonsense', labels: 'x=1' });
  assert.equal(again.status, 422);
  assert.match(again.text, /value="nonsense"/);
  assert.equal((await app.post('/networks/new', { name: `${p}form`, labels: 'x=1\r\n\r\ny=2=3\n' })).status, 303);
  assert.deepEqual((await inspect(`${p}form`)).Labels, { x: '1', y: '2=3' });
});

test('connecting and disconnecting', async () => {
  const connect = await app.api('POST', `/api/network/${p}made/connect`, { container: `${p}still`, ipv4: '172.29.92.77', aliases: ['other'] });
  assert.equal(connect.status, 200, connect.text);
  const e = JSON.parse(await docker('inspect', `${p}still`))[0].NetworkSettings.Networks[`${p}made`];
  assert.equal(e.IPAMConfig.IPv4Address, '172.29.92.77');
  assert.ok(e.Aliases.includes('other'));
  assert.equal((await find(`${p}made`)).containers, 1, 'a container that is stopped counts');
  assert.equal((await app.api('DELETE', `/api/network/${p}made/delete`)).status, 409);
  assert.equal((await app.api('POST', `/api/network/${p}made/connect`, { container: `${p}no-such` })).status, 404);
  assert.equal((await app.api('POST', `/api/network/${p}made/connect`, {})).status, 400);
  assert.equal((await app.api('POST', `/api/network/${p}no-such/connect`, { container: `${p}still` })).status, 404);
  const form = await app.post(`/network/${p}made/connect`, { container: `${p}run`, ipv4: '10.1.1.1' });
  assert.ok([409, 422].includes(form.status), form.status);
  assert.match(form.text, /value="10\.1\.1\.1"/);
  assert.equal((await app.post(`/network/${p}made/disconnect`, { container: `${p}still` })).status, 303);
  assert.equal((await find(`${p}made`)).containers, 0);
});

test('what has containers, and what is Docker’s own, is not removed; several have a result each', async () => {
  const used = await app.api('DELETE', `/api/network/${p}full/delete`);
  assert.equal(used.status, 409);
  assert.equal(used.json.code, 'IN_USE');
  assert.match(used.json.error, new RegExp(`is used by .*${p}run`));
  assert.equal((await app.api('DELETE', '/api/network/bridge/delete')).status, 422);
  assert.equal((await app.api('DELETE', `/api/network/${p}no-such/delete`)).status, 404);
  const asked = await app.post('/networks/delete', { network: [(await find(`${p}form`)).id, (await find(`${p}full`)).id] });
  assert.match(asked.text, new RegExp(`Delete ${p}form\\?`));
  assert.match(asked.text, new RegExp(`${p}full is used by`));
  const many = await app.api('POST', '/api/networks/delete', { network: [`${p}form`, `${p}full`, 'host'] });
  assert.deepEqual(many.json.results.map((r) => [r.name, r.success, r.code]), [[`${p}form`, true, null], [`${p}full`, false, 'IN_USE'], ['host', false, 'IMPOSSIBLE']]);
  assert.equal(await find(`${p}form`), undefined);
});

test('into the vault and back: every value is the same', async () => {
  const before = await inspect(`${p}full`);
  const r = await app.api('POST', `/api/network/${p}full/backup`);
  assert.equal(r.status, 200, r.text);
  assert.match(r.json.filename, /^network_cmnets-full_\d{8}_\d{6}-[0-9a-f]{6}\.json$/);
  assert.equal(r.json.message, `Network ${p}full backed up successfully`);
  assert.equal((await app.api('POST', '/api/network/bridge/backup')).status, 400);
  const shown = (await app.api('GET', '/api/network-backups')).json.backups;
  assert.deepEqual(shown.map((b) => [b.filename, b.type]), [[r.json.filename, 'network']]);
  const vault = (await app.api('GET', '/api/backups?type=network')).json.backups[0];
  assert.deepEqual([vault.filename, vault.type, vault.container_name], [r.json.filename, 'network', `${p}full`]);
  assert.equal(vault.restore_url, `/network/restore?filename=${r.json.filename}`);
  assert.deepEqual((await app.download(`/api/download/${r.json.filename}`)).buffer.length, shown[0].size);
  const exists = await app.api('POST', '/api/network/restore', { filename: r.json.filename });
  assert.equal(exists.status, 409);
  assert.equal(exists.json.network_name, `${p}full`);
  assert.doesNotMatch((await app.get(vault.restore_url)).text, /Restore the network</, 'the page offers nothing then');
  await docker('rm', '-f', `${p}run`, `${p}still`);
  await docker('network', 'rm', `${p}full`);
  assert.match((await app.get(vault.restore_url)).text, /Restore the network</);
  const back = await app.api('POST', '/api/network/restore', { filename: r.json.filename });
  assert.equal(back.status, 200, back.text);
  assert.deepEqual(back.json, { success: true, message: `Network ${p}full restored successfully`, network_name: `${p}full` });
  assert.deepEqual(essence(await inspect(`${p}full`)), essence(before));
  assert.equal((await app.api('POST', '/api/network/restore', {})).status, 400);
  assert.equal((await app.api('POST', '/api/network/restore', { filename: '../x' })).status, 400);
  assert.equal((await app.api('POST', '/api/network/restore', { filename: 'network_none.json' })).status, 404);
});

test('a file of the predecessor', async () => {
  const file = 'network_cmnets-legacy_20250102_030405.json';
  mkdirSync(path.join(app.dataDir, 'backups'), { recursive: true });
  copyFileSync(path.join(root, 'tests/fixtures/network_predecessor_20250102_030405.json'), path.join(app.dataDir, 'backups', file));
  await app.api('POST', '/api/backups/refresh');
  assert.ok((await app.api('GET', '/api/network-backups')).json.backups.some((b) => b.filename === file));
  assert.equal((await app.post('/network/restore', { filename: file })).status, 303);
  const n = await inspect(`${p}legacy`);
  assert.deepEqual([n.IPAM.Config, n.Labels, n.Containers], [[{ Subnet: '172.29.91.0/24', Gateway: '172.29.91.1' }], { team: 'qa' }, {}]);
});

test('all that nobody uses go at once', async () => {
  const page = await app.get('/networks/prune');
  assert.match(page.text, new RegExp(`${p}legacy`));
  assert.doesNotMatch(page.text, /value="[0-9a-f]+">?<strong[^>]*>bridge</);
  const r = await app.api('POST', '/api/networks/prune');
  assert.equal(r.status, 200, r.text);
  for (const name of ['plain', 'legacy', 'full', 'made']) assert.ok(r.json.deleted_networks.includes(p + name), name);
  assert.ok(await find('bridge'));
  const log = await app.api('GET', '/api/audit-logs?limit=200');
  for (const what of ['network_create', 'network_connect', 'network_disconnect', 'network_backup', 'network_delete'])
    assert.ok(log.json.logs.some((l) => l.operation_type === what && l.user === 'admin'), what);
});

test('an engine that is away: the page says so, the API 503', async () => {
  const away = await startApp({ env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
  assert.match((await away.get('/networks')).text, /The networks cannot be shown/);
  assert.equal((await away.api('GET', '/api/networks')).status, 503);
  assert.equal((await away.api('POST', '/api/network/x/backup')).status, 503);
});
