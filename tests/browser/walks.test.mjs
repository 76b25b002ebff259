// SPDX-License-Identifier: GPL-3.0-or-later
// A backup and its restore by people who use no mouse, and by people who see no page: one walk with keys alone, where
// what has the focus must be visible, and one that knows nothing but the browser's accessibility tree, its roles and
// names, and what live regions say.
import { test, assert, docker, startApp, removeAll, after, before, sleep, password } from '../tools/harness.mjs';
import { browse } from '../tools/browser.mjs';

const p = 'cmwalks-';
const app = await startApp({ login: false });
const browser = await browse();
before(() => removeAll(p));
after(async () => {
  await browser.close();
  await removeAll(p);
});

async function container(name) {
  await docker('run', '-d', '--name', name, '--stop-timeout', '0', '-v', `${name}:/data`, 'busybox:local', 'sh', '-c',
    '[ -e /data/file ] || echo first > /data/file; exec sleep 1000000');
  await sleep(200);
}
const spoil = (name) => docker('exec', name, 'sh', '-c', 'echo spoiled > /data/file');
const content = (name) => docker('exec', name, 'cat', '/data/file');

test('back up and restore by keyboard alone', async () => {
  const name = `${p}keys`;
  await container(name);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const key = (k) => page.keyboard.press(k);
  // What has the focus: its name, and whether a person sees that it has.
  const look = () => page.evaluate(() => {
    const e = document.activeElement;
    const box = e.getBoundingClientRect();
    const marked = (x) => x && (getComputedStyle(x).outlineStyle !== 'none' && parseFloat(getComputedStyle(x).outlineWidth) > 0 || getComputedStyle(x).boxShadow !== 'none');
    const label = e.labels?.[0]?.innerText ?? '';
    return {
      tag: e.tagName, name: (e.getAttribute('aria-label') || label || e.innerText || e.value || '').trim(),
      seen: e === document.body || (marked(e) || marked(e.parentElement)) && box.bottom > 0 && box.top < innerHeight,
    };
  });
  // A page may be on its way to the next one, or to itself, while it is asked.
  const focus = () => look().catch(async () => {
    await page.waitForLoadState('load');
    return look();
  });
  const tabTo = async (what, tag) => {
    const passed = [];
    for (let i = 0; i < 150; i++) {
      await key('Tab');
      const f = await focus();
      assert.ok(f.seen, `the focus on ${f.tag} "${f.name}" of ${page.url()} cannot be seen`);
      passed.push(f.name.split('\n')[0]);
      if (what.test(f.name) && (!tag || tag === f.tag)) return;
    }
    assert.fail(`${what} is not reached by Tab at ${page.url()}: ${passed.join(' | ')}`);
  };
  const follow = async (url, k = 'Enter') => {
    await Promise.all([page.waitForURL((u) => url.test(u.pathname + u.search)), key(k)]);
  };
  const jobEnds = async () => page.waitForFunction(() => /\bComplete\b/.test(document.querySelector('main').innerText), null, { timeout: 60000 });

  await page.goto(`${app.url}/login?next=/containers`);
  if ((await focus()).name !== 'User name') await tabTo(/^User/, 'INPUT');
  await page.keyboard.type('admin');
  await tabTo(/^Password/, 'INPUT');
  await page.keyboard.type(password);
  await follow(/^\/containers$/);
  await key('Tab');
  assert.match((await focus()).name, /^Skip to/i, 'the first stop leads past the navigation');
  await key('Enter');
  await key('Tab');
  assert.ok(await page.evaluate(() => document.querySelector('main').contains(document.activeElement)), 'the skip link leads into the page');
  await key('/');
  await page.keyboard.type(name);
  await follow(/q=cmwalks-keys/);
  await tabTo(new RegExp(`^Backup ${name}$`));
  await follow(/^\/job\//);
  await jobEnds();
  await spoil(name);
  await tabTo(/^Vault$/, 'A');
  await follow(/^\/vault/);
  await key('/');
  await page.keyboard.type(name);
  await follow(/q=cmwalks-keys/);
  await tabTo(new RegExp(`^${name}_`), 'A');
  await follow(/^\/backup\//);
  await tabTo(/^Restore/, 'A');
  await follow(/^\/restore\//);
  await tabTo(/^Replace it/, 'INPUT');
  await key('Space');
  // The choices of the volume: Tab leads to the chosen one, arrows to the others.
  await tabTo(/^Keep what is there|^Keep it/, 'INPUT');
  for (let i = 0; i < 4 && !/^Replace it/.test((await focus()).name); i++) await key('ArrowDown');
  assert.match((await focus()).name, /^Replace it/);
  await tabTo(/^Restore/, 'BUTTON');
  await follow(/^\/job\//);
  await jobEnds();
  assert.equal(await content(name), 'first');
  await context.close();
});

test('back up and restore by the accessibility tree alone', async () => {
  const name = `${p}tree`;
  await container(name);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send('Accessibility.enable');
  const tree = async () => (await cdp.send('Accessibility.getFullAXTree')).nodes.filter((n) => !n.ignored);
  const describe = (nodes) => nodes.filter((n) => n.name?.value && !/StaticText|InlineTextBox/.test(n.role.value)).map((n) => `${n.role.value} "${n.name.value}"`).join(', ');
  // The node of this role and name: there must be one, or they must be the same thing.
  const find = async (role, what) => {
    let nodes;
    for (let i = 0; i < 40; i++) {
      nodes = await tree().catch(() => []);
      const found = nodes.filter((n) => n.role.value === role && what.test(n.name?.value ?? ''));
      if (found.length) return found[0];
      await sleep(100);
    }
    assert.fail(`no ${role} ${what} in: ${describe(nodes)}`);
  };
  const act = async (role, what, keys) => {
    const node = await find(role, what);
    await cdp.send('DOM.focus', { backendNodeId: node.backendDOMNodeId });
    if (keys === 'Enter' || keys === 'Space') await page.keyboard.press(keys);
    else await page.keyboard.type(keys);
  };
  const press = async (role, what, url) => {
    await Promise.all([page.waitForURL((u) => url.test(u.pathname)), act(role, what, 'Enter')]);
  };
  // What live regions say, from now until it matches.
  const hear = async (what) => {
    const heard = new Set();
    for (let i = 0; i < 300; i++) {
      const nodes = await tree().catch(() => []);
      const byId = new Map(nodes.map((n) => [n.nodeId, n]));
      const text = (n) => [n.role.value === 'StaticText' ? n.name?.value : '', ...(n.childIds ?? []).map((c) => byId.get(c)).filter(Boolean).map(text)].join(' ').trim();
      for (const n of nodes) {
        const live = n.properties?.find((x) => x.name === 'live')?.value.value;
        if (live === 'polite' || live === 'assertive') { const said = text(n); if (said) heard.add(said); }
      }
      if ([...heard].some((s) => what.test(s))) return;
      await sleep(200);
    }
    assert.fail(`${what} was never said; what was said: ${[...heard].join(' | ')}`);
  };
  const landmark = async () => {
    const nodes = await tree();
    for (const role of ['main', 'navigation', 'banner']) assert.ok(nodes.some((n) => n.role.value === role), `${page.url()} has no ${role}`);
    const heads = nodes.filter((n) => n.role.value === 'heading' && n.properties?.some((x) => x.name === 'level' && x.value.value === 1));
    assert.equal(heads.length, 1, `${page.url()}: one heading of level 1`);
    for (const n of nodes) {
      if (['button', 'link', 'checkbox', 'radio', 'textbox', 'searchbox', 'combobox'].includes(n.role.value)) assert.ok(n.name?.value?.trim(), `${page.url()}: a ${n.role.value} without a name`);
    }
  };

  await page.goto(`${app.url}/login?next=${encodeURIComponent(`/containers?q=${name}`)}`);
  await act('textbox', /^User/, 'admin');
  await act('textbox', /^Password/, password);
  await press('button', /^Log in/, /^\/containers/);
  await landmark();
  const cell = (await tree()).filter((n) => /^(rowheader|cell|gridcell)$/.test(n.role.value)).map((n) => n.name?.value ?? '');
  assert.ok(cell.some((t) => t.includes(name)) && cell.some((t) => /Running/.test(t)), `the row says what it is and how it does: ${cell.join(' | ')}`);
  await press('button', new RegExp(`^Backup ${name}$`), /^\/job\//);
  await landmark();
  await hear(/complete/i);
  await spoil(name);
  await press('link', /^Vault$/, /^\/vault/);
  await landmark();
  await press('link', new RegExp(`^${name}_`), /^\/backup\//);
  await landmark();
  await press('link', /^Restore/, /^\/restore\//);
  await landmark();
  await act('checkbox', /^Replace it/, 'Space');
  await act('radio', /^Replace it/, 'Space');
  await press('button', /^Restore/, /^\/job\//);
  await hear(/complete/i);
  assert.equal(await content(name), 'first');
  await context.close();
});
