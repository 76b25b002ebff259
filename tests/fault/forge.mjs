// SPDX-License-Identifier: GPL-3.0-or-later
// Forges archives byte by byte: our format with right checksums around wrong content, and the predecessor's. What the
// real writers would never write is written here on purpose.
import { deflateRawSync, gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';

export const sha = (b) => createHash('sha256').update(b).digest('hex');
export const BLOCK = 4 << 20;

const crcTable = new Int32Array(256).map((_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});
export function crc32(b) {
  let c = -1;
  for (let i = 0; i < b.length; i++) c = crcTable[(c ^ b[i]) & 255] ^ (c >>> 8);
  return (c ^ -1) >>> 0;
}
const le = (v, bytes) => {
  const b = Buffer.alloc(bytes);
  for (let i = 0, n = BigInt(v); i < bytes; i++, n >>= 8n) b[i] = Number(n & 255n);
  return b;
};
export const padding = (n) => Buffer.alloc((512 - (n % 512)) % 512);

// --- tar ---------------------------------------------------------------------------------------------------------

const octal = (v, width) => Buffer.from(`${v.toString(8).padStart(width - 1, '0')}\0`);

// One ustar header. raw: [offset, Buffer or string] pairs written over it before the checksum; badSum spoils that.
export function head({ name, type = '0', size = 0, mode = 0o644, uid = 0, gid = 0, mtime = 1700000000, link = '', major, minor, raw = [], badSum = false }) {
  const h = Buffer.alloc(512);
  Buffer.from(name).copy(h, 0, 0, 100);
  octal(mode, 8).copy(h, 100);
  octal(uid, 8).copy(h, 108);
  octal(gid, 8).copy(h, 116);
  octal(size, 12).copy(h, 124);
  octal(mtime, 12).copy(h, 136);
  h[156] = type.charCodeAt(0);
  Buffer.from(link).copy(h, 157, 0, 100);
  h.write('ustar\x0000', 257, 'latin1');
  if (major !== undefined) octal(major, 8).copy(h, 329);
  if (minor !== undefined) octal(minor, 8).copy(h, 337);
  for (const [at, what] of raw) Buffer.from(what).copy(h, at);
  h.fill(' ', 148, 156);
  let sum = badSum ? 1 : 0;
  for (const c of h) sum += c;
  h.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return h;
}

export function record(key, value) {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let n = body.length + 1;
  while (String(n).length + body.length !== n) n = String(n).length + body.length;
  return Buffer.concat([Buffer.from(String(n)), body]);
}

// The header of pax records before an entry; records: [[key, value]] or a Buffer as it is.
export function pax(records) {
  const b = Buffer.isBuffer(records) ? records : Buffer.concat(records.map(([k, v]) => record(k, v)));
  return Buffer.concat([head({ name: 'PaxHeaders/entry', type: 'x', size: b.length, mtime: 0 }), b, padding(b.length)]);
}

const types = { f: '0', d: '5', l: '2', h: '1', p: '6', c: '3', b: '4' };

function quote(s) {
  let out = '"';
  for (const c of s) out += c === '"' || c === '\\' ? `\\${c}` : c < ' ' ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}` : c;
  return `${out}"`;
}
function text(key, key64, value) {
  const b = Buffer.from(value);
  return Buffer.from(b.toString('utf8')).equals(b) ? `"${key}":${quote(b.toString('utf8'))}` : `"${key64}":"${b.toString('base64')}"`;
}

// The tar of one part of ours. entry() writes an honest header and line unless told otherwise.
export class Part {
  constructor(prefix, kind = 'volume') {
    Object.assign(this, { prefix, kind, pieces: [], at: 0, lines: [], heads: createHash('sha256'), segments: [], files: 0, bytes: 0, claim: {} });
    this.number = Part.next++;
  }

  put(...buffers) {
    for (const b of buffers) {
      this.pieces.push(b);
      this.at += b.length;
    }
  }

