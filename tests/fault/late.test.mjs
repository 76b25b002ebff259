// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 while the engine has a request of ours that it carries out only later, after the next start has looked: what
// comes then is put in order too.
import { assert, docker, removeAll, after, sleep } from '../tools/harness.mjs';
import { test, before, Program, containers } from './rig.mjs';
import { slowEngine } from './slow_engine.mjs';

const p = `cmfaultl${process.pid}-`;
const program = new Program();
const slow = await slowEngine();

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', `${p}web`, '--stop-timeout', '1', '-v', `${p}data:/d`, 'busybox:local', 'sh', '-c', 'echo 1 >/d/f; trap "exit 0" TERM; while :; do sleep 0.1; done');
});
after(() => removeAll(p));

const start = () => program.start(null, { env: { DOCKER_HOST: slow.host } });

async function until(what, fn, seconds = 120) {
  for (const end = Date.now() + seconds * 1000; !await fn(); await sleep(100)) assert.ok(Date.now() < end, `${what}\n${program.app.stderr}`);
}

test('a helper container that the engine makes when its program is dead is removed', async () => {
  await start();
  const came = slow.hold(/^POST \S*\/containers\/create\?name=cm-helper-/);
  const job = await program.backup(`${p}web`);
  const helper = /cm-helper-\w+/.exec(await came)[0];
  await program.app.kill9();
  await start();
  await program.settled('the backup', { [job]: ['complete'] });
  slow.release();
  const there = async () => (await containers()).some((c) => c.name === helper);
  await until(`${helper} to be made`, there);
  await until(`${helper} to be removed`, async () => !await there());
  await program.app.stop();
});
