// SPDX-License-Identifier: GPL-3.0-or-later
// Every page over its fixtures, among them 200-character names, empty lists, errors and all roles: nothing scrolls
// sideways, nothing complains, axe finds nothing, light and dark, on three widths.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test, assert, after, root, build } from '../tools/harness.mjs';
import { browse } from '../tools/browser.mjs';
import { axeFindings, fixtures, looks, serve, sidewaysAt } from './preview.mjs';

const made = spawnSync('make', ['--no-print-directory', `B=${build}`, `${build}/tests/mustache_run`, 'assets'], { cwd: root, encoding: 'utf8' });
const server = await serve();
const browser = await browse();
const pages = [];
for (const look of looks) {
  const context = await browser.newContext({ colorScheme: look.colorScheme, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.look = look;
  page.trouble = [];
  page.where = look.colorScheme;
  page.on('console', (m) => { if (m.type() === 'error') page.trouble.push(m.text()); });
  page.on('pageerror', (e) => page.trouble.push(String(e)));
  pages.push(page);
}
after(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});

test('the template engine and the assets are built', () => {
  assert.equal(made.status, 0, made.stderr);
  assert.ok(existsSync(path.join(build, 'assets/assets.txt')));
});

for (const name of fixtures()) {
  test(`${name} looks as it should`, async () => {
    for (const page of pages) {
      page.trouble.length = 0;
      await page.setViewportSize({ width: page.look.widths[0], height: 900 });
      const answer = await page.goto(`http://127.0.0.1:${server.address().port}/${name}`, { waitUntil: 'load' });
      assert.equal(answer.status(), 200, await answer.text());
      assert.equal(await page.locator('h1').count(), 1, `${page.where}: one main heading`);
      assert.deepEqual(await axeFindings(page), [], page.where);
      assert.deepEqual(await sidewaysAt(page), [], page.where);
      assert.deepEqual(page.trouble, [], page.where);
    }
  });
}
