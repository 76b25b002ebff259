// SPDX-License-Identifier: GPL-3.0-or-later
// The way back: all of the data, and one file of it.
import { docker } from '../tools/harness.mjs';
import { row, interleave, dataVolume, container, theApp, backup, timed, timedSh, sh, median, work, prefix } from './lib.mjs';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

export default async function run() {
  const { name: volume, dir } = await dataVolume();
  const app = await theApp();
  // The restored container makes its own volume: the backup must not name the one that holds the data.
  const copy = `${prefix}back`;
  await docker('volume', 'rm', '-f', copy);
  await docker('volume', 'create', copy);
  const name = await container('back', { [copy]: '/data' });
  const to = await docker('volume', 'inspect', '-f', '{{.Mountpoint}}', copy);
  await sh(`cp -a ${dir}/. ${to}/`);
  const { file } = await backup(app, name);
  const out = `${work}/fresh`;
  const lose = async () => {
    await docker('rm', '-f', name);
    await docker('volume', 'rm', '-f', copy);
  };
  await sh(`tar -C ${dir} -c . | igzip -1 >${work}/data.tgz`);
  const ms = await interleave({
    async ours() {
      await lose();
      return timed(async () => {
        const r = await app.restore(file);
        if (r.status !== 200) throw new Error(`restore: ${r.status} ${r.text}`);
      });
    },
    async igzip() {
      rmSync(out, { recursive: true, force: true });
      return timedSh(`mkdir ${out} && igzip -d <${work}/data.tgz | tar -x -C ${out}`);
    },
  });
  row('restore against `igzip -d \\| tar -x`', 's', ms.ours / 1000, ms.igzip / 1000, { most: 1.6 });
  const some = (await sh(`cd ${dir} && find . -type f -size +3k -size -100k | sort | awk 'NR % 1200 == 600'`)).split('\n').slice(0, 21);
  const times = [];
  for (const f of some) {
    const inside = `volumes/${copy}/${f.slice(2)}`;
    times.push(await timed(async () => {
      const r = await app.download(`/api/backup/${encodeURIComponent(file)}/file?download=1&path=${encodeURIComponent(inside)}`);
      if (r.status !== 200 || !r.buffer.equals(readFileSync(path.join(dir, f)))) throw new Error(`${inside}: ${r.status}`);
    }));
  }
  row('one file out of it', 'ms', median(times), undefined, { max: 100 });
  await lose();
  rmSync(out, { recursive: true, force: true });
}
