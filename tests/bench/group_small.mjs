// SPDX-License-Identifier: GPL-3.0-or-later
// Small containers: what one backup costs beside its data, to the end of what follows its job.
import { docker, engine } from '../tools/harness.mjs';
import { row, container, theApp, backup, timed, median, rounds, sh, freshVolume, prefix, waitJob } from './lib.mjs';

const ours = encodeURIComponent(JSON.stringify({ label: ['container-monkey.helper'] }));
const helpersGone = async () => (await engine('GET', `/containers/json?all=1&filters=${ours}`)).length === 0;

export default async function run() {
  const app = await theApp();
  const names = [];
  for (let i = 0; i < 10; i++) {
    const dir = await freshVolume(`${prefix}tiny${i}`);
    await sh(`echo ${i} >${dir}/file; head -c 10000 /dev/urandom >${dir}/other`);
    names.push(await container(`tiny${i}`, { [`${prefix}tiny${i}`]: '/data' }, { start: true }));
  }
  await backup(app, names[0]);
  const one = [], ten = [];
  for (let i = 0; i < rounds; i++) {
    one.push(await timed(async () => {
      await backup(app, names[i % 10]);
      while (!await helpersGone());
    }));
    ten.push(await timed(async () => {
      const ids = [];
      for (const n of names) ids.push((await app.api('POST', `/api/backup/${n}?queue=true`, { image: 'reference' })).json.progress_id);
      for (const id of ids) await waitJob(app, id);
      while (!await helpersGone());
    }));
    console.error(`# round ${i + 1}: one ${Math.round(one.at(-1))} ms, ten ${Math.round(ten.at(-1))} ms`);
  }
  row('backup of a container with one tiny volume', 'ms', median(one), undefined, { max: 500 });
  row('ten of them, queued at once', 'ms', median(ten), undefined, { max: 5000 });
  for (const n of names) await docker('rm', '-f', n);
  for (let i = 0; i < 10; i++) await docker('volume', 'rm', '-f', `${prefix}tiny${i}`);
}
