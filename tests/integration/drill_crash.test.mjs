// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 of the whole program at every point of a drill: at the next start everything of it is removed, and the drill
// is done again.
import { test, assert, docker, startApp, removeAll, after, sleep } from '../tools/harness.mjs';
import { until } from './restore_tools.mjs';
import { left, row, world } from './drill_rig.mjs';
import { mkdtempSync, rmSync } from 'node:fs';

const p = `cmdrillcrash${process.pid}-`;
const dataDir = mkdtempSync('/tmp/cmdrill-data-');
await removeAll(p);
await docker('run', '-d', '--name', `${p}db`, '-v', `${p}data:/data`, 'busybox:local', 'sh', '-c', 'test -f /data/f || echo 1 >/data/f; echo 1 >/etc/x; exec sleep 1000000');
await sleep(500);
const first = await startApp({ dataDir });
const { file } = await first.backup(`${p}db`);
await first.stop();
after(async () => {
  await removeAll(p);
  rmSync(dataDir, { recursive: true, force: true });
});

for (const point of ['restore_volume_made', 'restore_created', 'drill_started', 'drill_judged', 'drill_removed', 'drill_noted']) {
  test(`nothing is left of a drill that died at ${point}`, async () => {
    const was = await world(`${p}db`, [`${p}data`]);
    let app = await startApp({ dataDir, env: { CM_FAULT: `${point}!`, CM_WORKERS: '1' } });
    const r = await app.api('POST', `/api/backup/${file}/drill`, { check: 'command:true' });
    assert.equal(r.status, 202, r.text);
    // It waits there for its end: a worker that died would begin anew before the rest is killed, and use up its last try.
    await until(`fault point ${point}`, 120, () => app.stderr.includes(`fault point ${point}\n`));
    await app.kill9();
    app = await startApp({ dataDir });
    const job = await app.waitJob(r.json.job_id, 240);
    assert.equal(job.state, 'complete', JSON.stringify(job));
    assert.deepEqual(await left(), []);
    assert.deepEqual(await world(`${p}db`, [`${p}data`]), was);
    assert.equal((await row(app, file)).drill_state, 'ok');
    await app.stop();
  });
}
