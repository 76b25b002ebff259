// SPDX-License-Identifier: GPL-3.0-or-later
// Archives of our own format made to do harm: their checksums are right, what they say is not. Each is listed, looked
// into, verified and restored over a living container by the real program: it is found out, and nothing changes.
import { test, assert } from '../tools/harness.mjs';
import { makeRig } from './archives_rig.mjs';

const rig = await makeRig('evil');

test('an honest forgery is a good backup: the forger writes the format as it is', async () => {
  for (const codec of ['gzip', 'zstd']) {
    const file = rig.put(rig.forge((p) => p.entry({ path: '.', type: 'd' }).entry({ path: 'mine', content: 'forged\n' }), { codec }));
    await rig.refresh();
    const look = await rig.look(file, { pages: true });
    assert.equal(look.preflight.json.can_restore, true, look.preflight.text);
    assert.equal(Object.values(look.fetched).at(-1).buffer.toString(), 'forged\n');
    const v = await rig.verify(file);
    assert.deepEqual([v.state, v.problems], ['ok', []]);
    rig.drop(file);
  }
});

const folder = (p) => p.entry({ path: '.', type: 'd' });
const out = rig.outside;

test('names that lead out of the volume', async () => {
  const names = {
    'a name with ..': '../../cm-evil', 'a .. in the middle': 'a/../../../cm-evil', 'an absolute name': '/etc/cm-evil', 'a . in the middle': 'a/./b', 'two slashes': 'a//b',
    'a name of 256 bytes': 'x'.repeat(256), 'a path of 70,000 bytes': 'd/'.repeat(35000) + 'f', 'nothing': '', 'only ..': '..',
  };
  for (const [text, bad] of Object.entries(names)) await rig.attack(text, rig.forge((p) => folder(p).entry({ path: bad, content: 'evil' })));
  for (const [text, name] of Object.entries({ 'another volume\'s': `volumes/${rig.p}sibling/cm-evil`, 'an absolute one': '/etc/cm-evil', 'one above': '../cm-evil', 'a top-level one': 'cm-evil', 'a part whose name begins alike': `volumes/${rig.data}x/cm-evil` }))
    await rig.attack(`a header with ${text} name`, rig.forge((p) => folder(p).entry({ path: 'f', name, content: 'evil' })));
  await rig.attack('a name with NUL', rig.forge((p) => folder(p).entry({ path: 'f', content: 'evil', records: [['path', `volumes/${rig.data}/a\0b`]] })));
  await rig.attack('one name in the header, another in the pax record', rig.forge((p) => folder(p).entry({ path: 'f', content: 'evil', records: [['path', '../cm-evil']] })));
});

test('links that lead out', async () => {
  const tricks = {
    'a symbolic link, then a file through it': (p) => p.entry({ path: 'out', type: 'l', link: out }).entry({ path: 'out/cm-evil', content: 'evil' }),
    'a relative one': (p) => p.entry({ path: 'out', type: 'l', link: '../../../../../../../../../tmp' }).entry({ path: 'out/cm-evil', content: 'evil' }),
    'a symbolic link, then a folder of its name, then a file in it': (p) => p.entry({ path: 'out', type: 'l', link: out }).entry({ path: 'out', type: 'd' }).entry({ path: 'out/file', content: 'evil' }),
    'a symbolic link to a file, then that file': (p) => p.entry({ path: 'out', type: 'l', link: `${out}/file` }).entry({ path: 'out', content: 'evil' }),
    'a link to a link': (p) => p.entry({ path: 'a', type: 'l', link: out }).entry({ path: 'b', type: 'l', link: 'a' }).entry({ path: 'b/cm-evil', content: 'evil' }),
    'a hard link through a symbolic one': (p) => p.entry({ path: 'out', type: 'l', link: out }).entry({ path: 'mine', type: 'h', link: 'out/file' }),
    'a hard link to nothing': (p) => p.entry({ path: 'mine', type: 'h', link: 'nothing' }),
    'a hard link to ..': (p) => p.entry({ path: 'mine', type: 'h', link: '../../sibling' }),
    'a hard link to a folder': (p) => p.entry({ path: 'd', type: 'd' }).entry({ path: 'mine', type: 'h', link: 'd' }),
    'a hard link to itself': (p) => p.entry({ path: 'mine', type: 'h', link: 'mine' }),
    'a symbolic link without a target': (p) => p.entry({ path: 'empty', type: 'l', link: '' }),
    'a folder in a file': (p) => p.entry({ path: 'a', content: 'x' }).entry({ path: 'a/b', content: 'evil' }),
    'the volume itself as a link': (p) => p.entry({ path: 'x', name: `volumes/${rig.data}`, type: 'l', link: out }),
    'the volume itself as a file': (p) => p.entry({ path: 'x', name: `volumes/${rig.data}`, content: 'evil' }),
  };
  for (const [text, fill] of Object.entries(tricks)) await rig.attack(text, rig.forge((p) => fill(folder(p))), { verify: ['damaged', 'ok'] });
  await rig.attack('a hard link out of its part', rig.forge((p) => folder(p).entry({ path: 'mine', type: 'h', link: 'x', name: `volumes/${rig.data}/mine`, records: [['linkpath', `volumes/${rig.p}sibling/theirs`]] })));
  await rig.attack('a hard link to an absolute name', rig.forge((p) => folder(p).entry({ path: 'mine', type: 'h', link: 'x', records: [['linkpath', '/etc/passwd']] })));
});

