// SPDX-License-Identifier: GPL-3.0-or-later
// Every page of the running program: opens without errors, obeys its own policy, is clean for axe in both themes, does
// not scroll sideways, does not shift, is small, and works without JavaScript. Then what JavaScript adds, part by part.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test, assert, docker, startApp, removeAll, after, before, sleep, password, root } from '../tools/harness.mjs';
import { browse } from '../tools/browser.mjs';
import { axeFindings, looks, sideways, sidewaysAt } from './preview.mjs';

const p = 'cmpages-';
const app = await startApp();
const browser = await browse();
const user = process.env.CM_USER || 'admin';
let file, job, list;

before(async () => {
  await removeAll(p);
  for (const name of ['one', 'two', 'three']) {
    await docker('run', '-d', '--name', p + name, '-v', `${p}${name}:/data`, 'busybox:local', 'sh', '-c',
      'mkdir -p /data/folder; echo hello > "/data/folder/a file.txt"; exec sleep 1000000');
  }
  await sleep(300);
  job = await app.backup(`${p}one`);
  file = job.file;
  await app.backup(`${p}two`, { note: 'Before the upgrade' });
  const id = (await docker('inspect', '-f', '{{.Id}}', `${p}one`)).slice(0, 12);
  const at = encodeURIComponent(file);
  const inside = encodeURIComponent(`volumes/${p}one/folder`);
  await docker('run', '-d', '--init', '--name', `${p}web`, '--label', `com.docker.compose.project=${p}shop`, '--label', 'com.docker.compose.service=web',
    '-v', `${p}shared:/data`, 'busybox:local', 'sleep', '1000000');
  const made = await app.waitJob((await app.api('POST', `/api/stack/${p}shop/backup`, {})).json.job_id);
  const exported = (await app.api('POST', '/api/docker/containers', { action: 'backup', containerId: id, options: { path: '/srv/exports' } })).json.backupFile;
  list = [
    `/backup/${exported}`, `/restore-export/${exported}`,
    `/backup-set/${made.result.set_id}`, '/stacks', '/stacks?q=nothing-of-this-name', `/stack/${p}shop`, `/stack/${p}shop/delete`,
    '/', '/containers', '/containers?q=nothing-of-this-name', '/containers?sort=-created', `/container/${id}/delete`, `/container/${id}/clone`,
    '/volumes', '/volumes?state=unused&sort=-size', '/volumes/new', '/volumes/prune', `/volume/${p}one/delete`, `/volume/${p}one`,
    `/volume/${p}one?path=%2Ffolder`, `/volume/${p}one/rename?path=%2Ffolder`, `/volume/${p}one/file?path=%2Ffolder%2Fa%20file.txt`,
    `/container/${id}`, `/container/${id}/top`, `/container/${id}/changes`, `/container/${id}/inspect`, `/container/${id}/redeploy`, `/containers?network=bridge&all=1`,
    '/vault', '/vault?q=nothing-of-this-name', '/vault?sort=size', '/vault/empty', `/vault/delete?file=${at}`,
    `/backup/${at}`, `/backup/${at}/files`, `/backup/${at}/files?path=${inside}`,
    `/backup/${at}/file?path=${inside}%2Fa%20file.txt`, `/restore/${at}`,
    '/statistics', '/statistics?state=all&sort=-cpu', '/statistics?q=nothing-of-this-name',
    '/networks', '/networks?q=nothing-of-this-name', '/network/bridge', '/networks/new',
    '/images', '/images?q=nothing-of-this-name', '/images?sort=-size', '/image/busybox%3Alocal', '/images/add', '/images/delete?image=busybox%3Alocal',
    '/events', '/events?type=container&action=start', '/events?q=nothing-of-this-name',
    '/jobs', `/job/${job.id}`, '/audit', '/audit?search=nothing-of-this-name', '/audit/clear', '/settings', '/account', '/help',
    '/settings/tokens', '/settings/environment', '/settings/cleanup', '/about',
    '/no-such-page', '/backup/no-such-backup.tar.gz', '/job/00000000-0000-4000-8000-000000000000',
  ];
});
after(async () => {
  await browser.close();
  await removeAll(p);
});

