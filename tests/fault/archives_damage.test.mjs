// SPDX-License-Identifier: GPL-3.0-or-later
// Real backups cut off at 200 places and with a bit flipped at 200 (zstd and the predecessor's kind with TEST_LONG=1): the program's verification finds every one, or what
// was hit says nothing and the content is the same byte for byte. With TEST_LONG=1 they go through a restore too.
import { test, assert, before } from '../tools/harness.mjs';
import { makeRig, long, enc } from './archives_rig.mjs';
import { predecessor, tarOf } from './forge.mjs';
import { readFileSync, renameSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { execFileSync } from 'node:child_process';
import path from 'node:path';

const more = 'mkdir /data/d; seq 1 4000 >/data/d/numbers; head -c 60000 /bin/busybox >/data/d/program; ln /data/mine /data/hard; ln -s d /data/link; for i in 1 2 3 4 5 6 7 8 9; do echo $i >/data/d/$i; done';
const rig = await makeRig('dmg', { more });
const { app, vault, name } = rig;
const places = 200, sample = 40;
const originals = {};

before(async () => {
  for (const codec of ['gzip', 'zstd']) {
    const b = await app.backup(name, { compression: codec });
    originals[codec] = { buffer: readFileSync(path.join(vault, b.file)), ending: codec === 'zstd' ? '.tar.zst' : '.tar.gz' };
    rig.drop(b.file);
  }
  const content = readFileSync('/bin/sh').subarray(0, 60000);
  const nested = gzipSync(tarOf([{ name: './', type: 'd', mode: 0o755 }, { name: './program', content }, { name: './text', content: 'text\n'.repeat(3000) }]));
  originals.predecessor = { buffer: predecessor({ config: rig.config, name, volumes: { [rig.data]: nested } }), ending: '.tar.gz' };
});

// Evenly spread, with the first and last bytes among them.
const spread = (length, count) => [...Array(count).keys()].map((i) => Math.floor((i * (length - 1)) / (count - 1)));

function expand(buffer, codec) {
  if (codec === 'zstd') return execFileSync('zstd', ['-dcq'], { input: buffer, maxBuffer: 1 << 28 });
  return gunzipSync(buffer);
}

// Puts many into the vault, verifies them all, and gives the state of each.
async function verifyAll(list) {
  const jobs = [];
  const files = list.map(({ buffer, ending }, i) => rig.put(buffer, { file: `${name}_20261122_${String(100000 + i)}-abcdef${ending}` }));
  await rig.refresh();
  for (const file of files) {
    const r = await app.api('POST', `/api/backup/${enc(file)}/verify`);
    jobs.push({ file, id: r.json?.job_id ?? r.json?.id, answer: r });
  }
  const states = [];
  for (const { file, id, answer } of jobs) {
    if (answer.status >= 400) states.push({ state: 'refused', error: answer.json.error });
    else states.push(rig.found(await app.waitJob(id, 300)));
    rig.drop(file);
  }
  return states;
}

for (const codec of long ? ['gzip', 'zstd', 'predecessor'] : ['gzip']) {
  test(`${codec}: cut off at ${places} places`, async () => {
    const { buffer, ending } = originals[codec];
    const cuts = spread(buffer.length, places);
    const states = await verifyAll(cuts.map((n) => ({ buffer: buffer.subarray(0, n), ending })));
    states.forEach((s, i) => assert.ok(['damaged', 'refused'].includes(s.state), `cut at ${cuts[i]} of ${buffer.length}: ${JSON.stringify(s)}`));
    assert.equal((await verifyAll([{ buffer, ending }]))[0].state, 'ok');
  });

  test(`${codec}: a bit flipped at ${places} places`, async () => {
    const { buffer, ending } = originals[codec];
    const flipped = spread(buffer.length, places).map((at, i) => {
      const b = Buffer.from(buffer);
      b[at] ^= 1 << (i % 8);
      return { at, buffer: b, ending };
    });
    const states = await verifyAll(flipped);
    let harmless = 0;
    for (const [i, s] of states.entries()) {
      if (s.state !== 'ok') continue;
      harmless++;
      assert.ok(expand(flipped[i].buffer, codec).equals(expand(buffer, codec)), `bit at ${flipped[i].at} of ${buffer.length} was not found`);
    }
    assert.ok(harmless <= (codec === 'predecessor' ? 10 : 0), `${harmless} harmless ones`);
  });

  test(`${codec}: ${sample} of each go through a restore (TEST_LONG=1)`, { skip: !long }, async () => {
    const { buffer, ending } = originals[codec];
    const list = spread(buffer.length, sample).flatMap((at, i) => {
      const b = Buffer.from(buffer);
      b[at] ^= 1 << (i % 8);
      return [{ text: `cut at ${at}`, buffer: buffer.subarray(0, at), restorable: false }, { text: `bit at ${at}`, buffer: b, restorable: false }];
    });
    for (const [i, { text, buffer: bad }] of list.entries()) {
      let same = false;
      try {
        same = expand(bad, codec).equals(expand(buffer, codec));
      } catch { /* it does not expand */ }
      if (same && codec === 'predecessor') continue;
      const file = rig.put(bad, { file: `${name}_20261122_${String(200000 + i)}-abcdef${ending}` });
      const r = await rig.restore(file);
      assert.ok(r.status >= 400 && r.status < 600, `${text}: ${r.status} ${r.text.slice(0, 200)}`);
      assert.ok(r.json.error.length > 10 && !/internal/i.test(r.json.error), `${text}: ${r.text}`);
      await rig.untouched(text);
      rig.drop(file);
    }
  });
}

test('a good one of another name, length or content under the companion of this one (TEST_LONG=1)', { skip: !long }, async () => {
  const b = await app.backup(name);
  const other = await app.backup(name);
  renameSync(path.join(vault, other.file), path.join(vault, b.file));
  const s = await rig.verify(b.file);
  assert.equal(s.state, 'damaged', JSON.stringify(s));
  assert.match(s.problems[0], /SHA-256/);
  rig.drop(b.file);
  rig.drop(other.file);
  await rig.refresh();
});
