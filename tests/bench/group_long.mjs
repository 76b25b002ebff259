// SPDX-License-Identifier: GPL-3.0-or-later
// make bench-long: what must not grow with the data. 10 GB of random bytes, and a million files, there and back.
import { docker } from '../tools/harness.mjs';
import { row, container, theApp, backup, peak, sh, freshVolume, forget, timed, prefix } from './lib.mjs';
import { measure } from './group_memory.mjs';

const million = (dir) => `mkdir ${dir}/d; cd ${dir}/d; seq -w 0 999 | xargs mkdir; `
  + `perl -e 'for my $d (0..999) { for my $f (0..999) { open(my $h, ">", sprintf("%03d/file%d", $d, $f)); print $h "$d $f\\n"; close $h; } }'`;

export default async function run() {
  const small = await measure('1 GB of random bytes', (dir) => `head -c 1000000000 /dev/urandom >${dir}/random`);
  const big = await measure('10 GB of random bytes', (dir) => `head -c 10000000000 /dev/urandom >${dir}/random`);
  row('10 GB: memory against that at 1 GB', 'MB', big.mb, small.mb, { most: 1.1 });
  const app = await theApp();
  const volume = `${prefix}million`;
  await sh(million(await freshVolume(volume)));
  const name = await container('million', { [volume]: '/data' });
  let file;
  const seen = { back: 0, there: 0 };
  const out = await peak(app, async () => { seen.there = await timed(async () => { ({ file } = await backup(app, name)); }); });
  row('a million files: memory (PSS) of program and helper', 'MB', out.mb, undefined, { max: 96 });
  await docker('rm', '-f', name);
  await docker('volume', 'rm', '-f', volume);
  const back = await peak(app, async () => {
    seen.back = await timed(async () => {
      const r = await app.restore(file);
      if (r.status !== 200) throw new Error(`restore: ${r.status} ${r.text}`);
    });
  });
  row('a million files: memory while they are restored', 'MB', back.mb, undefined, { max: 96 });
  row('a million files: restore against backup', 's', seen.back / 1000, seen.there / 1000, { most: 3 });
  await forget(app, file);
  await docker('rm', '-f', name);
  await docker('volume', 'rm', '-f', volume);
}
