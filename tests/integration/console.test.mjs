// SPDX-License-Identifier: GPL-3.0-or-later
// Commands in real containers: one at a time by form and by API, and a terminal over a websocket.
import { test, assert, docker, startApp, removeAll, after, before, sleep, fetchRaw } from '../tools/harness.mjs';

const p = 'cmconsole-';
const app = await startApp();
const exec = (name, body) => app.api('POST', `/api/container/${p}${name}/exec`, body);

async function until(what, fn, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) if (await fn()) return;
  assert.fail(`not in ${seconds} s: ${what}`);
}
const audits = async () => (await app.api('GET', `/api/audit-logs?operation_type=container_exec`)).json.logs.filter((l) => l.container_name?.startsWith(p));

before(async () => {
  await removeAll(p);
  await Promise.all([
    docker('run', '-d', '--init', '--name', `${p}run`, '-w', '/srv', '-e', 'SHELL_OF=ours', 'busybox:local', 'sleep', '1000000'),
    docker('create', '--name', `${p}stopped`, 'busybox:local', 'sleep', '1000000'),
  ]);
});
after(() => removeAll(p));

test('a command: its words, never a shell, its outputs and its exit code', async () => {
  const both = await exec('run', { command: 'sh -c "echo out; echo err >&2; exit 3"' });
  assert.equal(both.status, 200, both.text);
  assert.equal(both.json.exit_code, 3);
  assert.equal(both.json.output, 'out\nerr\n');
  assert.equal(both.json.stdout, 'out\n');
  assert.equal(both.json.stderr, 'err\n');
  assert.equal((await exec('run', { command: 'echo $HOME; id | cat' })).json.output, '$HOME; id | cat\n');
  assert.equal((await exec('run', { command: ['echo', 'a  b', '"'] })).json.output, 'a  b "\n');
  assert.equal((await exec('run', { command: 'pwd' })).json.output, '/srv\n');
  assert.equal((await exec('run', { command: 'pwd', working_dir: '/tmp' })).json.output, '/tmp\n');
  assert.equal((await exec('run', { command: 'pwd', workdir: '/etc' })).json.output, '/etc\n');
  assert.equal((await exec('run', { command: 'id -u', user: '1000:1000' })).json.output, '1000\n');
  assert.deepEqual((await exec('run', { command: ' ' })).json.output, '');
  assert.equal((await exec('run', { command: String.raw`printf '\377x'` })).json.output, '\ufffdx');
});

test('what cannot be run is said', async () => {
  for (const [body, status, say] of [
    [{ command: 'echo "' }, 400, /not closed/], [{}, 400, /./], [{ command: [] }, 400, /./], [{ command: { a: 1 } }, 400, /./],
    [{ command: 'ls', working_dir: 'srv' }, 400, /Working directory must be an absolute path/], [{ command: 'ls', user: 'a b' }, 400, /user/],
  ]) {
    const r = await exec('run', body);
    assert.equal(r.status, status, `${JSON.stringify(body)}: ${r.text}`);
    assert.match(r.json.error, say);
  }
  const unknown = await exec('run', { command: 'no-such-program' });
  assert.ok(unknown.status === 200 ? [126, 127].includes(unknown.json.exit_code) : unknown.status === 400, unknown.text);
  assert.equal((await exec('stopped', { command: 'ls' })).status, 409);
  assert.equal((await exec('gone', { command: 'ls' })).status, 404);
  const away = await startApp({ env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
  assert.equal((await away.api('POST', '/api/container/x/exec', { command: 'ls' })).status, 503);
  assert.equal((await away.get('/console/x')).status, 503);
});

test('too much output is cut, and too long a command is ended', async () => {
  const much = await exec('run', { command: 'sh -c "yes | head -c 3000000"' });
  assert.equal(much.json.truncated, true);
  assert.equal(much.json.stdout.length, 1 << 20);
  const slow = await exec('run', { command: ['sh', '-c', 'sleep 654321 & sleep 654321'] });
  assert.equal(slow.status, 503, slow.text);
  assert.match(slow.json.error, /timed out/);
  assert.doesNotMatch(await docker('top', `${p}run`), /654321/);
});

test('in the audit stands who and what, without secrets', async () => {
  await exec('run', { command: 'echo --password=geheim x' });
  const [last] = await audits();
  assert.equal(last.container_name, `${p}run`);
  assert.equal(last.user, 'admin');
  assert.equal(last.details.command, 'echo --password=*** x');
  assert.equal(last.details.exit_code, 0);
  assert.ok(last.details.ms >= 0);
  assert.doesNotMatch(JSON.stringify(await audits()), /geheim/);
});

test('only an administrator', async () => {
  const token = (await app.api('POST', '/api/tokens', { name: p, role: 'developer' })).json.token;
  const headers = { authorization: `Bearer ${token}` };
  const r = await fetchRaw(`${app.url}/api/container/${p}run/exec`, { method: 'POST', headers, body: { command: 'ls' } });
  assert.equal(r.status, 403);
  assert.equal((await fetchRaw(`${app.url}/api/container/${p}run/exec`, { method: 'POST', body: { command: 'ls' } })).status, 401);
});

test('the form, without JavaScript: output is data', async () => {
  const page = await app.get(`/console/${p}run`);
  assert.equal(page.status, 200);
  assert.match(page.text, /<form method="post" action="\/console\/[0-9a-f]{12}">/);
  const done = await app.post(`/console/${p}run`, { command: String.raw`printf '<script>x</script>\n\033[31mred\033[0m\n'` });
  assert.equal(done.status, 200);
  assert.match(done.text, /&lt;script&gt;x&lt;\/script&gt;/);
  assert.match(done.text, /<i class="f2">red<\/i>/);
  assert.match(done.text, /Exit code 0/);
  const bad = await app.post(`/console/${p}run`, { command: 'echo "' });
  assert.equal(bad.status, 422);
  assert.match(bad.text, /value="echo &quot;"/);
  assert.match((await app.get(`/console/${p}stopped`)).text, /this one does not/);
  assert.equal((await app.get(`/console/${p}gone`)).status, 404);
});
