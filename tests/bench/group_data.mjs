// SPDX-License-Identifier: GPL-3.0-or-later
// The whole backup of 1.5 GB in 36,000 files: read, hashed, packed, written, synced, verified, published.
import { docker } from '../tools/harness.mjs';
import { row, interleave, dataVolume, container, theApp, backup, timed, sh, vaultFile, forget, sizeOf, work } from './lib.mjs';
import { rmSync } from 'node:fs';

export default async function run() {
  const { name: volume, dir } = await dataVolume();
  const app = await theApp();
  const name = await container('data', { [volume]: '/data' });
  const out = `${work}/out`;
  const alone = (fn) => () => {
    rmSync(out, { recursive: true, force: true });
    return timed(fn);
  };
  const fresh = (script) => alone(() => sh(script));
  const sizes = {};
  const ours = (options, key) => async () => {
    let job;
    const ms = await timed(async () => { job = await backup(app, name, options); });
    sizes[key] = sizeOf(vaultFile(app, job.file));
    await forget(app, job.file);
    return ms;
  };
  // All of them read from the page cache, as far as it holds the data.
  await sh(`tar -C ${dir} -c . | cat >/dev/null`);
  const ms = await interleave({
    ours: ours({}, 'gzip'),
    igzip: fresh(`tar -C ${dir} -c . | igzip -1 >${out}`),
    zstdOurs: ours({ compression: 'zstd' }, 'zstd'),
    zstd: fresh(`tar -C ${dir} -c . | zstd -q -3 -T2 >${out}`),
    embedded: ours({ image: 'embed' }, 'embedded'),
    restic: fresh(`export RESTIC_PASSWORD=bench; restic -q --no-cache -r ${out} init && restic -q --no-cache -r ${out} backup ${dir}`),
    borg: fresh(`export BORG_BASE_DIR=${work}/borg BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes; borg init -e none ${out} && borg create -C lz4 ${out}::one ${dir}`),
    docker: alone(() => docker('run', '--rm', '-v', `${volume}:/data:ro`, '-v', `${work}:/out`, 'busybox:local', 'tar', '-czf', '/out/out', '/data')),
  });
  row('backup against `tar \\| igzip -1 > file`', 's', ms.ours / 1000, ms.igzip / 1000, { most: 1.05 });
  row('backup against `docker run … tar -czf`', 's', ms.ours / 1000, ms.docker / 1000, { least: 10 });
  row('backup against the first one of restic', 's', ms.ours / 1000, ms.restic / 1000, { least: 2.3 });
  row('backup against the first one of borg (lz4)', 's', ms.ours / 1000, ms.borg / 1000, { least: 1 });
  row('backup with zstd against `tar \\| zstd -3 -T2`', 's', ms.zstdOurs / 1000, ms.zstd / 1000, { most: 1.05 });
  row('the same with the image embedded, against `tar \\| igzip -1`', 's', ms.embedded / 1000, ms.igzip / 1000, { most: 1.05 });
  const gzip = Number(await sh(`tar -C ${dir} -c . | gzip -1 | wc -c`)), zstd = Number(await sh(`tar -C ${dir} -c . | zstd -q -3 -T2 | wc -c`));
  row('size with gzip against `gzip -1`', 'MB', sizes.gzip / 1e6, gzip / 1e6, { most: 1.05 });
  row('size with zstd against `zstd -3`', 'MB', sizes.zstd / 1e6, zstd / 1e6, { most: 1.02 });
  rmSync(out, { recursive: true, force: true });
}