  // e: path (below the prefix), type, content, link, mode, uid, gid, mtime; records (pax), raw (see head), name (the whole
  // name in the header), line (written in place of the manifest's line; false: none), hash, size (said), stored (real).
  entry(e) {
    const { path, type = 'f', content = '', link, mode = type === 'd' ? 0o755 : 0o644, uid = 0, gid = 0, mtime = 1700000000 } = e;
    const data = Buffer.from(content);
    const root = path === '.';
    const full = Buffer.concat([Buffer.from(this.prefix), root ? Buffer.alloc(0) : Buffer.from('/'), root ? Buffer.alloc(0) : Buffer.from(path), Buffer.from(type === 'd' ? '/' : '')]);
    const target = link === undefined ? '' : type === 'h' ? `${this.prefix}/${link}` : link;
    const long = [];
    if (full.length > 100 && !e.name) long.push(['path', full]);
    if (target.length > 100) long.push(['linkpath', target]);
    const records = Buffer.isBuffer(e.records) ? e.records : [...long, ...(e.records ?? [])];
    const size = e.size ?? data.length;
    const h = Buffer.concat([records.length > 0 ? pax(records) : Buffer.alloc(0), head({ name: e.name ?? full, type: types[type], size: type === 'f' ? size : 0, mode, uid, gid, mtime, link: target, major: e.major, minor: e.minor, raw: e.raw, badSum: e.badSum })]);
    const at = this.at;
    this.put(h);
    this.heads.update(h);
    const dataAt = this.at;
    if (data.length > 0) this.put(data, padding(data.length));
    let line = `{${text('p', 'p64', path)},"t":"${type}"`;
    if (type === 'f') line += `,"s":${e.real ?? data.length}`;
    if (type === 'f' && e.real !== undefined) line += `,"n":${data.length}`;
    if (type === 'f') line += `,"h":"${e.hash ?? sha(data)}"`;
    line += `,"o":${at}`;
    if (type === 'f') line += `,"d":${dataAt}`;
    line += `,"m":"${mode.toString(8).padStart(4, '0')}","u":${uid},"g":${gid},"mt":"${mtime}"`;
    if (link !== undefined) line += `,${text('l', 'l64', link)}`;
    if (type === 'c' || type === 'b') line += `,"rd":"${e.major}:${e.minor}"`;
    line += '}\n';
    if (e.line !== false) this.lines.push(e.line ?? line);
    this.files++;
    this.bytes += type === 'f' ? e.real ?? data.length : 0;
    if (this.lines.length >= 4000) this.segment();
    return this;
  }

  // The manifest's segment of the entries so far. change(buffer): what is stored; over: members of its record.
  segment({ change = (b) => b, over = {}, name } = {}) {
    const lines = change(Buffer.from(this.lines.join('')));
    const member = name ?? `manifest/${String(this.number * 1000 + this.segments.length).padStart(4, '0')}.jsonl`;
    const h = head({ name: member, size: lines.length, mode: 0o600 });
    const offset = this.at;
    this.heads.update(h);
    this.put(h);
    const data = this.at;
    this.put(lines, padding(lines.length));
    this.segments.push({ name: member, offset, data, size: lines.length, sha256: sha(lines), lines: this.lines.length, heads: this.heads.digest('hex'), ...over });
    this.heads = createHash('sha256');
    this.lines = [];
    return this;
  }

  finish() {
    if (this.lines.length > 0) this.segment();
    this.blocks ??= null;
    return this;
  }
}
Part.next = 1;

// --- compression ---------------------------------------------------------------------------------------------------

function gzipBlock(data) {
  return Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]), deflateRawSync(data, { level: 1 }), le(crc32(data), 4), le(data.length, 4)]);
}
// A frame of raw blocks, or of repeated ones when all bytes are the same.
function zstdBlock(data) {
  const same = data.length > 1024 && data.subarray(1).equals(data.subarray(0, -1));
  const out = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]), le(data.length, 4)];
  for (let at = 0; at < data.length; at += 131072) {
    const n = Math.min(131072, data.length - at);
    out.push(le((at + n === data.length ? 1 : 0) | (same ? 2 : 0) | (n << 3), 3), same ? data.subarray(0, 1) : data.subarray(at, at + n));
  }
  return Buffer.concat(out);
}
export function block(data, codec = 'gzip') {
  const packed = codec === 'zstd' ? zstdBlock(data) : gzipBlock(data);
  return { packed, size: data.length, crc: crc32(packed) };
}
function* blocksOf(buffer, codec) {
  for (let at = 0; at < buffer.length; at += BLOCK) yield block(buffer.subarray(at, Math.min(buffer.length, at + BLOCK)), codec);
}

