// SPDX-License-Identifier: GPL-3.0-or-later
// What the program and its helper need while they back up: memory together, and temporary disk.
import { docker } from '../tools/harness.mjs';
import { row, container, theApp, backup, peak, sh, freshVolume, forget, timed, prefix } from './lib.mjs';

export async function measure(what, fill) {
  const app = await theApp();
  const volume = `${prefix}memory`;
  const dir = await freshVolume(volume);
  await sh(fill(dir));
  const name = await container('memory', { [volume]: '/data' });
  let ms;
  const { mb, tmp, result } = await peak(app, async () => {
    let job;
    ms = await timed(async () => { job = await backup(app, name); });
    return job;
  });
  await forget(app, result.file);
  row(`${what}: memory (PSS) of program and helper`, 'MB', mb, undefined, { max: 96 });
  row(`${what}: temporary disk`, 'MB', tmp / 1e6, undefined, { max: 0 });
  await docker('rm', '-f', name);
  await docker('volume', 'rm', '-f', volume);
  return { mb, ms };
}

export default async function run() {
  await measure('1 GB of random bytes', (dir) => `head -c 1000000000 /dev/urandom >${dir}/random`);
}
