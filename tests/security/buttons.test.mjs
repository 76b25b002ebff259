// SPDX-License-Identifier: GPL-3.0-or-later
// Nobody is shown what they may not: every form, button and link on every page, for each role, leads to a row of the
// route table that this role may use.
import { test, assert, docker, startApp, removeAll, after } from '../tools/harness.mjs';
import { routeTable, pathOf, personOf } from './rig.mjs';

const p = 'cmbuttons-';
const ranks = ['none', 'viewer', 'developer', 'admin'];
const table = routeTable();
await removeAll(p);
await docker('run', '-d', '--name', `${p}one`, '-v', `${p}one:/data`, '-l', `com.docker.compose.project=${p}shop`, '-l', 'com.docker.compose.service=one', 'busybox:local', 'sleep', '100000');
const app = await startApp();
const id = (await docker('inspect', '-f', '{{.Id}}', `${p}one`)).slice(0, 12);
const backup = await app.backup(`${p}one`);
after(() => removeAll(p));

// The row of a path, words before captures, as the program finds it.
function rowOf(method, path) {
  const fits = table.filter((r) => r.method === method && r.page && new RegExp(`^${r.page.replace(/<\w+>/g, '[^/]+')}$`).test(path));
  return fits.sort((a, b) => (a.page.match(/</g) ?? []).length - (b.page.match(/</g) ?? []).length)[0];
}

const thing = (page) => /^\/(volume|volumes)\//.test(page) ? `${p}one` : /^\/stacks?\//.test(page) ? `${p}shop` : /^\/jobs?\//.test(page) ? backup.id : /^\/images?\//.test(page) ? 'busybox:local' : id;
const decode = (s) => s.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&quot;', '"');

for (const role of ['viewer', 'developer', 'admin']) {
  test(`a ${role} is offered nothing that a ${role} may not`, async () => {
    const person = role === 'admin' ? app : await personOf(app, role);
    let pages = 0, offers = 0;
    for (const r of table.filter((x) => x.method === 'GET' && x.page && !/(download|export|stream|save|logout)/.test(x.id))) {
      const name = thing(r.page);
      const where = pathOf(r.page, { id: name, name, file: backup.file });
      const answer = await person.get(where);
      const may = ranks.indexOf(r.role) <= ranks.indexOf(role);
      if (!may) {
        assert.equal(answer.status, 403, `${where} as ${role}`);
        continue;
      }
      if (answer.status !== 200 || !/html/.test(answer.headers['content-type'])) continue;
      pages++;
      const found = [];
      // A form is offered by its buttons; one that only holds a table together is none.
      const target = (attributes) => decode(/\baction="([^"]*)"/.exec(attributes)?.[1] || where);
      for (const [, attributes, inside] of answer.text.matchAll(/<form\b([^>]*method="post"[^>]*)>([^]*?)<\/form>/g)) {
        const own = [...inside.matchAll(/<button\b([^>]*)>/g)].some(([, b]) => !/formaction|type="button"|\bform=/.test(b));
        if (own) found.push(['POST', target(attributes)]);
      }
      for (const [, action] of answer.text.matchAll(/\bformaction="([^"]*)"/g)) found.push(['POST', decode(action)]);
      for (const [, href] of answer.text.matchAll(/<a\b[^>]*\bhref="([^"#]+)"/g)) found.push(['GET', decode(href)]);
      for (const [method, url] of found) {
        if (!url.startsWith('/') || url.startsWith('/assets/') || url.startsWith('/api/')) continue;
        const path = url.split(/[?#]/)[0];
        const row = rowOf(method, path) ?? (method === 'POST' ? undefined : null);
        assert.notEqual(row, undefined, `${where} as ${role}: ${method} ${path} is no row of the table`);
        if (row === null) continue;
        offers++;
        assert.ok(ranks.indexOf(row.role) <= ranks.indexOf(role), `${where} as ${role}: ${method} ${path} needs ${row.role}`);
      }
    }
    assert.ok(pages > 15 && offers > 100, `${pages} pages with ${offers} offers`);
  });
}