// --- our archives -----------------------------------------------------------------------------------------------------

const member = (name, data) => [head({ name, size: data.length, mode: 0o600 }), data, padding(data.length)];

// members: {name: Buffer, string or object}; parts: of Part, or {prefix, kind, blocks, size, segments, files, bytes}.
// Changes on the way: manifest(o), table(rows), tail(t), index(buffers), end(buffers of the whole file); entries: raw tar in
// the place of the members.
export function ours({ codec = 'gzip', members = {}, parts = [], manifest = (o) => o, table = (r) => r, tail = (t) => t, index = (i) => i, entries } = {}) {
  const rows = [], file = [], records = [], segments = [], partRecords = [];
  let tar = 0, at = 0;
  const add = (b) => {
    rows.push([b.packed.length, b.size, b.crc]);
    file.push(b.packed);
    at += b.packed.length;
    tar += b.size;
  };
  const front = [];
  for (const [name, value] of Object.entries(members)) {
    const data = Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    const offset = front.reduce((n, b) => n + b.length, 0);
    records.push({ name, offset, data: offset + 512, size: data.length, sha256: sha(data) });
    front.push(...member(name, data));
  }
  for (const b of blocksOf(entries ?? Buffer.concat(front), codec)) add(b);
  for (const p of parts) {
    const offset = tar, first = rows.length;
    if (p instanceof Part) p.finish();
    if (p.blocks) for (const b of p.blocks) add(b);
    else for (const b of blocksOf(Buffer.concat(p.pieces), codec)) add(b);
    partRecords.push({ id: p.prefix, kind: p.kind, prefix: p.prefix, offset, size: tar - offset, block: first, blocks: rows.length - first, files: p.files, bytes: p.bytes, stored: p.bytes, segments: [segments.length, p.segments.length], ...p.claim });
    segments.push(...p.segments);
  }
  const model = manifest({ format: 'container-monkey', version: 1, program: '1.0.0', codec, backup: {}, files: 0, bytes: 0, warning_count: 0, warnings: [], members: records, parts: partRecords, segments });
  const list = table(rows);
  const packedTable = Buffer.concat([Buffer.from('CMBLOCKS'), le(1, 4), le(list.length, 4), ...list.map(([len, size, crc]) => Buffer.concat([le(len, 4), le(size, 4), le(crc, 4)]))]);
  const text = Buffer.isBuffer(model) ? model : Buffer.from(typeof model === 'string' ? model : JSON.stringify(model));
  const tableEntry = member('manifest/members', packedTable);
  const indexTar = Buffer.concat(index([...tableEntry, ...member('manifest.json', text), Buffer.alloc(1024)]));
  const t = { index_at: at, index_tar: tar, manifest_tar: tar + tableEntry.reduce((n, b) => n + b.length, 0), tar_size: tar + indexTar.length };
  const packedIndex = Buffer.concat([...blocksOf(indexTar, codec)].map((b) => b.packed));
  return Buffer.concat([...file, packedIndex, tailOf(tail({ ...t, sha: createHash('sha256').update(packedIndex).digest() }), codec)]);
}

export function tailOf(t, codec = 'gzip') {
  const body = Buffer.concat([le(t.version ?? 1, 4), le(t.index_at, 8), le(t.index_tar, 8), le(t.manifest_tar, 8), le(t.tar_size, 8), t.sha]);
  const payload = Buffer.concat([body, le(crc32(body), 4)]);
  if (codec === 'zstd') return Buffer.concat([Buffer.from([0x5c, 0x2a, 0x4d, 0x18]), le(payload.length + 4, 4), Buffer.from('CM'), le(payload.length, 2), payload]);
  return Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff]), le(payload.length + 4, 2), Buffer.from('CM'), le(payload.length, 2), payload, Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0])]);
}

