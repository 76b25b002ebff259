// SPDX-License-Identifier: GPL-3.0-or-later
// A job followed by server-sent events: progress as it changes, "done" at the end, and nothing left behind by those who
// go away in the middle.
import { test, assert, startApp, docker, removeAll, after, before, sleep } from '../tools/harness.mjs';
import { request } from 'node:http';

const p = 'cmevents-';
const app = await startApp();

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', `${p}one`, '-v', `${p}data:/data`, 'busybox:local', 'sh', '-c',
    'dd if=/dev/urandom of=/data/file bs=1M count=40 2>/dev/null; exec sleep 1000000');
  await sleep(1000);
});
after(() => removeAll(p));

// Opens the stream and collects its events until it ends, or until the caller closes it.
function follow(id, headers = app.headers()) {
  const events = [];
  const stream = { events, status: 0, text: '' };
  stream.ended = new Promise((resolve, reject) => {
    const req = request(`${app.url}/api/jobs/${id}/events`, { headers, agent: false }, (res) => {
      stream.status = res.statusCode;
      stream.headers = res.headers;
      res.setEncoding('utf8');
      res.on('data', (c) => {
        stream.text += c;
        for (let end; (end = stream.text.indexOf('\n\n')) >= 0; stream.text = stream.text.slice(end + 2)) {
          const lines = stream.text.slice(0, end).split('\n');
          const name = lines.find((l) => l.startsWith('event: '))?.slice(7);
          const data = lines.find((l) => l.startsWith('data: '))?.slice(6);
          if (name) events.push({ name, job: JSON.parse(data) });
        }
      });
      res.on('end', () => resolve(stream));
      res.on('close', () => resolve(stream));
    });
    req.on('error', reject);
    req.end();
    stream.close = () => req.destroy();
  });
  stream.ended.catch(() => {});
  return stream;
}

test('events follow a backup from its beginning to "done"', async () => {
  const r = await app.api('POST', `/api/backup/${p}one?queue=true`, { consistency: 'live' });
  assert.ok(r.status < 300, r.text);
  const stream = follow(r.json.progress_id);
  await stream.ended;
  assert.equal(stream.status, 200);
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  assert.match(stream.headers['cache-control'], /no-store/);
  assert.equal(stream.headers['content-encoding'], undefined);
  const last = stream.events.at(-1);
  assert.equal(last.name, 'done');
  assert.equal(last.job.state, 'complete', JSON.stringify(last.job));
  assert.equal(last.job.percent, 100);
  const progress = stream.events.filter((e) => e.name === 'progress').map((e) => e.job);
  assert.ok(progress.length >= 1);
  for (let i = 1; i < progress.length; i++) assert.ok(progress[i].percent >= progress[i - 1].percent);
  assert.ok(progress.every((j) => j.id === r.json.progress_id && 'step' in j && 'bytes_done' in j));
});

test('a finished job says so at once', async () => {
  const { json } = await app.api('GET', '/api/jobs?limit=1');
  const stream = follow(json.jobs[0].id);
  await stream.ended;
  assert.deepEqual(stream.events.map((e) => e.name), ['progress', 'done']);
});

test('an unknown job is 404, nobody is 401', async () => {
  const unknown = follow('1b4e28ba-2fa1-41d2-883f-0016d3cca427');
  await unknown.ended;
  assert.equal(unknown.status, 404);
  const nobody = follow('1b4e28ba-2fa1-41d2-883f-0016d3cca427', {});
  await nobody.ended;
  assert.equal(nobody.status, 401);
});

test('many who follow and go away do not hold up the server', async () => {
  const { json } = await app.api('POST', `/api/backup/${p}one?queue=true`, {});
  const streams = Array.from({ length: 20 }, () => follow(json.progress_id));
  const begin = Date.now();
  assert.equal((await app.get('/help')).status, 200);
  assert.ok(Date.now() - begin < 2000);
  streams.forEach((s) => s.close());
  const done = await app.waitJob(json.progress_id);
  assert.equal(done.state, 'complete');
  const again = Date.now();
  assert.equal((await app.get('/jobs')).status, 200);
  assert.ok(Date.now() - again < 1000);
});

test('the page of a job refreshes itself without a script, until the job is over', async () => {
  const { json } = await app.api('GET', '/api/jobs?limit=1');
  const page = await app.get(`/job/${json.jobs[0].id}`);
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.text, /http-equiv="refresh"/);
  assert.match(page.text, /Open the backup/);
});
