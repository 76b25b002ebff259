// SPDX-License-Identifier: GPL-3.0-or-later
// Events of the real engine: kept, listed, filtered, told as they happen; also those of a time when nobody followed.
import { request } from 'node:http';
import { test, assert, docker, startApp, removeAll, after, before, sleep } from '../tools/harness.mjs';

// The engine remembers events of an earlier run: names of this one alone.
const all = 'cmevents-', p = `${all}${process.pid}-`;
const app = await startApp();
const events = async (query = '') => {
  const r = await app.api('GET', `/api/events${query}`);
  assert.equal(r.status, 200, r.text);
  return r.json;
};
const of = async (name, query = '') => (await events(`?object=${p}${name}${query}`)).events;
async function until(what, fn, seconds = 10) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
    const got = await fn();
    if (got) return got;
  }
  return assert.fail(`not in ${seconds} s: ${what}`);
}
function follow(onEvent) {
  const req = request(`${app.url}/api/events/stream`, { headers: app.headers(), agent: false });
  let rest = '';
  const ready = new Promise((resolve) => {
    req.on('response', (res) => {
      res.setEncoding('utf8');
      res.on('data', (c) => {
        rest += c;
        for (let at; (at = rest.indexOf('\n\n')) >= 0; rest = rest.slice(at + 2)) {
          const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(rest.slice(0, at))?.[1];
          if (field('event') === 'ready') resolve();
          if (field('event') === 'engine') onEvent({ ...JSON.parse(field('data')), at: Number(field('id')) });
        }
      });
      res.on('error', () => {});
    });
  });
  req.on('error', () => {});
  req.end();
  return { ready, close: () => req.destroy() };
}

before(() => removeAll(all));
after(() => removeAll(all));

test('what a container goes through is kept, with who it was and how it ended', async () => {
  await until('following', async () => (await events()).follow.is_following);
  await docker('run', '--name', `${p}short`, '-v', `${p}data:/d`, 'busybox:local', 'sh', '-c', 'exit 3').catch(() => {});
  await docker('rm', `${p}short`);
  const list = await until('its end', async () => {
    const l = await of('short');
    return l.some((e) => e.action === 'destroy') && l;
  });
  assert.deepEqual(list.map((e) => e.action).filter((a) => a !== 'attach').slice(0, 3), ['destroy', 'die', 'start']);
  const die = list.find((e) => e.action === 'die');
  assert.equal(die.type, 'container');
  assert.equal(die.name, `${p}short`);
  assert.match(die.id, /^[0-9a-f]{64}$/);
  assert.equal(die.attributes.exitCode, '3');
  assert.equal(die.detail, 'exit code 3');
  assert.equal(die.raw.Actor.Attributes.image, 'busybox:local');
  assert.equal(die.raw.timeNano, die.timeNano);
  assert.ok(Math.abs(die.time - Date.now() / 1000) < 30);
  assert.match(die.time_formatted, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
  assert.equal((await of('data'))[0].type, 'volume');
});

test('newest first, by time, type, action and text; a wrong time is refused', async () => {
  const list = (await events()).events;
  assert.ok(list.every((e, i) => i === 0 || e.timeNano <= list[i - 1].timeNano));
  assert.ok((await events('?type=volume')).events.every((e) => e.type === 'volume'));
  assert.equal((await of('short', '&type=container&action=die')).length, 1);
  const q = await events(`?q=${p}SHORT&limit=1`);
  assert.equal(q.count, 1);
  assert.ok(q.total >= 4);
  const at = (await of('short', '&action=die'))[0].time;
  assert.ok((await events(`?since=${at}&until=${at}&object=${p}short`)).events.some((e) => e.action === 'die'));
  assert.equal((await events(`?until=${at - 100}&object=${p}short`)).total, 0);
  const bad = await app.api('GET', '/api/events?since=yesterday');
  assert.equal(bad.status, 400);
  assert.equal(bad.json.error, 'since must be a valid integer');
  assert.equal((await app.api('GET', '/api/events?last=ever')).status, 400);
});

test('commands inside are kept without their words, and not shown unless asked for', async () => {
  await docker('run', '-d', '--name', `${p}exec`, 'busybox:local', 'sleep', '100000');
  await docker('exec', `${p}exec`, 'sh', '-c', ': the-secret-word-of-this-test');
  await until('the command', async () => (await of('exec', '&action=exec')).length >= 2);
  assert.ok(!JSON.stringify(await events()).includes('the-secret-word'));
  const page = await app.get(`/events?object=${p}exec`);
  assert.equal(page.status, 200);
  assert.match(page.text, /started/);
  assert.doesNotMatch(page.text, /command started/);
  assert.match((await app.get(`/events?object=${p}exec&action=exec`)).text, /command started/);
  const choices = (await app.get('/events?type=volume')).text;
  assert.match(choices, /<option value="mount"/);
  assert.doesNotMatch(choices, /<option value="die"/);
});

test('what is told as it happens comes within a second, and makes lists of ours new', async () => {
  const told = [];
  const stream = follow((e) => told.push(e));
  await stream.ready;
  const begin = Date.now();
  await docker('volume', 'create', `${p}told`);
  await until('the event', async () => told.some((e) => e.type === 'volume' && e.name === `${p}told` && e.action === 'create'));
  assert.ok(Date.now() - begin < 2500, `${Date.now() - begin} ms`);
  await docker('rm', '-f', `${p}exec`);
  await until('the list without it', async () => !(await app.api('GET', '/api/containers')).json.containers.some((c) => c.name === `${p}exec`), 2);
  await until('its removal', async () => told.some((e) => e.name === `${p}exec` && e.action === 'destroy'));
  assert.ok(told.every((e, i) => i === 0 || e.at > told[i - 1].at));
  stream.close();
});

test('what happened while the program was away is fetched, and nothing is there twice', async () => {
  await app.stop();
  await docker('run', '--rm', '--name', `${p}meanwhile`, 'busybox:local', 'true');
  await app.spawn();
  await app.login();
  const list = await until('what it missed', async () => {
    const l = await of('meanwhile');
    return l.some((e) => e.action === 'destroy') && l;
  });
  const keys = (await events('?last=7d')).events.map((e) => `${e.timeNano} ${e.type} ${e.action} ${e.id}`);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(list.filter((e) => e.action === 'die').length, 1);
});

test('what our own helpers do is not among them', async () => {
  await docker('run', '-d', '--name', `${p}kept`, '-v', `${p}kept:/d`, 'busybox:local', 'sleep', '100000');
  await app.backup(`${p}kept`);
  await sleep(700);
  const { events: list } = await events('?last=1h');
  assert.ok(list.some((e) => e.name === `${p}kept`));
  assert.deepEqual(list.filter((e) => /container-monkey-helper/.test(JSON.stringify(e))), []);
  const mounts = list.filter((e) => e.type === 'volume' && e.name === `${p}kept` && e.action === 'mount');
  assert.equal(mounts.length, 1, 'the helper\'s mounts are left out');
});
