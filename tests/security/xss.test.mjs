// SPDX-License-Identifier: GPL-3.0-or-later
// Markup and script in every text that others can choose, looked at in a real browser: nothing runs, nothing becomes an
// element, and the policy is never even asked to stop something.
import { test, assert, before, after, docker, removeAll, startApp, password } from '../tools/harness.mjs';
import { browse } from '../tools/browser.mjs';
import { routeTable, pathOf, personOf, sql } from './rig.mjs';

const app = await startApp();
const name = 'cmsecxss-box';
// For an element, an attribute in either kind of quotes, a script, a template, a URL.
const evil = (mark) => `"'><img src=x onerror="window.stolen='${mark}'"><script>window.stolen='${mark}'</script><b class=injected>${mark}</b>{{{${mark}}}}</title></script>`;
let browser, context, page, backup, jobs;
const violations = [];

before(async () => {
  await docker('run', '-d', '--name', name, '--label', `com.docker.compose.project=${evil('project')}`, '--label', `com.docker.compose.service=${evil('service')}`, '--label', `<b/class>key</b><script>stolen</script>=${evil('label')}`,
    '-e', `TEXT=${evil('environment')}`, '-v', 'cmsecxss-data:/data', '--hostname', 'box', 'busybox:local', 'sh', '-c', `mkdir -p /data/sub && cd /data && : "$1"; printf %s "$1" >'<img src=x onerror=window.stolen=1>'; printf %s "$1" >'sub/"><b class=injected>b'; exec sleep 100000`, 'sh', evil('command'));
  await app.api('POST', '/api/ui/settings/server_name', { value: evil('server') });
  backup = await app.backup(name, { note: evil('note') });
  await app.backup(name, { exec_pre: `sh -c "echo '<b class=injected>x</b><script>window.stolen=1</script>' >&2; exit 3"` }, 'error');
  await app.backup(name, { exec_pre: evil('pre') }, null).catch(() => {});
  await app.api('GET', `/api/container/${encodeURIComponent(evil('id'))}`);
  sql(app, `UPDATE jobs SET title = title || '${evil('title').replaceAll("'", "''")}' WHERE id = '${backup.id}'`);
  await personOf(app, 'viewer', 'mallory');
  sql(app, `UPDATE users SET name = '${evil('user').replaceAll("'", "''").slice(0, 200)}' WHERE name = 'mallory'`);
  jobs = (await app.api('GET', '/api/jobs')).json.jobs.map((j) => j.id);
  browser = await browse();
  context = await browser.newContext();
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
  });
  page = await context.newPage();
  page.on('dialog', (d) => { violations.push(`dialog: ${d.message()}`); d.dismiss(); });
  page.on('console', (m) => { if (/policy|refused to/i.test(m.text())) violations.push(`${page.url()}: ${m.text()}`); });
  await page.goto(`${app.url}/login`);
  await page.fill('input[name=username]', 'admin');
  await page.fill('input[name=password]', password);
  await Promise.all([page.waitForURL((u) => !u.pathname.startsWith('/login')), page.press('input[name=password]', 'Enter')]);
});
after(async () => {
  await browser?.close();
  await removeAll('cmsecxss');
});

async function look(where) {
  await page.goto(app.url + where, { waitUntil: 'load' });
  const found = await page.evaluate(() => ({
    stolen: window.stolen, injected: document.querySelectorAll('.injected, img[src="x"], [onerror]').length, body: document.body.innerText.length,
  }));
  assert.equal(found.stolen, undefined, `${where}: script of ${found.stolen} ran`);
  assert.equal(found.injected, 0, `${where}: an element was made of a text`);
  assert.ok(found.body > 0, where);
  assert.deepEqual(violations, [], where);
}

const pages = routeTable().filter((x) => x.method === 'GET' && x.page && !/(download|export)$/.test(x.id));

test('every page of the table, with hostile names in what it lists', async () => {
  for (const r of pages.filter((x) => x.id !== 'backup_file'))
    for (const id of /<id>/.test(r.page) ? (/job/.test(r.page) ? jobs : [name]) : [''])
      await look(pathOf(r.page, { id, file: backup.file, key: 'server_name' }));
});

test('files of a backup: hostile names and contents', async () => {
  for (const folder of ['/', '/volumes', '/volumes/cmsecxss-data', '/volumes/cmsecxss-data/sub']) await look(`/backup/${backup.file}/files?path=${encodeURIComponent(folder)}`);
  for (const file of ['<img src=x onerror=window.stolen=1>', 'sub/"><b class=injected>b']) await look(`/backup/${backup.file}/file?path=${encodeURIComponent(`/volumes/cmsecxss-data/${file}`)}`);
  const raw = await app.get(`/api/backup/${backup.file}/file?path=${encodeURIComponent('/volumes/cmsecxss-data/<img src=x onerror=window.stolen=1>')}`);
  assert.match(raw.headers['content-disposition'], /^attachment/);
  assert.equal(raw.headers['x-content-type-options'], 'nosniff');
  assert.doesNotMatch(raw.headers['content-type'], /html|svg|script/);
});

test('what comes back from the address: searches, filters, messages', async () => {
  const text = encodeURIComponent(evil('query'));
  for (const r of pages.filter((x) => x.query && !/</.test(x.page)))
    for (const [, field] of r.query.matchAll(/(\w+)\??:/g)) await look(`${r.page}?${field}=${text}`);
  await look(`/no-such-page/${text}`);
  const link = await page.goto(`${app.url}/login?next=${encodeURIComponent('javascript:window.stolen=1')}`);
  assert.ok(new URL(link.url()).origin === app.url);
});

test('pages forbid inline script and foreign sources altogether', async () => {
  for (const where of ['/', '/vault', '/no-such-page']) {
    const policy = (await app.get(where)).headers['content-security-policy'] ?? '';
    assert.match(policy, /default-src 'none'/, where);
    // Pictures may be in the page itself; they run nothing.
    assert.doesNotMatch(policy.replace("img-src 'self' data:", ''), /unsafe|\*|https?:|data:/, where);
    assert.match(policy, /frame-ancestors 'none'/, where);
    assert.match(policy, /base-uri 'none'/, where);
  }
});