test('headers that lie', async () => {
  const big = 10 * 1024 ** 3;
  const tricks = {
    'a size of 10 GB in the header': (p) => p.entry({ path: 'f', content: 'evil', raw: [[124, big.toString(8).padStart(11, '0')]] }),
    'a size of 10 GB in a pax record': (p) => p.entry({ path: 'f', content: 'evil', records: [['size', String(big)]] }),
    'a size of 10 GB in both and in the manifest': (p) => p.entry({ path: 'f', content: 'evil', records: [['size', String(big)]], raw: [[124, '77777777777']], line: `{"p":"f","t":"f","s":${big},"h":"${'0'.repeat(64)}","o":512,"d":1024,"m":"0644","u":0,"g":0,"mt":"1700000000"}\n` }),
    'a negative size in base 256': (p) => p.entry({ path: 'f', content: 'evil', raw: [[124, Buffer.alloc(12, 255)]] }),
    'a size of 2^63 in base 256': (p) => p.entry({ path: 'f', content: 'evil', raw: [[124, Buffer.from([0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0])]] }),
    'a size of 2^95 in base 256': (p) => p.entry({ path: 'f', content: 'evil', raw: [[124, Buffer.from([0x80, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]] }),
    'a negative size in octal': (p) => p.entry({ path: 'f', content: 'evil', raw: [[124, '-0000000010\0']] }),
    'letters for a size': (p) => p.entry({ path: 'f', content: 'evil', raw: [[124, 'zzzzzzzzzzz\0']] }),
    'a mode beyond 07777': (p) => p.entry({ path: 'f', content: 'evil', raw: [[100, '7777777\0']] }),
    'a wrong checksum': (p) => p.entry({ path: 'f', content: 'evil', badSum: true }),
    'an unknown type': (p) => p.entry({ path: 'f', content: 'evil', raw: [[156, 'Z']] }),
    'a GNU long name': (p) => p.entry({ path: 'f', content: '/etc/cm-evil\0', raw: [[156, 'L']] }),
    'a pax header for all': (p) => p.entry({ path: 'f', content: '16 path=/etc/x\n', raw: [[156, 'g']] }),
    'a symbolic link with content': (p) => p.entry({ path: 'f', type: 'l', link: 'x', raw: [[124, '00000001000\0']] }),
    'a record whose length is 0': (p) => p.entry({ path: 'f', content: 'evil', records: Buffer.from('0 path=x\n') }),
    'a record longer than all': (p) => p.entry({ path: 'f', content: 'evil', records: Buffer.from('99999 path=x\n') }),
    'a record with a huge length': (p) => p.entry({ path: 'f', content: 'evil', records: Buffer.from('99999999999999999999999 path=x\n') }),
    'a record with a negative length': (p) => p.entry({ path: 'f', content: 'evil', records: Buffer.from('-9 path=x\n') }),
    'a record without an equals sign': (p) => p.entry({ path: 'f', content: 'evil', records: Buffer.from('7 path\n') }),
    'a record twice': (p) => p.entry({ path: 'f', content: 'evil', records: [['uid', '1'], ['uid', '2']] }),
    'a negative owner': (p) => p.entry({ path: 'f', content: 'evil', records: [['uid', '-1']] }),
    'an unknown record': (p) => p.entry({ path: 'f', content: 'evil', records: [['VENDOR.evil', 'x']] }),
    'an attribute without a name': (p) => p.entry({ path: 'f', content: 'evil', records: [['SCHILY.xattr.', 'x']] }),
    'a list of rights that is none': (p) => p.entry({ path: 'f', content: 'evil', records: [['SCHILY.acl.access', 'user:x:rwz']] }),
  };
  for (const [text, fill] of Object.entries(tricks)) await rig.attack(text, rig.forge((p) => fill(folder(p))));
});

test('maps of holes that lie', async () => {
  const sparse = (map, body, real = 4096) => (p) => {
    const text = Buffer.from(map.map((n) => `${n}\n`).join(''));
    const content = Buffer.concat([text, Buffer.alloc((512 - (text.length % 512)) % 512), Buffer.from(body)]);
    folder(p).entry({ path: 'f', content, real, name: 'GNUSparseFile.0/file', records: [['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.name', `volumes/${rig.data}/f`], ['GNU.sparse.realsize', String(real)]] });
  };
  const x = 'x'.repeat(512);
  const tricks = {
    'pieces that overlap': sparse([2, 0, 512, 256, 512], x + x), 'pieces in the wrong order': sparse([2, 1024, 512, 0, 512], x + x), 'a piece beyond the end': sparse([1, 1e15, 512], x),
    'a piece of 2^63': sparse([1, 0, '9223372036854775807'], x), 'a negative place': sparse([1, '-512', 512], x), 'a number of 30 digits': sparse([1, '9'.repeat(30), 512], x),
    'a million pieces said, none there': sparse(['1000000000'], x), 'no pieces at all': sparse([0], x), 'less content than the pieces say': sparse([1, 0, 1024], x),
    'more content than the pieces say': sparse([1, 0, 512], x + x), 'a map that never ends': sparse(['1'.repeat(500)], x), 'a file of 4 EB': sparse([1, 0, 512], x, '4611686018427387900'),
  };
  for (const [text, fill] of Object.entries(tricks)) await rig.attack(text, rig.forge(fill), { verify: ['ok', 'damaged'] });
});

test('entries that come twice, or never, or are not in the manifest', async () => {
  const line = (path) => `{"p":"${path}","t":"f","s":4,"h":"${'0'.repeat(64)}","o":99,"d":100,"m":"0644","u":0,"g":0,"mt":"1700000000"}\n`;
  await rig.attack('a file twice', rig.forge((p) => folder(p).entry({ path: 'a', content: 'one' }).entry({ path: 'a', content: 'two' })), { verify: ['ok', 'damaged'] });
  await rig.attack('a file without its folder', rig.forge((p) => folder(p).entry({ path: 'a/b/c', content: 'one' })), { verify: ['ok', 'damaged'] });
  await rig.attack('a file that the manifest does not name', rig.forge((p) => folder(p).entry({ path: 'a', content: 'evil', line: false })));
  await rig.attack('a file that only the manifest names', rig.forge((p) => folder(p).entry({ path: 'a', content: 'x' }).segment({ change: (b) => Buffer.concat([b, Buffer.from(line('ghost'))]), over: { lines: 3 } })));
  await rig.attack('another name in the manifest', rig.forge((p) => folder(p).entry({ path: 'a', content: 'evil', line: line('b') })));
  await rig.attack('another content than the manifest says', rig.forge((p) => folder(p).entry({ path: 'a', content: 'evil', hash: '0'.repeat(64) })));
  await rig.attack('a manifest that is no JSON', rig.forge((p) => folder(p).entry({ path: 'a', content: 'x' }).segment({ change: () => Buffer.from('\0\xff{{{{\n'.repeat(50)) })));
  await rig.attack('a manifest of one endless line', rig.forge((p) => folder(p).entry({ path: 'a', content: 'x' }).segment({ change: () => Buffer.alloc(3 << 20, '[') })));
  await rig.attack('a segment that is missing', rig.forge((p) => folder(p).entry({ path: 'a', content: 'x' }).segment(), { manifest: (m) => ({ ...m, segments: [], parts: m.parts.map((q) => ({ ...q, segments: [0, 0], files: 0 })) }) }));
  await rig.attack('headers of a segment changed', rig.forge((p) => folder(p).segment({ over: { heads: '0'.repeat(64) } })));
});

test('manifests and ends that lie', async () => {
  const good = (p) => folder(p).entry({ path: 'f', content: 'evil' });
  const change = (text, manifest, options) => rig.attack(text, rig.forge(good, { manifest }), { verify: ['damaged', 'refused'], ...options });
  const part = (over) => (m) => ({ ...m, parts: m.parts.map((q) => ({ ...q, ...over })) });
  await change('a manifest of another program', (m) => ({ ...m, format: 'tar' }));
  await change('a manifest of a newer version', (m) => ({ ...m, version: 2 }));
  await change('a manifest that is no JSON', () => 'not JSON');
  await change('a manifest nested 100,000 deep', () => '['.repeat(100000));
  await change('a manifest of a million objects', () => `{"format":"container-monkey","version":1,"members":[${'{},'.repeat(1300000)}{}]}`);
  await change('a part whose prefix leads out', part({ prefix: '../../etc' }));
  await change('a part with an absolute prefix', part({ prefix: '/etc' }));
  await change('a part that begins before the archive', part({ offset: -512 }));
  await change('a part that is longer than the archive', part({ size: 2 ** 52 }));
  await change('a part with blocks that are not there', part({ blocks: 4000000 }));
  await change('a part with more files than lines', part({ files: 1000000 }));
  await change('a part with other bytes', part({ bytes: 10 * 1024 ** 3 }));
  await change('a part twice', (m) => ({ ...m, parts: [...m.parts, ...m.parts] }));
  await change('a member twice', (m) => ({ ...m, members: [...m.members, m.members[0]] }));
  await change('a member that is not there', (m) => ({ ...m, members: m.members.map((x, i) => (i === 1 ? { ...x, offset: 2 ** 40, data: 2 ** 40 + 512 } : x)) }));
  await change('a member with another hash', (m) => ({ ...m, members: m.members.map((x) => ({ ...x, sha256: '0'.repeat(64) })) }));
  const table = (rows) => rig.forge(good, { table: rows });
  await rig.attack('a table of blocks that are not there', table((r) => [...r, [1000, 1000, 0]]));
  await rig.attack('a table with a length of 4 GB', table((r) => r.map(() => [0xffffffff, 0xffffffff, 0])));
  await rig.attack('a table with other checksums', table((r) => r.map(([a, b]) => [a, b, 0])), { restore: 'any' });
  await rig.attack('a table of four million rows', table((r) => [...r, ...Array(4 << 20).fill([1, 1, 0])]));
  for (const [text, over] of Object.entries({ 'an index beyond the end': { index_at: 1e15 }, 'an index at the beginning': { index_at: 0 }, 'a tar of 2^62 bytes': { tar_size: 2n ** 62n }, 'a manifest before its index': { manifest_tar: 0 }, 'another hash': { sha: Buffer.alloc(32) }, 'a newer version': { version: 9 } }))
    await rig.attack(`an end with ${text}`, rig.forge(good, { tail: (t) => ({ ...t, ...over }) }), { verify: ['damaged', 'refused'] });
  await rig.attack('two manifests', rig.forge(good, { index: (i) => [...i.slice(0, -1), ...i.slice(3)] }));
  const honest = rig.forge(folder), evil = rig.forge(good);
  await rig.attack('two archives one after the other', Buffer.concat([honest, evil]));
  await rig.attack('two ends', Buffer.concat([evil, evil.subarray(-98)]), { verify: ['damaged', 'refused'] });
  await rig.attack('something before the archive', Buffer.concat([Buffer.alloc(512), honest]), { verify: ['damaged', 'refused'] });
  await rig.attack('something after the archive', Buffer.concat([honest, Buffer.alloc(512)]), { verify: ['damaged', 'refused'] });
});
