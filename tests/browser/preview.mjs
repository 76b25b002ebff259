// SPDX-License-Identifier: GPL-3.0-or-later
// Shows the fixtures of the views as pages, with the real template engine, the real assets and the real policy:
//
//   node tests/browser/preview.mjs                 serves them on loopback, for looking and editing
//   node tests/browser/preview.mjs shoot DIR [NAME…]   takes pictures: each at 1440, 768 and 390 px, light and dark
//   node tests/browser/preview.mjs check [NAME…]   asks axe, and looks for sideways scrolling, errors, broken policy
//
// Build first: make assets build/tests/mustache_run
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const build = path.resolve(root, process.env.B || 'build');
const views = path.join(root, 'tests/fixtures/views');
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

export function fixtures() {
  return readdirSync(views).filter((f) => f.endsWith('.json') && !f.startsWith('_')).map((f) => f.slice(0, -5)).sort();
}

function templates(dir = path.join(root, 'templates'), prefix = '') {
  const found = {};
  for (const e of readdirSync(dir, { withFileTypes: true })) {
    if (e.isDirectory()) Object.assign(found, templates(path.join(dir, e.name), `${prefix}${e.name}/`));
    else if (e.name.endsWith('.mustache')) found[prefix + e.name.slice(0, -9)] = readFileSync(path.join(dir, e.name), 'utf8');
  }
  return found;
}

function assetNames() {
  const lines = readFileSync(path.join(build, 'assets/assets.txt'), 'utf8').trim().split('\n').map((l) => l.split(' '));
  const byName = Object.fromEntries(lines);
  return {
    app_css: `/assets/${byName['app.css']}`, app_js: `/assets/${byName['app.js']}`,
    console_css: `/assets/${byName['console.css']}`, console_js: `/assets/${byName['console.js']}`, xterm_js: `/assets/${byName['xterm.js']}`,
    sprite: `/assets/${byName['icons.svg']}`, favicon: `/assets/${byName['favicon.svg']}`, licences: `/assets/${byName['licences.txt']}`,
  };
}

