// SPDX-License-Identifier: GPL-3.0-or-later
// The program killed at every named place of a backup: afterwards the container is as it was, nothing half done is left,
// and what was waiting goes on.
import { test, assert, docker, inspect, startApp, removeAll, root, after, before, sleep } from '../tools/harness.mjs';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const p = `cmfault${process.pid}-`;
const points = readFileSync(path.join(root, 'tests/fault/points.txt'), 'utf8').split('\n')
  .map((l) => l.split(/\s/)[0]).filter((n) => n.startsWith('backup_'));

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', `${p}web`, '--restart', 'unless-stopped', '-v', `${p}data:/data`, 'busybox:local', 'sh', '-c',
    'trap "exit 0" TERM; echo one > /data/one; while :; do sleep 0.1; done');
});
after(() => removeAll(p));

// Of this container only: other programs on the engine have helpers too.
const helpers = () => docker('ps', '-aq', '--filter', 'label=container-monkey.helper', '--filter', `volume=${p}data`);

for (const point of points) {
  test(`killed at ${point}`, async () => {
    // Pieces of the data are only told of when it takes a while.
    if (point === 'backup_parts_piece') await docker('exec', `${p}web`, 'sh', '-c', 'head -c 400000000 /dev/urandom > /data/large');
    const dir = mkdtempSync(path.join(tmpdir(), 'cm-fault-'));
    const broken = await startApp({ env: { CM_FAULT: point }, dataDir: dir });
    const r = await broken.api('POST', `/api/backup/${p}web`, {
      consistency: /pause/.test(point) ? 'pause' : 'stop', exec_pre: 'touch /data/before', exec_post: 'rm -f /data/before' });
    assert.equal(r.status, 200, r.text);
    for (let i = 0; !/ gone\n/.test(broken.stderr) && !broken.exited; i++) {
      assert.ok(i < 400, `never came by ${point}: ${broken.stderr}`);
      await sleep(50);
    }
    await broken.kill9();
    const app = await startApp({ dataDir: dir });
    // What was interrupted is queued again once: it has settled when it stays what it is.
    let job;
    for (let same = 0; same < 20; await sleep(100)) {
      const now = await app.waitJob(r.json.job_id, 60);
      same = now.state === 'complete' ? 20 : now.state === job?.state ? same + 1 : 0;
      job = now;
    }
    assert.ok(['complete', 'interrupted'].includes(job.state), JSON.stringify(job));
    let state;
    for (let i = 0; i < 100; i++, await sleep(100)) {
      state = (await inspect(`${p}web`)).State;
      if (state.Running && !state.Paused && (await app.api('GET', '/api/backup/status')).json.status === 'idle') break;
    }
    assert.deepEqual([state.Running, state.Paused], [true, false]);
    await docker('exec', `${p}web`, 'rm', '-f', '/data/large');
    assert.equal(await docker('exec', `${p}web`, 'ls', '/data'), 'one');
    const vault = readdirSync(path.join(dir, 'backups'));
    assert.deepEqual(vault.filter((n) => n.startsWith('.')), []);
    assert.equal(vault.length % 2, 0, String(vault));
    const listed = (await app.api('GET', '/api/backups')).json.backups;
    assert.equal(listed.length, vault.length / 2);
    for (const b of listed) assert.equal(b.verify_state, 'ok');
    assert.deepEqual(readdirSync(path.join(dir, 'tmp')), []);
    assert.equal(await helpers(), '');
    await app.stop();
    rmSync(dir, { recursive: true, force: true });
  });
}
