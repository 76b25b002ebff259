// SPDX-License-Identifier: GPL-3.0-or-later
// What goes on by itself where JavaScript is on: lists follow the engine's events, statistics are measured anew; a row
// that somebody selected stays until that is over.
import { test, assert, docker, startApp, removeAll, after, before, password } from '../tools/harness.mjs';
import { browse } from '../tools/browser.mjs';

const p = 'cmlive-';
const app = await startApp();
const browser = await browse();
let page;

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--name', `${p}first`, 'busybox:local', 'sleep', '100000');
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.trouble = [];
  page.on('pageerror', (e) => page.trouble.push(String(e)));
  page.on('console', (m) => { if (m.type() === 'error') page.trouble.push(m.text()); });
  await page.goto(`${app.url}/login?next=/containers`);
  await page.fill('#username', 'admin');
  await page.fill('#password', password);
  await page.click('.login button.primary');
  await page.waitForURL(`${app.url}/containers`);
});
after(async () => {
  await browser.close();
  await removeAll(p);
});
const row = (name) => page.locator('tbody tr', { hasText: p + name });

test('a container that somebody else makes, stops and removes shows without a reload', async () => {
  await page.evaluate(() => { globalThis.stays = true; });
  await docker('run', '-d', '--name', `${p}second`, 'busybox:local', 'sleep', '100000');
  await row('second').waitFor({ timeout: 8000 });
  assert.match(await row('second').innerText(), /Running/);
  await docker('kill', `${p}second`);
  await row('second').filter({ hasText: 'Stopped' }).waitFor({ timeout: 8000 });
  assert.equal(await row('second').getAttribute('role'), 'row', 'cards keep their roles');
  await docker('rm', `${p}second`);
  await row('second').waitFor({ state: 'detached', timeout: 8000 });
  assert.equal(await page.evaluate(() => globalThis.stays), true);
});

test('what is selected stays, and the list follows when it no longer is', async () => {
  await row('first').locator('.check input').check();
  await docker('run', '-d', '--name', `${p}third`, 'busybox:local', 'sleep', '100000');
  await page.waitForTimeout(3500);
  assert.equal(await row('third').count(), 0);
  assert.equal(await row('first').locator('.check input').isChecked(), true);
  await row('first').locator('.check input').uncheck();
  await page.locator('h1').click();
  await row('third').waitFor({ timeout: 8000 });
});

test('networks and who is in them', async () => {
  await page.goto(`${app.url}/networks`);
  await docker('network', 'create', `${p}net`);
  await row('net').filter({ hasText: 'none' }).waitFor({ timeout: 8000 });
  await docker('network', 'connect', `${p}net`, `${p}first`);
  await row('net').filter({ hasText: '1 container' }).waitFor({ timeout: 8000 });
  assert.deepEqual(page.trouble, []);
});

test('events and statistics go on by themselves', async () => {
  await page.goto(`${app.url}/events`);
  await docker('volume', 'create', `${p}data`);
  await row('data').waitFor({ timeout: 8000 });
  await page.goto(`${app.url}/statistics`);
  const at = () => page.locator('#statistics-sum time').getAttribute('datetime');
  const before = await at();
  await page.waitForFunction((old) => document.querySelector('#statistics-sum time')?.dateTime !== old, before, { timeout: 12000 });
  await page.fill('#q', 'third');
  await page.waitForFunction((old) => document.querySelector('#statistics-sum time')?.dateTime !== old, await at(), { timeout: 12000 });
  assert.equal(await row('first').isVisible(), false, 'what was typed goes on to hold');
  assert.equal(await row('third').isVisible(), true);
  assert.deepEqual(page.trouble, []);
});
