// SPDX-License-Identifier: GPL-3.0-or-later
// The console page in a browser: the terminal with typing, colours, sizes, copy and paste, what ends it; the form for one
// command with and without JavaScript. Its own policy is obeyed, axe finds nothing.
import { mkdirSync } from 'node:fs';
import { test, assert, docker, startApp, removeAll, after, before, password } from '../tools/harness.mjs';
import { browse } from '../tools/browser.mjs';
import { axeFindings, sidewaysAt, looks } from './preview.mjs';

const p = 'cmbconsole-';
const app = await startApp();
const browser = await browse();
const shots = process.env.CM_SHOTS; // a folder for pictures
if (shots) mkdirSync(shots, { recursive: true });
let id;

before(async () => {
  await removeAll(p);
  await docker('run', '-d', '--init', '--name', `${p}run`, '-w', '/srv', 'busybox:local', 'sleep', '1000000');
  id = (await docker('inspect', '-f', '{{.Id}}', `${p}run`)).slice(0, 12);
});
after(async () => {
  await browser.close();
  await removeAll(p);
});

async function open(options = {}, where = `/console/${id}`) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.trouble = [];
  page.on('console', (m) => { if (m.type() === 'error' && !/status of 422/.test(m.text())) page.trouble.push(`${page.url()}: ${m.text()}`); });
  page.on('pageerror', (e) => page.trouble.push(`${page.url()}: ${e}`));
  await page.goto(`${app.url}/login?next=${encodeURIComponent(where)}`);
  await page.fill('#username', 'admin');
  await page.fill('#password', password);
  await page.click('.login button.primary');
  await page.waitForURL(app.url + where);
  return page;
}
const screen = (page) => page.locator('.xterm-rows').innerText();
const shows = (page, text) => page.waitForFunction((t) => document.querySelector('.xterm-rows')?.innerText.includes(t), text, { timeout: 15000 });
const state = (page) => page.locator('[data-console-state]');

async function connect(page) {
  await page.click('[data-console-button]');
  await page.waitForFunction(() => /^Connected/.test(document.querySelector('[data-console-state]').textContent), undefined, { timeout: 15000 });
  await shows(page, '#');
}

test('typing a command shows its output, in colours, and stty knows the size of the window', async () => {
  const page = await open();
  assert.match((await page.goto(`${app.url}/console/${id}`)).headers()['content-security-policy'], /style-src 'self' 'nonce-[0-9a-f]{32}'/);
  await connect(page);
  await page.keyboard.type('echo out-$((40+2)); stty size; printf "\\033[31mred\\033[0m \\033[38;2;1;200;30mgreen\\033[0m\\n"\n');
  await shows(page, 'out-42');
  await shows(page, 'green\n');
  const size = async () => (await screen(page)).match(/^(\d+) (\d+)$/gm)?.at(-1).split(' ').map(Number);
  const [rows, cols] = await size();
  assert.ok(rows > 15 && cols > 80, `${rows} x ${cols}`);
  const colour = (text) => page.evaluate((t) => getComputedStyle([...document.querySelectorAll('.xterm-rows span')].find((s) => s.textContent === t)).color, text);
  assert.equal(await colour('green'), 'rgb(1, 200, 30)');
  assert.notEqual(await colour('red'), await colour('green'));
  if (shots) await page.screenshot({ path: `${shots}/terminal-1440.png` });
  await page.setViewportSize({ width: 800, height: 900 });
  await page.waitForTimeout(500);
  await page.keyboard.type('clear; stty size\n');
  await page.waitForFunction((c) => { const m = /^(\d+) (\d+)$/m.exec(document.querySelector('.xterm-rows').innerText); return m && Number(m[2]) < c; }, cols, { timeout: 15000 });
  // Copy and paste.
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData('text/plain', 'echo pasted-$((1+1))');
    document.querySelector('.xterm-helper-textarea').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.keyboard.press('Enter');
  await shows(page, 'pasted-2');
  assert.deepEqual(await axeFindings(page), []);
  // Out of the terminal by keyboard, and the end.
  await page.keyboard.press('Control+Shift+X');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Disconnect');
  await page.keyboard.press('Enter');
  await state(page).getByText('Disconnected').waitFor();
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});

test('a flood leaves the page alive, and ^C stops it', async () => {
  const page = await open();
  await connect(page);
  await page.keyboard.type('yes flood\n');
  await shows(page, 'flood\nflood\nflood');
  await page.waitForTimeout(1500);
  await page.keyboard.press('Control+C');
  await page.keyboard.type('echo alive-$((40+2))\n');
  await shows(page, 'alive-42');
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});

test('a session that ends, and a server that goes, are said; Enter connects again', async () => {
  const page = await open();
  await page.fill('#shell', 'sh');
  await page.fill('#user', '1000');
  await page.fill('#workdir', '/tmp');
  await page.click('[data-console-button]');
  await shows(page, '/tmp $');
  assert.match(page.url(), /shell=sh&user=1000&workdir=%2Ftmp/);
  await page.keyboard.type('exit 5\n');
  await state(page).getByText('exit code 5').waitFor();
  await page.keyboard.press('Enter');
  await state(page).getByText('Connected').waitFor();
  await shows(page, '/tmp $');
  await app.kill9();
  await state(page).getByText('The connection broke').waitFor();
  await app.spawn();
  await page.locator('.xterm').click();
  await page.keyboard.press('Enter');
  await state(page).getByText('Connected').waitFor({ timeout: 20000 });
  await page.context().close();
});

for (const look of looks) {
  test(`the page at ${look.widths.join(', ')} px, ${look.colorScheme}`, async () => {
    const page = await open({ colorScheme: look.colorScheme, reducedMotion: 'reduce', viewport: { width: look.widths[0], height: 900 } });
    page.look = look;
    await page.mouse.move(0, 0);
    assert.deepEqual(await axeFindings(page), []);
    await connect(page);
    await page.keyboard.type('ls -la /\n');
    await shows(page, 'etc');
    assert.deepEqual(await axeFindings(page), []);
    assert.deepEqual(await sidewaysAt(page), []);
    if (shots) for (const width of look.widths) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(300);
      await page.screenshot({ path: `${shots}/console-${width}-${look.colorScheme}.png`, fullPage: true });
    }
    assert.deepEqual(page.trouble, []);
    await page.context().close();
  });
}

test('one command without JavaScript', async () => {
  const page = await open({ javaScriptEnabled: false });
  assert.equal(await page.locator('[data-console]').isVisible(), false);
  await page.fill('#command', 'sh -c "echo hello; echo oh >&2; exit 2"');
  await page.fill('#command-user', '1000');
  await page.click('.console-command button');
  assert.match(await page.locator('.console-result').innerText(), /Exit code 2/);
  assert.match(await page.locator('.log-lines').innerText(), /hello\s+oh/);
  assert.equal(await page.inputValue('#command-user'), '1000');
  await page.context().close();
});

test('from the list of containers', async () => {
  const page = await open({}, '/containers');
  await page.locator(`summary[aria-label="More actions for ${p}run"]`).click();
  await page.click(`a[href="/console/${id}"]:visible`);
  assert.equal(await page.locator('h1').innerText(), `Console of ${p}run`);
  await page.context().close();
});
