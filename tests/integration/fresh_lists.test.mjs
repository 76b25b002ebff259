// SPDX-License-Identifier: GPL-3.0-or-later
// Lists are remembered for a moment: never longer than until something is changed from here, in whatever worker.
import { Agent, get } from 'node:http';
import { test, after, assert, docker, removeAll, sleep, startApp } from '../tools/harness.mjs';

const prefix = 'cmfresh-', name = `${prefix}box`;
const app = await startApp({ env: { CM_WORKERS: '4' } });
const id = await docker('run', '-d', '--init', '--name', name, 'busybox:local', 'sleep', '1000000');
after(() => removeAll(prefix));

// Connections that stay: as many opened at once reach more than one worker, and later questions meet the same ones.
const agent = new Agent({ keepAlive: true, maxSockets: 40 });
after(() => agent.destroy());
const state = () => new Promise((resolve, reject) => {
  get(`${app.url}/api/containers`, { agent, headers: app.headers() }, (res) => {
    let text = '';
    res.on('data', (c) => { text += c; });
    res.on('end', () => resolve(JSON.parse(text).containers.find((c) => c.name === name)?.status));
  }).on('error', reject);
});
const states = (count) => Promise.all(Array.from({ length: count }, state));
const page = async () => {
  const { text } = await app.get('/containers');
  return text.includes(`/container/${id.slice(0, 12)}/start`) ? 'stopped' : text.includes(`/container/${id.slice(0, 12)}/stop`) ? 'running' : 'gone';
};

test('after an action by form every page shows its result', async () => {
  await app.get('/containers');
  for (let i = 0; i < 4; i++) {
    const [word, state] = i % 2 ? ['start', 'running'] : ['stop', 'stopped'];
    await states(40); // all workers know the list now
    const r = await app.post(`/container/${id.slice(0, 12)}/${word}`);
    assert.equal(r.status, 303, r.text);
    assert.deepEqual([...new Set(await states(40))], [state], `after ${word}`);
    assert.equal(await page(), state);
  }
});

test('what others change shows in a moment', async () => {
  await states(40);
  await docker('kill', name);
  const began = Date.now();
  while (await page() !== 'stopped' && Date.now() - began < 10000) await sleep(20);
  console.log(`# ${Date.now() - began} ms`);
  assert.equal(await page(), 'stopped');
  // Asked for without end, it must not be the former answer for ever.
  const asking = (async () => { for (let i = 0; i < 30; i++) await states(4); })();
  await docker('start', name);
  const again = Date.now();
  while (await page() !== 'running' && Date.now() - again < 10000) await sleep(20);
  console.log(`# ${Date.now() - again} ms while others ask too`);
  assert.equal(await page(), 'running');
  await asking;
});
