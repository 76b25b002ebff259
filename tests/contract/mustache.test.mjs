// SPDX-License-Identifier: GPL-3.0-or-later
// Our mustache engine against two others' word: the official test files (a folder named by CM_MUSTACHE_SPEC) and npm's
// "mustache" over generated templates. What npm's does differently from the specification is not generated: two tags
// alone on one line, a partial tag that begins a line with more on it, dotted names that only half exist.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const build = path.resolve(root, process.env.B || 'build');
const runner = path.join(build, 'tests/mustache_run');

function ours(cases) {
  const r = spawnSync(runner, { input: cases.map((c) => JSON.stringify(c) + '\n').join(''), encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(r.status, 0, r.stderr);
  return r.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
}

test('the runner is built', () => {
  const r = spawnSync('make', ['--no-print-directory', `B=${process.env.B || 'build'}`, `${process.env.B || 'build'}/tests/mustache_run`],
    { cwd: root, encoding: 'utf8' });
  assert.equal(r.status, 0, r.stderr);
});

const spec = process.env.CM_MUSTACHE_SPEC;
const modules = ['comments', 'delimiters', 'interpolation', 'inverted', 'partials', 'sections', 'inheritance'];
for (const name of modules) {
  test(`the specification's ${name}`, { skip: !spec && 'CM_MUSTACHE_SPEC names no folder' }, () => {
    assert.ok(readdirSync(spec).length > 0);
    const { tests } = JSON.parse(readFileSync(path.join(spec, `${name}.json`), 'utf8'));
    const out = ours(tests.map((t) => ({ template: t.template, partials: t.partials ?? {}, data: t.data })));
    tests.forEach((t, i) => assert.equal(out[i].output, t.expected, `${t.name}: ${JSON.stringify(t.template)}`));
  });
}

// A small generator, seeded, so that a failure can be looked at again.
function random(seed) {
  let s = seed >>> 0;
  const next = () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), s | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)], chance: (p) => next() < p };
}

const texts = ['plain', 'a & b', '<b>"x"</b>', "it's", 'ü € 😀', '{ x', 'y }.', 'x=y', '`', '/'];
const values = [...texts, '', 0, 1, -7, 1.5, 0.25, 123456789, true, false, null];

// Data of known shape: s0… scalars, l0… lists of objects, o0… objects; names do not repeat on the way down.
function data(r, level, names) {
  const o = {};
  for (let i = 0; i < 4; i++) o[`${names}s${i}`] = r.pick(values);
  if (level > 0) {
    o[`${names}l`] = Array.from({ length: r.below(4) }, () => data(r, level - 1, `${names}l`));
    o[`${names}o`] = r.chance(0.8) ? data(r, level - 1, `${names}o`) : null;
    o[`${names}w`] = Array.from({ length: r.below(3) }, () => r.pick(texts));
  }
  return o;
}

function inline(r, names, tags, level) {
  const [a, b] = tags;
  const name = `${names}s${r.below(5)}`;
  switch (r.below(7)) {
    case 0: return `${a}${r.pick(['', ' '])}${name}${r.pick(['', ' '])}${b}`;
    case 1: return a === '{{' ? `{{{${name}}}}` : `${a}&${name}${b}`;
    case 2: return `${a}& ${name} ${b}`;
    case 3: return `${a}! a comment ${b}`;
    case 4: return level > 0 ? `${a}#${names}w${b}(${a}.${b})${a}/${names}w${b}` : r.pick(texts);
    case 5: return level > 0 ? `${a}${names}o.${names}os${r.below(4)}${b}` : r.pick(texts);
    default: return r.pick(texts);
  }
}

function line(r, names, tags, level) {
  let out = r.pick(['', ' ', '  ', '\t', 'x ']);
  if (!out.startsWith('x')) out += r.pick(texts);
  for (let i = r.below(4); i > 0; i--) out += inline(r, names, tags, level) + r.pick(['', ' ']);
  return out + r.pick(['\n', '\n', '\r\n']);
}

