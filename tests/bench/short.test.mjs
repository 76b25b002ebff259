// SPDX-License-Identifier: GPL-3.0-or-later
// The bench in small, so that a loss of speed by its order is seen with each change: a tenth of the data, and bars three
// times as wide or more. What is compared with runs in containers too: on a busy machine these get less of it than other
// programs do. `make bench` is what measures.
import { test, assert, docker, after } from '../tools/harness.mjs';
import { dataVolume, container, theApp, backup, waitJob, timed, sh, median, peak, freshVolume, finish, prefix, vaultFile, sizeOf, work } from './lib.mjs';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const app = await theApp();
const embed = { image: 'embed' };
const volumes = new Set();
let file, dir, name;
after(async () => {
  await docker('rm', '-f', `${prefix}c-short`).catch(() => {});
  await finish();
  for (const v of volumes) await docker('volume', 'rm', '-f', v);
});
// The quicker of two: one slow minute is no loss of speed.
const best = async (fn) => Math.min(await fn(), await fn());

test('a backup takes a third of what tar in a container takes, its size and memory are small', async () => {
  const data = await dataVolume(3600);
  ({ dir } = data);
  volumes.add(data.name);
  name = await container('short', { [data.name]: '/data' }, { image: 'busybox:local' });
  await sh(`tar -C ${dir} -c . | gzip -1 >${work}/ref`);
  const reference = await best(() => timed(() => docker('run', '--rm', '-v', `${data.name}:/data:ro`, '-v', `${work}:/out`,
    'busybox:local', 'tar', '-czf', '/out/tar', '/data')));
  const seen = await peak(app, async () => {
    const ms = await best(() => timed(async () => { ({ file } = await backup(app, name, embed)); }));
    return ms;
  });
  assert.ok(seen.result < reference / 3, `${Math.round(seen.result)} ms, tar in a container ${Math.round(reference)} ms`);
  const most = 1.1 * sizeOf(`${work}/ref`) + (4 << 20);
  assert.ok(sizeOf(vaultFile(app, file)) < most, `${sizeOf(vaultFile(app, file))} bytes, ${most} allowed`);
  assert.ok(seen.mb < 128, `${seen.mb} MB`);
  assert.equal(seen.tmp, 0);
});

test('one file comes out of it at once', async () => {
  const some = (await sh(`cd ${dir} && find . -type f -size +3k -size -100k | sort | awk 'NR % 150 == 75'`)).split('\n').slice(0, 9);
  const times = [];
  for (const f of some) {
    const inside = encodeURIComponent(`volumes/${prefix}data3600/${f.slice(2)}`);
    times.push(await timed(async () => {
      const r = await app.download(`/api/backup/${encodeURIComponent(file)}/file?download=1&path=${inside}`);
      assert.ok(r.buffer.equals(readFileSync(path.join(dir, f))), f);
    }));
  }
  // Nothing to compare with: a machine that is busy beyond this is of no use for a bench.
  assert.ok(median(times) < 2000, `${times.map(Math.round)} ms`);
});

test('a restore takes a few times what tar in a container takes', async () => {
  const fresh = `${prefix}fresh`;
  volumes.add(fresh);
  const reference = await best(async () => {
    await freshVolume(fresh);
    return timed(() => docker('run', '--rm', '-v', `${fresh}:/data`, '-v', `${work}:/in:ro`, 'busybox:local', 'tar', '-C', '/data', '-xzf', '/in/ref'));
  });
  await docker('rm', '-f', name);
  await docker('volume', 'rm', `${prefix}data3600`);
  const ms = await timed(async () => {
    const r = await app.restore(file);
    assert.equal(r.status, 200, r.text);
  });
  assert.ok(ms < 4 * reference + 5000, `${Math.round(ms)} ms, tar in a container ${Math.round(reference)} ms`);
});

test('tiny containers are backed up in moments, also when several wait', async () => {
  const names = [];
  for (let i = 0; i < 4; i++) {
    volumes.add(`${prefix}short${i}`);
    await sh(`echo ${i} >${await freshVolume(`${prefix}short${i}`)}/file`);
    names.push(await container(`short${i}`, { [`${prefix}short${i}`]: '/data' }, { start: true, image: 'busybox:local' }));
  }
  // Most of it is that the engine starts a container.
  const start = await best(() => timed(() => docker('run', '--rm', '--network', 'none', 'busybox:local', 'true')));
  const one = await best(() => timed(() => backup(app, names[0], embed)));
  assert.ok(one < 3 * start + 1000, `${Math.round(one)} ms, docker run ${Math.round(start)} ms`);
  const all = await timed(async () => {
    const ids = [];
    for (const n of names) ids.push((await app.api('POST', `/api/backup/${n}?queue=true`, embed)).json.progress_id);
    for (const id of ids) await waitJob(app, id);
  });
  assert.ok(all < 16 * start + 4000, `${Math.round(all)} ms, docker run ${Math.round(start)} ms`);
  for (const n of names) await docker('rm', '-f', n);
});
