// SPDX-License-Identifier: GPL-3.0-or-later
// Real backups cut off at 200 places and with a bit flipped at 200 (zstd and the predecessor's kind with TEST_LONG=1): the program's verification finds every one, or what
// was hit says nothing and the content is the same byte for byte. With TEST_LONG=1 they go through a restore too. That does
// not read the image when the engine has it; when it has not, damage in there is refused as well.
import { test, assert, before, docker, inspect } from '../tools/harness.mjs';
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

function withBit(buffer, at, bit) {
  const b = Buffer.from(buffer);
  b[at] ^= 1 << (bit % 8);
  return b;
}
const expandsAlike = (bad, buffer, codec) => {
  try {
    return expand(bad, codec).equals(expand(buffer, codec));
  } catch {
    return false;
  }
};

// Where image.tar lies in a file of ours, by its index: its head is a block of its own, its content begins a new one and
// ends with one. {from, data, to} in bytes of the file; layer: {from, to} of the writable layer.
function imageOf(buffer, codec) {
  const [front, length, back] = codec === 'zstd' ? [12, 72, 0] : [16, 72, 10];
  const tail = buffer.length - back - length;
  const [indexAt, indexTar, manifestTar] = [4, 12, 20].map((n) => Number(buffer.readBigUInt64LE(tail + n)));
  const index = expand(buffer.subarray(indexAt, tail - front), codec);
  const head = manifestTar - indexTar;
  const size = parseInt(index.toString('latin1', head + 124, head + 136), 8);
  const { members, parts } = JSON.parse(index.toString('utf8', head + 512, head + 512 + size));
  const layer = parts.find((p) => p.prefix === 'rootfs');
  const image = members.find((m) => m.name === 'image.tar');
  const end = image.data + Math.ceil(image.size / 512) * 512;
  const found = {};
  // The table of blocks: length and size of each, after a head of 16 bytes.
  for (let i = 0, file = 0, tar = 0; i <= index.readUInt32LE(512 + 12); i++) {
    const row = 512 + 16 + 12 * i;
    if (tar === image.offset) found.from = file;
    if (tar === image.data) found.data = file;
    if (tar === end) found.to = file;
    if (tar === layer?.offset) found.layer = { from: file };
    if (found.layer && tar === layer.offset + layer.size) found.layer.to = file;
    file += index.readUInt32LE(row);
    tar += index.readUInt32LE(row + 4);
  }
  assert.ok(found.from > 0 && found.data > found.from && found.to > found.data, `the image has blocks of its own: ${JSON.stringify(found)}`);
  return found;
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

// A backup of a container that is gone, with its image. from, to: where that lies in the file, or much of it.
async function lost(codec) {
  const lone = `${rig.p}lone`, tag = `${rig.p}image:1`;
  await docker('commit', '--pause=false', '-m', `${codec} ${Date.now()}`, name, tag);
  await docker('create', '--name', lone, tag, 'true');
  const config = await inspect(lone);
  let made;
  if (codec === 'predecessor') {
    await docker('save', '-o', `${rig.work}/image.tar`, tag);
    const buffer = predecessor({ config, name: lone, image: readFileSync(`${rig.work}/image.tar`) });
    made = { buffer, ending: '.tar.gz', from: buffer.length >> 2, to: (buffer.length >> 2) * 3 };
  } else {
    const { file } = await app.backup(lone, { compression: codec });
    const buffer = readFileSync(path.join(vault, file));
    const { data: from, to } = imageOf(buffer, codec);
    made = { buffer, ending: originals[codec].ending, from, to };
    rig.drop(file);
  }
  await docker('rm', lone);
  await docker('rmi', tag);
  await rig.refresh();
  return { ...made, id: config.Image, lone };
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
    const flipped = spread(buffer.length, places).map((at, i) => ({ at, buffer: withBit(buffer, at, i), ending }));
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
    // The engine has the image. The predecessor's files are read from end to end all the same.
    const { from, to, layer } = codec === 'predecessor' ? { from: 0, to: 0 } : imageOf(buffer, codec);
    const cut = spread(buffer.length, sample).map((at) => ({ text: `cut at ${at}`, buffer: buffer.subarray(0, at) }));
    const flipped = spread(buffer.length - (to - from), sample).map((n, i) => {
      const at = n < from ? n : n + to - from;
      return { text: `bit at ${at}`, buffer: withBit(buffer, at, i), late: layer && at >= layer.from && at < layer.to };
    });
    for (const [i, { text, buffer: bad, late }] of [...cut, ...flipped].entries()) {
      if (codec === 'predecessor' && expandsAlike(bad, buffer, codec)) continue;
      const file = rig.put(bad, { file: `${name}_20261122_${String(200000 + i)}-abcdef${ending}` });
      const r = await rig.restore(file);
      assert.ok(r.status >= 400 && r.status < 600, `${text}: ${r.status} ${r.text.slice(0, 200)}`);
      assert.ok(r.json.error.length > 10 && !/internal/i.test(r.json.error), `${text}: ${r.text}`);
      // The writable layer is read when the old container is stopped already: that is started again.
      if (late) rig.was = { ...rig.was, started: (await rig.state()).started };
      await rig.untouched(text);
      rig.drop(file);
    }
  });

  test(`${codec}: a bit flipped in an image that the engine does not have`, async () => {
    const { buffer, ending, from, to, id, lone } = await lost(codec);
    const there = async (kind, n) => docker(kind, 'inspect', n).then(() => true, () => false);
    const restored = async (b, number) => {
      const file = rig.put(b, { file: `${lone}_20261122_${String(300000 + number)}-abcdef${ending}` });
      const r = await app.restore(file, { start: false });
      rig.drop(file);
      return r;
    };
    for (const [i, n] of spread(to - from, long ? 12 : 3).entries()) {
      const at = from + n, bad = withBit(buffer, at, i), text = `bit at ${at} of ${buffer.length}`;
      if (codec === 'predecessor' && expandsAlike(bad, buffer, codec)) continue;
      const r = await restored(bad, i);
      assert.equal(r.status, 422, `${text}: ${r.text.slice(0, 300)}`);
      assert.match(r.json.error, /damaged/, text);
      assert.deepEqual([await there('container', lone), await there('image', id)], [false, false], text);
      await rig.untouched(text);
    }
    const good = await restored(buffer, 99);
    assert.equal(good.status, 200, good.text);
    assert.equal((await inspect(lone)).Image, id);
    await docker('rm', lone);
    await docker('rmi', '-f', id);
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
