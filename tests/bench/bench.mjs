// SPDX-License-Identifier: GPL-3.0-or-later
// make bench: measures the program against its peers, as ratios within one run, and prints the README's table.
//   node tests/bench/bench.mjs [GROUP…]     groups: data restore small memory web (and long: memory over big inputs)
//   BENCH_ROUNDS=5                          rounds; each runs everything once, and the medians count
//   BENCH_KEEP=1                            keeps the volume with the data for the next run
// Needs root, a Docker Engine on this machine, the packages of "conf/deps.sh bench", and images.sh's busybox:local.
import { rows, table, finish } from './lib.mjs';

const groups = process.argv.slice(2);
const known = ['data', 'restore', 'small', 'memory', 'web', 'long'];
const wanted = groups.length > 0 ? groups : known.filter((g) => g !== 'long');
let failed = false;
for (const g of wanted) {
  if (!known.includes(g)) throw new Error(`unknown group ${g}; there are: ${known.join(' ')}`);
  const began = Date.now();
  try {
    const { default: run } = await import(`./group_${g}.mjs`);
    await run();
  } catch (e) {
    failed = true;
    console.error(`# ${g}: ${e.stack}`);
  }
  console.error(`# ${g}: ${Math.round((Date.now() - began) / 1000)} s`);
}
console.log(table(rows));
await finish();
process.exit(failed ? 1 : 0);