// A page that is logged in; what goes wrong in it is collected in page.trouble.
async function open(options = {}, where = '/') {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.trouble = [];
  page.foreign = [];
  page.on('console', (m) => { if (m.type() === 'error' && !/status of (404|422)/.test(m.text())) page.trouble.push(`${page.url()}: ${m.text()}`); });
  page.on('pageerror', (e) => page.trouble.push(`${page.url()}: ${e}`));
  page.on('request', (r) => { if (!r.url().startsWith(app.url) && !r.url().startsWith('data:')) page.foreign.push(r.url()); });
  await page.goto(`${app.url}/login?next=${encodeURIComponent(where)}`);
  await page.fill('#username', user);
  await page.fill('#password', password);
  await page.click('.login button.primary');
  await page.waitForURL(app.url + where);
  return page;
}

for (const look of looks) {
  test(`every page at ${look.widths.join(', ')} px, ${look.colorScheme}`, async () => {
    const page = await open({ colorScheme: look.colorScheme, reducedMotion: 'reduce' });
    page.look = look;
    for (const where of list) {
      await page.setViewportSize({ width: look.widths[0], height: 900 });
      const answer = await page.goto(app.url + where, { waitUntil: 'load' });
      assert.equal(answer.status(), /no-such|00000000/.test(where) ? 404 : 200, where);
      assert.equal(await page.locator('h1').count(), 1, `${where}: one main heading`);
      assert.deepEqual(await axeFindings(page), [], where);
      assert.deepEqual(await sidewaysAt(page), [], where);
    }
    assert.deepEqual(page.trouble, []);
    assert.deepEqual(page.foreign, [], 'nothing comes from elsewhere');
    await page.context().close();
  });
}

test('the login page', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme });
    const page = await context.newPage();
    await page.goto(`${app.url}/login`);
    assert.deepEqual(await axeFindings(page), []);
    await page.fill('#username', 'nobody-of-this-name');
    await page.fill('#password', 'wrong');
    await page.click('.login button.primary');
    assert.match(await page.locator('[role=alert]').innerText(), /wrong|invalid/i);
    assert.equal(await page.inputValue('#username'), 'nobody-of-this-name', 'what was typed is kept');
    assert.equal(await page.inputValue('#password'), '');
    assert.deepEqual(await axeFindings(page), []);
    await context.close();
  }
});

test('a first visit is at most 60 KB in at most 6 requests, a later page at most 20 KB', async () => {
  const page = await open();
  const state = await page.context().storageState();
  await page.context().close();
  // What came over the wire, heads and all; answers of the API, which come while a page is open, are not the page.
  const weigh = async (tab, where) => {
    const cdp = await tab.context().newCDPSession(tab);
    const seen = new Map();
    let bytes = 0;
    cdp.on('Network.requestWillBeSent', (e) => { if (e.request.url.startsWith('http') && !/\/api\//.test(e.request.url)) seen.set(e.requestId, e.request.url); });
    cdp.on('Network.requestServedFromCache', (e) => seen.delete(e.requestId));
    cdp.on('Network.responseReceived', (e) => { if (e.response.fromDiskCache) seen.delete(e.requestId); });
    cdp.on('Network.loadingFinished', (e) => { if (seen.has(e.requestId)) bytes += e.encodedDataLength; });
    await cdp.send('Network.enable');
    await tab.goto(app.url + where, { waitUntil: 'load' });
    await sleep(30);
    await cdp.detach();
    return { bytes, requests: [...seen.values()] };
  };
  for (const where of list) {
    const context = await browser.newContext({ storageState: state });
    const tab = await context.newPage();
    const first = await weigh(tab, where), later = await weigh(tab, where);
    assert.ok(first.bytes > 5000, `${where}: only ${first.bytes} bytes were seen`);
    assert.ok(first.requests.length <= 6, `${where}: ${first.requests.join(' ')}`);
    assert.ok(first.bytes <= 60 * 1024, `${where}: ${first.bytes} bytes`);
    assert.ok(later.bytes <= 20 * 1024, `${where}, again: ${later.bytes} bytes of ${later.requests.join(' ')}`);
    await context.close();
  }
});

test('nothing shifts while a page loads', async () => {
  const page = await open();
  await page.addInitScript(() => {
    globalThis.shift = 0;
    new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) globalThis.shift += e.value; })
      .observe({ type: 'layout-shift', buffered: true });
  });
  for (const where of list) {
    await page.goto(app.url + where, { waitUntil: 'load' });
    await sleep(100);
    assert.ok(await page.evaluate(() => globalThis.shift) < 0.01, `${where} shifts by ${await page.evaluate(() => globalThis.shift)}`);
  }
  await page.context().close();
});

