// SPDX-License-Identifier: GPL-3.0-or-later
// The main job as a person does it: log in, back up a container, lose it, restore it. With JavaScript and without,
// on a wide screen and on a phone.
import { test, assert, docker, dockerOk, startApp, removeAll, after, before, sleep, password } from '../tools/harness.mjs';
import { browse } from '../tools/browser.mjs';

const p = 'cmbrowser-';
const app = await startApp({ login: false });
const chromium = await browse();
before(() => removeAll(p));
after(async () => {
  await chromium.close();
  await removeAll(p);
});

for (const [label, viewport, javaScriptEnabled] of [
  ['1440 px, JavaScript on', { width: 1440, height: 900 }, true],
  ['390 px, JavaScript on', { width: 390, height: 844 }, true],
  ['1440 px, JavaScript off', { width: 1440, height: 900 }, false],
  ['390 px, JavaScript off', { width: 390, height: 844 }, false],
]) {
  test(`back up, lose, restore: ${label}`, async () => {
    const name = `${p}${viewport.width}-${javaScriptEnabled ? 'js' : 'plain'}`;
    await docker('run', '-d', '--name', name, '--stop-timeout', '1', '-v', `${name}:/data`, '-e', 'SECRET=hidden-from-pages', 'busybox:local', 'sh', '-c',
      '[ -e /data/file ] || echo "kept by the monkey" > /data/file; exec sleep 1000000');
    await sleep(300);
    const context = await chromium.newContext({ viewport, javaScriptEnabled });
    const page = await context.newPage();
    const trouble = [];
    page.on('console', (m) => { if (m.type() === 'error') trouble.push(m.text()); });
    page.on('pageerror', (e) => trouble.push(String(e)));
    const noSideways = async () => {
      if (!javaScriptEnabled) return;
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${page.url()} scrolls sideways by ${wide} px`);
    };
    // Waits for the end of the job whose page is open: with JavaScript it changes by itself, without it refreshes itself.
    const jobEnds = async () => {
      for (let i = 0; i < 120; i++) {
        const text = await page.locator('main').innerText().catch(() => '');
        if (/\bComplete\b/.test(text)) return;
        assert.doesNotMatch(text, /\b(Failed|Error|Interrupted)\b/, text);
        await sleep(500);
        if (!javaScriptEnabled) await page.reload();
      }
      assert.fail(`the job does not end: ${await page.locator('main').innerText()}`);
    };

    // Log in; the page asked for comes next.
    await page.goto(`${app.url}/containers?q=${name}`);
    assert.match(page.url(), /\/login\?next=/);
    await page.fill('#username', 'admin');
    await page.fill('#password', password);
    await page.click('main button.primary, .login button.primary');
    assert.match(page.url(), new RegExp(`/containers\\?q=${name}`));
    await noSideways();

    // Back it up.
    const row = page.locator('#containers tbody tr', { hasText: name });
    assert.match(await row.innerText(), /Running/);
    assert.match(await row.innerText(), /None/);
    await row.getByRole('button', { name: `Backup ${name}`, exact: true }).click();
    await page.waitForURL(/\/job\//);
    await noSideways();
    await jobEnds();

    // Find it in the vault, verified; look inside.
    await page.goto(`${app.url}/vault?q=${name}`);
    await noSideways();
    const backup = page.locator('tbody tr', { hasText: name }).first();
    assert.match(await backup.innerText(), /Verified/i);
    await backup.locator('a[href^="/backup/"]').first().click();
    await page.waitForURL(/\/backup\//);
    await noSideways();
    const file = decodeURIComponent(new URL(page.url()).pathname.split('/')[2]);
    assert.doesNotMatch(await page.content(), /hidden-from-pages/);
    await page.goto(`${app.url}/backup/${encodeURIComponent(file)}/files?path=${encodeURIComponent(`volumes/${name}`)}`);
    assert.match(await page.locator('main').innerText(), /\bfile\b/);

    // Lose it: container by the page, volume too.
    await page.goto(`${app.url}/containers?q=${name}`);
    const id = (await docker('inspect', '-f', '{{.Id}}', name)).slice(0, 12);
    await page.goto(`${app.url}/container/${id}/delete`);
    await page.check('input[name=delete_volumes]');
    await page.click('main button.danger');
    if (javaScriptEnabled) await page.waitForURL(/\/containers/);
    assert.equal(await dockerOk('inspect', name), false);
    assert.equal(await dockerOk('volume', 'inspect', name), false);

    // Bring it back.
    await page.goto(`${app.url}/restore/${encodeURIComponent(file)}`);
    await noSideways();
    await page.locator('button[name=do][value=restore]').click();
    await page.waitForURL(/\/job\//);
    await jobEnds();
    assert.equal(await docker('exec', name, 'cat', '/data/file'), 'kept by the monkey');
    assert.equal(await docker('inspect', '-f', '{{.State.Running}}', name), 'true');
    assert.deepEqual(trouble, []);
    await context.close();
  });
}

test('a name of 200 characters widens no page, and a job shows every step', async () => {
  const name = p + 'n'.repeat(200 - p.length);
  await docker('run', '-d', '--name', name, '--stop-timeout', '1', 'busybox:local', 'sleep', '1000000');
  await app.login();
  const { id, file } = await app.backup(name);
  const context = await chromium.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${app.url}/login?next=${encodeURIComponent(`/job/${id}`)}`);
  await page.fill('#username', 'admin');
  await page.fill('#password', password);
  await page.click('main button.primary, .login button.primary');
  const steps = await page.locator('[data-job-log] li').allInnerTexts();
  for (const step of ['Ordered', 'Inspecting', 'Saving the image', 'Verifying', 'completed']) {
    assert.ok(steps.some((s) => s.includes(step)), `${step}: ${steps.join(' | ')}`);
  }
  for (const width of [1440, 768, 390]) {
    await page.setViewportSize({ width, height: 900 });
    for (const where of ['/containers', '/vault', '/jobs', '/audit', '/', `/job/${id}`, `/backup/${file}`, `/backup/${file}/files`, `/restore/${file}`]) {
      await page.goto(app.url + where);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${where} scrolls sideways by ${wide} px at ${width} px`);
    }
  }
  await context.close();
});