// A part of one file "zeros" that fills count blocks of nothing but zeros: hardly any bytes, very many when expanded. The
// hash is right when it is given.
export function zeros(prefix, count, { codec = 'gzip', hash = '0'.repeat(64), kind = 'volume' } = {}) {
  const p = new Part(prefix, kind), size = count * BLOCK;
  p.entry({ path: '.', type: 'd' });
  const records = size > 0o77777777777 ? [['size', String(size)]] : [];
  const at = p.at;
  const h = Buffer.concat([records.length ? pax(records) : Buffer.alloc(0), head({ name: `${prefix}/zeros`, size: Math.min(size, 0o77777777777) })]);
  p.put(h);
  p.heads.update(h);
  const front = Buffer.concat(p.pieces), dataAt = p.at;
  p.pieces = [];
  p.at += size;
  p.lines.push(`{"p":"zeros","t":"f","s":${size},"h":"${hash}","o":${at},"d":${dataAt},"m":"0644","u":0,"g":0,"mt":"1700000000"}\n`);
  p.files++;
  p.bytes += size;
  p.segment();
  const one = block(Buffer.alloc(BLOCK), codec);
  p.blocks = [block(front, codec), ...Array(count).fill(one), ...blocksOf(Buffer.concat(p.pieces), codec)];
  return p;
}

// --- the predecessor's ---------------------------------------------------------------------------------------------------

// A plain tar of entries: {name, type, content, link, mode, records, raw, size, before (bytes in front)}.
export function tarOf(entries) {
  const out = [];
  for (const e of entries) {
    const data = Buffer.from(e.content ?? '');
    if (e.before) out.push(e.before);
    if (e.records) out.push(pax(e.records));
    out.push(head({ ...e, type: types[e.type ?? 'f'] ?? e.type, size: e.size ?? data.length }), data, padding(data.length));
  }
  return Buffer.concat([...out, Buffer.alloc(1024)]);
}

// volumes: {name: Buffer of a tar.gz}; extra: more entries. members: {name: content} in place of the usual ones.
export function predecessor({ config, name, volumes = {}, binds = {}, members = {}, extra = [], image = '# Image export failed for x: timeout', info, level = 1, gzip = true }) {
  const list = [];
  const usual = {
    'backup_metadata.json': { container_id: config.Id, container_name: name, backup_date: '2026-11-22T18:45:12.035265', backup_type: 'manual', image: config.Config?.Image, image_backed_up: false, status: 'stopped', server_name: 'elsewhere' },
    'container_config.json': config,
    'volumes_info.json': info ?? [...Object.keys(volumes).map((v) => ({ name: v, destination: '/data', driver: 'local', type: 'volume' })), ...Object.keys(binds).map((b) => ({ type: 'bind', source: b, destination: '/bind' }))],
    'image.tar': image,
    ...members,
  };
  for (const [n, v] of Object.entries(usual)) if (v !== null) list.push({ name: `./${n}`, content: Buffer.isBuffer(v) ? v : typeof v === 'string' ? v : JSON.stringify(v) });
  for (const [v, data] of Object.entries(volumes)) list.push({ name: `./volumes/${v}_data.tar.gz`, content: data });
  for (const [b, data] of Object.entries(binds)) list.push({ name: `./volumes/bind_${b.split('/').pop()}_data.tar.gz`, content: data });
  const tar = tarOf([...list, ...extra]);
  return gzip ? gzipSync(tar, { level }) : tar;
}

// gzip of many equal pieces without expanding them here: each piece becomes one member.
export function gzipRepeat(front, piece, count, back) {
  const one = gzipSync(piece, { level: 9 });
  return Buffer.concat([gzipSync(front), ...Array(count).fill(one), gzipSync(back)]);
}
