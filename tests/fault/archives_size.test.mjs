// SPDX-License-Identifier: GPL-3.0-or-later
// Few bytes that stand for very many: bombs, a million entries, JSON that swells. What program and helper take in memory
// stays within bounds, and the disk is not filled.
import { test, assert } from '../tools/harness.mjs';
import { makeRig, long } from './archives_rig.mjs';
import { zeros, ours, predecessor, gzipRepeat, head, tarOf } from './forge.mjs';
import { statfsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const rig = await makeRig('size');
const { name, data } = rig;
// Program and helper together; an idle program has about 40.
const LIMIT = 200;
const GB = 256; // blocks of 4 MiB
const size = long ? 50 : 4;

async function bounded(text, fill) {
  const { value, mb } = await rig.peak(fill);
  console.log(`# ${text}: ${mb} MB`);
  assert.ok(mb < LIMIT, `${text}: ${mb} MB of memory`);
  return value;
}

test(`a bomb of ${size} GB of zeros is read to its end, and found out`, async () => {
  for (const codec of ['gzip', 'zstd']) {
    const file = rig.put(ours({ codec, members: rig.members(), parts: [zeros(`volumes/${data}`, size * GB, { codec })] }));
    const v = await bounded(`verifying ${codec}`, () => rig.verify(file, 600));
    assert.equal(v.state, 'damaged', JSON.stringify(v));
    rig.drop(file);
  }
});

test('a bomb larger than the disk, whatever its manifest says, is refused for want of space', async () => {
  const { bavail, bsize } = statfsSync('/var/lib/docker');
  const blocks = Math.ceil((bavail * bsize) / (4 << 20)) + 64;
  const part = zeros(`volumes/${data}`, blocks, { codec: 'zstd' });
  part.claim = { stored: 1 };
  const file = rig.put(ours({ codec: 'zstd', members: rig.members(), parts: [part] }));
  const r = await rig.restore(file);
  assert.ok(r.status >= 400, r.text);
  assert.match(r.json.error, /Not enough space/);
  rig.drop(file);
  await rig.untouched('larger than the disk');
});

test('a bomb of the predecessor\'s kind', async () => {
  const piece = Buffer.alloc(64 << 20), count = size * 16;
  const real = 64 * 1024 ** 2 * count;
  const front = Buffer.concat([tarOf([{ name: './', type: 'd', mode: 0o755 }]).subarray(0, 512), head({ name: './zeros', size: Math.min(real, 0o77777777777) })]);
  const nested = gzipRepeat(front, piece, real > 0o77777777777 ? 127 : count, Buffer.alloc(1024));
  const outer = predecessor({ config: rig.config, name, volumes: { [data]: nested } });
  // A second one whose outer archive swells: a member that nobody asked for.
  const swell = predecessor({ config: rig.config, name, volumes: { [data]: gzipSync(tarOf([{ name: './', type: 'd', mode: 0o755 }])) }, gzip: false });
  const bomb = gzipRepeat(Buffer.concat([swell.subarray(0, -1024), head({ name: './big', size: Math.min(real, 0o77777777777) })]), piece, real > 0o77777777777 ? 127 : count, Buffer.alloc(1024));
  for (const [text, buffer] of [['nested', outer], ['outer', bomb]]) {
    const file = rig.put(buffer);
    await bounded(`the predecessor's, ${text}`, async () => {
      const v = await rig.verify(file, 600);
      assert.ok(['ok', 'damaged'].includes(v.state), JSON.stringify(v));
      await rig.look(file);
    });
    rig.drop(file);
  }
  await rig.untouched('bombs');
});

test('JSON that swells', async () => {
  const wide = `{"format":"container-monkey","version":1,"members":[${'{},'.repeat(1300000)}{}]}`;
  const good = (p) => p.entry({ path: '.', type: 'd' });
  const files = [rig.put(rig.forge(good, { manifest: () => wide })), rig.put(rig.forge(good, { members: { 'container_config.json': `[${'{},'.repeat(1300000)}{}]` } })), rig.put(rig.forge(good), { companion: `[${'{},'.repeat(1300000)}{}]` }), rig.put(predecessor({ config: rig.config, name, members: { 'volumes_info.json': `[${'{},'.repeat(340000)}{}]` } }))];
  await bounded('JSON', async () => {
    await rig.refresh();
    for (const f of files) {
      await rig.look(f);
      await rig.verify(f);
    }
  });
  for (const f of files) rig.drop(f);
});

const entries = long ? 1000000 : 200000;
test(`${entries} entries${long ? '' : ' (a million with TEST_LONG=1)'}`, async () => {
  const part = rig.folder();
  for (let i = 0; i < entries; i++) part.entry({ path: `f${String(i).padStart(7, '0')}` });
  const one = rig.put(ours({ members: rig.members(), parts: [part] }));
  const heads = [...Array(1000).keys()].map((i) => head({ name: `./f${i}`, mode: 0o644 }));
  const other = rig.put(gzipRepeat(predecessor({ config: rig.config, name, gzip: false }).subarray(0, -1024), Buffer.concat(heads), entries / 1000, Buffer.alloc(1024)));
  await bounded('many entries', async () => {
    for (const f of [one, other]) {
      assert.equal((await rig.verify(f, 600)).state, 'ok');
      await rig.look(f, { where: ['', `volumes/${data}`] });
    }
  });
  rig.drop(other);
  if (long) {
    const r = await bounded('restoring many entries', () => rig.restore(one, { new_name: `${rig.p}many`, replace: false, volumes: 'new' }));
    assert.equal(r.status, 200, r.text);
  }
  rig.drop(one);
});