test('every page without JavaScript', async () => {
  const page = await open({ javaScriptEnabled: false, viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' });
  for (const where of list) {
    const answer = await page.goto(app.url + where);
    assert.equal(answer.status(), /no-such|00000000/.test(where) ? 404 : 200, where);
    assert.equal(await page.locator('h1').count(), 1, where);
  }
  // The menu of a phone, a search, a filter, the theme, a confirmation, logging out.
  await page.goto(`${app.url}/containers`);
  await page.click('.nav-open');
  await page.click('.sidebar a[href="/vault"]');
  await page.waitForURL(`${app.url}/vault`);
  await page.fill('#q', `${p}two`);
  await page.click('.search button');
  assert.match(page.url(), /q=cmpages-two/);
  assert.equal(await page.locator('#backups tbody tr').count(), 1);
  await page.check('#backups tbody [type=checkbox]');
  await page.click('[data-bulk] button:has-text("Delete")');
  assert.match(await page.locator('h1').innerText(), /Delete 1 backup/);
  await page.click('main a.button:not(.danger)');
  await page.click('.user-menu summary');
  await page.click('.user-menu button[value=dark]');
  assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
  await page.click('.user-menu summary');
  await page.click('.user-menu form[action="/logout"] button');
  assert.match(page.url(), /\/login/);
  await page.context().close();
});

test('selecting rows: one, a range, all; the buttons say how many', async () => {
  const page = await open({}, `/containers?q=${p}`);
  const button = page.locator('[data-bulk] button.primary');
  assert.equal(await button.isDisabled(), true);
  const boxes = page.locator('#containers tbody [type=checkbox]');
  assert.equal(await boxes.count(), 4);
  await boxes.nth(0).check();
  assert.equal((await button.innerText()).trim(), 'Backup selected (1)');
  const bulk = (word) => page.locator(`[data-bulk] button[data-can=${word}]`);
  assert.deepEqual([await bulk('start').isDisabled(), await bulk('pause').isDisabled(), await bulk('resume').isDisabled()], [true, false, true], 'what a running one allows');
  await boxes.nth(3).click({ modifiers: ['Shift'] });
  assert.equal((await button.innerText()).trim(), 'Backup selected (4)');
  assert.equal(await page.locator('[data-select-all]').isChecked(), true);
  await page.locator('[data-select-all]').uncheck();
  assert.equal(await button.isDisabled(), true);
  await page.locator('#containers tbody tr').nth(1).locator('.c-state').click();
  assert.equal(await boxes.nth(1).isChecked(), true, 'a click on the row selects it');
  assert.match(await page.locator('[data-selection]').innerText(), /1 container selected/);
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});

test('a slash goes to the search field, which narrows the rows while typing', async () => {
  const page = await open({}, `/containers?q=${p}`);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'q');
  await page.keyboard.type(`${p}three`);
  assert.equal(await page.locator('#containers tbody tr:visible').count(), 1);
  await page.fill('#q', 'matches no row at all');
  assert.equal(await page.locator('#containers tbody tr:visible').count(), 0);
  assert.equal(await page.locator('[data-filter-empty]').isVisible(), true);
  await page.context().close();
});

test('what interrupts asks first, and does nothing when refused', async () => {
  const page = await open({}, `/containers?q=${p}three`);
  const stop = page.getByRole('button', { name: `Stop ${p}three`, exact: true }).first();
  await stop.click();
  const dialog = page.getByRole('dialog');
  assert.match(await dialog.innerText(), new RegExp(`Stop ${p}three\\?`));
  assert.deepEqual(await axeFindings(page), []);
  await page.keyboard.press('Escape');
  assert.equal(await docker('inspect', '-f', '{{.State.Running}}', `${p}three`), 'true');
  await stop.click();
  await dialog.getByRole('button', { name: 'Stop' }).click();
  await page.waitForLoadState('load');
  await page.waitForFunction(() => /Stopped/.test(document.querySelector('#containers')?.textContent ?? ''));
  assert.equal(await docker('inspect', '-f', '{{.State.Running}}', `${p}three`), 'false');
  await page.getByRole('button', { name: `Start ${p}three`, exact: true }).click();
  await page.waitForFunction(() => /Running/.test(document.querySelector('#containers')?.textContent ?? ''));
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});

test('menus work by keyboard and close', async () => {
  const page = await open({}, `/containers?q=${p}one`);
  const summary = page.locator('#containers details.menu summary');
  await summary.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowDown');
  assert.match(await page.evaluate(() => document.activeElement.textContent), /backups/);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#containers details.menu[open]').count(), 0);
  assert.equal(await summary.evaluate((e) => e === document.activeElement), true, 'focus is back');
  await page.click('.user-menu summary');
  await page.click('h1');
  assert.equal(await page.locator('.user-menu[open]').count(), 0);
  await page.context().close();
});

test('the theme changes at once and stays; so does the width of the menu', async () => {
  const page = await open();
  await page.click('.user-menu summary');
  const answer = page.waitForResponse((r) => r.url().endsWith('/theme'));
  await page.click('.user-menu button[value=dark]');
  assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
  await answer;
  await page.click('.nav-collapse');
  await page.goto(`${app.url}/vault`);
  assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
  assert.equal(await page.isChecked('#nav-collapse'), true);
  await page.click('.nav-collapse');
  await page.reload();
  assert.equal(await page.isChecked('#nav-collapse'), false);
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});

test('the rules for a password answer while it is typed', async () => {
  const page = await open({}, '/account');
  const met = () => page.locator('#pw-rules .is-met').count();
  assert.equal(await met(), 0);
  await page.fill('#pw-new', 'Abc1');
  assert.equal(await met(), 3);
  await page.fill('#pw-new', 'Abcdefgh-123');
  assert.equal(await met(), 5);
  await page.context().close();
});

test('the top bar follows the load of the host', async () => {
  const page = await open();
  await page.waitForResponse((r) => r.url().endsWith('/api/system-stats') && r.ok(), { timeout: 15000 });
  assert.match(await page.locator('[data-stat-text=cpu]').innerText(), /^\d+ %$/);
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});

test('a job shows its progress and its end without a reload by hand', async () => {
  const page = await open({}, `/containers?q=${p}one`);
  await page.getByRole('button', { name: `Backup ${p}one`, exact: true }).click();
  await page.waitForURL(/\/job\//);
  await page.waitForFunction(() => /Complete/.test(document.querySelector('main').textContent), null, { timeout: 60000 });
  assert.equal(await page.locator('[data-job-active]').count(), 0);
  assert.ok(await page.getByRole('link', { name: 'Open the backup' }).isVisible());
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});

test('text at 200 % loses nothing', async () => {
  const page = await open({ viewport: { width: 720, height: 450 }, deviceScaleFactor: 2 });
  for (const where of list) {
    await page.goto(app.url + where, { waitUntil: 'load' });
    assert.ok(await sideways(page) <= 0, `${where} scrolls sideways by ${await sideways(page)} px`);
  }
  await page.context().close();
});

test('those who want no motion get none', async () => {
  const page = await open({ reducedMotion: 'reduce' }, `/job/${job.id}`);
  const moving = await page.evaluate(() => document.getAnimations().length);
  assert.equal(moving, 0);
  await page.context().close();
});

// Keys of the fixture that the answer lacks: a template would show the enclosing object's value instead.
function missing(fixture, answer, at) {
  if (fixture === null || answer === null || typeof fixture !== 'object' || typeof answer !== 'object') return [];
  if (Array.isArray(fixture)) return fixture.length && answer.length ? missing(fixture[0], answer[0], `${at}[0]`) : [];
  return Object.keys(fixture).flatMap((k) => (k in answer ? missing(fixture[k], answer[k], `${at}.${k}`) : [`${at}.${k}`]));
}

test('what the API sends of a view has every key that the fixtures promise to the templates', async () => {
  const at = encodeURIComponent(file);
  const lacking = [];
  for (const [name, where, keys] of [
    ['containers', `/api/containers?q=${p}`], ['vault', `/api/backups?q=${p}`, ['backups']],
    ['backup_files', `/api/backup/${at}/files?path=${encodeURIComponent(`volumes/${p}one`)}`], ['jobs', '/api/jobs'],
    ['job.complete', `/api/jobs/${job.id}`], ['audit', '/api/audit-logs', ['logs']], ['dashboard', '/api/dashboard-stats'],
  ]) {
    const { data } = JSON.parse(readFileSync(path.join(root, `tests/fixtures/views/${name}.json`), 'utf8'));
    const answer = await app.api('GET', where);
    assert.equal(answer.status, 200, where);
    const promised = keys ? Object.fromEntries(keys.map((k) => [k, data[k]])) : data;
    for (const row of promised.logs ?? []) row.details = null; // of any shape
    lacking.push(...missing(promised, answer.json, name));
  }
  assert.deepEqual(lacking, []);
});