export function render(name, theme = 'system') {
  const read = (f) => JSON.parse(readFileSync(path.join(views, `${f}.json`), 'utf8'));
  const view = { ...read('_context'), ...read(name) };
  view.assets = assetNames();
  Object.assign(view, { theme, is_system: theme === 'system', is_light: theme === 'light', is_dark: theme === 'dark' });
  for (const item of view.nav) item.is_current = item.href === `/${view.page.id.split('_')[0]}`;
  const partials = templates();
  const input = JSON.stringify({ template: partials[`pages/${view.page.id}`], partials, data: view });
  const run = spawnSync(path.join(build, 'tests/mustache_run'), { input: `${input}\n`, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (run.status !== 0) throw new Error(`mustache_run: ${run.stderr || run.error}`);
  const answer = JSON.parse(run.stdout);
  if (answer.error) throw new Error(`${name}: ${answer.error}`);
  return answer.output;
}

const types = { '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };

export function serve(port = 0) {
  const server = createServer((req, res) => {
    const url = new URL(req.url, 'http://localhost');
    try {
      if (url.pathname.startsWith('/assets/')) {
        const name = path.basename(url.pathname);
        let data;
        try {
          data = readFileSync(path.join(build, 'assets', name));
        } catch {
          data = gunzipSync(readFileSync(path.join(build, 'assets', `${name}.gz`)));
        }
        res.writeHead(200, { 'content-type': types[path.extname(name)] });
        return res.end(data);
      }
      if (url.pathname === '/api/system-stats') {
        res.writeHead(200, { 'content-type': 'application/json' });
        return res.end('{"cpu_count":8,"cpu_percent":17.4,"memory_percent":41.2,"memory_total_mb":16384,"memory_used_mb":6750}');
      }
      if (url.pathname.startsWith('/api/')) {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        return res.write(': nothing happens here\n\n');
      }
      const name = url.pathname.slice(1);
      const found = fixtures();
      const body = found.includes(name) ? render(name, url.searchParams.get('theme') || 'system') :
        `<!doctype html><html lang="en"><title>Fixtures</title><main><h1>Fixtures</h1>${found.map((f) => `<p><a href="/${f}">${f}</a></p>`).join('')}</main></html>`;
      res.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy });
      return res.end(body);
    } catch (e) {
      res.writeHead(500, { 'content-type': 'text/plain' });
      return res.end(String(e.stack));
    }
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

export const widths = [1440, 768, 390];

async function each(names, fn) {
  const { browse } = await import('../tools/browser.mjs');
  const server = await serve();
  const browser = await browse();
  const list = names.length ? fixtures().filter((f) => names.some((n) => f === n || f.startsWith(`${n}.`))) : fixtures();
  try {
    for (const name of list) await fn(browser, name, `http://127.0.0.1:${server.address().port}/${name}`);
  } finally {
    await browser.close();
    server.closeAllConnections?.();
    server.close();
  }
}

async function shoot(dir, names) {
  mkdirSync(dir, { recursive: true });
  const only = process.env.ONLY?.split(',');
  await each(names, async (browser, name, url) => {
    for (const width of widths) {
      for (const theme of ['light', 'dark']) {
        if (only && !only.includes(`${width}-${theme}`)) continue;
        const context = await browser.newContext({
          viewport: { width, height: 900 }, colorScheme: theme, hasTouch: width === 390, isMobile: width === 390,
          javaScriptEnabled: process.env.JS !== 'off',
        });
        const page = await context.newPage();
        await page.goto(url, { waitUntil: 'load' });
        if (process.env.CLICK) await page.click(process.env.CLICK);
        await page.screenshot({ path: path.join(dir, `${name}-${width}-${theme}.png`), fullPage: process.env.FULL !== 'off' });
        await context.close();
      }
    }
  });
}

const axeSource = () => readFileSync(path.join(root, 'tests/node_modules/axe-core/axe.min.js'), 'utf8');

// What axe has against the page that is open, one line each.
export async function axeFindings(page) {
  await page.evaluate(axeSource());
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary.split('\n')[1] ?? ''}`).join(' | ')}`);
}

// By how many pixels the page is wider than the screen.
export async function sideways(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

// How a test looks at a page: axe at the first width, and at every width whether it fits.
export const looks = [{ colorScheme: 'light', widths: [1440, 768, 390] }, { colorScheme: 'dark', widths: [390, 768, 1440] }];
export async function sidewaysAt(page) {
  const over = [];
  for (const width of page.look.widths) {
    await page.setViewportSize({ width, height: 900 });
    const by = await sideways(page);
    if (by > 0) over.push(`at ${width} px it scrolls sideways by ${by} px`);
  }
  return over;
}

async function check(names) {
  let bad = 0;
  const complain = (...words) => {
    bad++;
    console.log(...words);
  };
  await each(names, async (browser, name, url) => {
    for (const width of widths) {
      for (const theme of ['light', 'dark']) {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme, reducedMotion: 'reduce' });
        const page = await context.newPage();
        page.on('console', (m) => ['error', 'warning'].includes(m.type()) && complain(name, width, theme, m.text()));
        page.on('pageerror', (e) => complain(name, width, theme, String(e)));
        await page.goto(url, { waitUntil: 'load' });
        const over = await sideways(page);
        if (over > 0) complain(name, width, theme, `scrolls sideways by ${over} px`);
        for (const line of await axeFindings(page)) complain(name, width, theme, line);
        await context.close();
      }
    }
  });
  console.log(bad ? `${bad} complaints` : 'nothing found');
  process.exitCode = bad ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [what, ...rest] = process.argv.slice(2);
  if (what === 'shoot') await shoot(rest[0], rest.slice(1));
  else if (what === 'check') await check(rest);
  else {
    const server = await serve(Number(process.env.PORT || 8099));
    console.log(`http://127.0.0.1:${server.address().port}/`);
  }
}