function block(r, names, level, partials, tags, depth) {
  let out = '';
  const [a, b] = tags;
  for (let i = 1 + r.below(4); i > 0; i--) {
    const pad = r.pick(['', '  ', '\t']);
    const kind = r.below(8);
    if (kind === 0 && depth > 0) {
      const s = `${names}s${r.below(5)}`;
      const sign = r.pick(['#', '^']);
      out += `${pad}${a}${sign}${s}${b}\n${block(r, names, level, partials, tags, depth - 1)}${pad}${a}/${s}${b}\n`;
    } else if (kind === 1 && level > 0 && depth > 0) {
      const s = `${names}${r.pick(['l', 'o'])}`;
      out += `${pad}${a}#${s}${b}\n${block(r, s, level - 1, partials, tags, depth - 1)}${pad}${a}/${s}${b}\n`;
    } else if (kind === 2 && partials.length > 0 && names === '') out += `${pad}${a}>${r.pick(partials)}${b}\n`;
    else if (kind === 3) out += `${pad}${a}! alone ${b}${r.pick(['', ' '])}\n`;
    else if (kind === 4) out += '\n';
    else if (kind === 5 && level > 0) out += `in ${a}#${names}l${b}[${inline(r, `${names}l`, tags, level - 1)}]${a}/${names}l${b}\n`;
    else out += line(r, names, tags, level);
  }
  return out;
}

function make(seed) {
  const r = random(seed);
  const partials = {};
  const known = [];
  for (const name of ['one', 'two', 'three']) {
    partials[name] = block(r, '', 1, known, ['{{', '}}'], 2);
    if (r.chance(0.3)) partials[name] = partials[name].replace(/\r?\n$/, '');
    known.push(name);
  }
  let template = block(r, '', 2, [...known, 'missing'], ['{{', '}}'], 3);
  if (r.chance(0.3)) template += `{{=<% %>=}}\n${block(r, '', 2, known, ['<%', '%>'], 2)}<%={{ }}=%>\n`;
  template += block(r, '', 2, known, ['{{', '}}'], 3);
  return { template, partials, data: data(r, 2, '') };
}

const npm = path.join(root, 'tests/node_modules/mustache');
test('npm\'s mustache says the same over 3,000 generated templates', { skip: !existsSync(npm) && 'npm ci in tests/ first' }, async () => {
  const { default: mustache } = await import('mustache');
  const marks = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  const config = { escape: (v) => String(v).replace(/[&<>"']/g, (c) => marks[c]) };
  const begin = Number(process.env.CM_SEED || 1);
  const cases = Array.from({ length: 3000 }, (_, i) => make(begin + i));
  const out = ours(cases);
  cases.forEach((c, i) => {
    const want = mustache.render(c.template, c.data, c.partials, config);
    assert.equal(out[i].output, want, `seed ${begin + i}: ${JSON.stringify(c)}\n${JSON.stringify(out[i])}`);
  });
});

test('what is broken is refused with file and line', () => {
  const broken = [['a\n{{#x}}\n', /:2: "x" is not closed/], ['{{/x}}', /never opened/], ['{{#a}}{{#b}}{{/a}}{{/b}}', /"b" of line 1 is open/],
    ['\n\n{{name', /:3: a tag is not closed/], ['{{}}', /without a name/], ['{{a b}}', /blank in the name/], ['{{=<%=}}', /two words/],
    ['{{#a}}'.repeat(65), /more than 64 levels/]];
  const out = ours(broken.map(([template]) => ({ template, data: {} })));
  broken.forEach(([template, why], i) => assert.match(out[i].error ?? '', why, template));
});

test('partials that include themselves end with an error, not with the stack', () => {
  const [partial, parent, block] = ours([
    { template: '{{>a}}', partials: { a: 'x{{>a}}' }, data: {} },
    { template: '{{<a}}{{/a}}', partials: { a: '{{<b}}{{/b}}', b: '{{<a}}{{/a}}' }, data: {} },
    { template: '{{<a}}{{$x}}{{<a}}{{$x}}1{{/x}}{{/a}}{{/x}}{{/a}}', partials: { a: '[{{$x}}0{{/x}}]' }, data: {} },
  ]);
  assert.match(partial.error, /levels deep/);
  assert.match(parent.error, /levels deep/);
  assert.equal(block.output, '[[1]]');
});

test('an override uses a parent of its own without being touched by the outer blocks of equal name', () => {
  const [r] = ours([{
    template: '{{<layout}}{{$title}}Page{{/title}}{{$content}}{{<card}}{{$title}}Card{{/title}}{{/card}}{{/content}}{{/layout}}',
    partials: { layout: '<h1>{{$title}}T{{/title}}</h1>{{$content}}{{/content}}', card: '<h2>{{$title}}C{{/title}}</h2>' }, data: {},
  }]);
  assert.equal(r.output, '<h1>Page</h1><h2>Card</h2>');
});
