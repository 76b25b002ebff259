// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of hostile archives share: the program, a container with a volume that an archive may aim at, canaries
// around it, and every way there is to look at an archive or to restore it.
import { docker, inspect, startApp, removeAll, after, assert, sleep, processTree } from '../tools/harness.mjs';
import { execFileSync } from 'node:child_process';
import { request } from 'node:http';
import { createHash } from 'node:crypto';
import { mkdtempSync, mkdirSync, writeFileSync, rmSync, readFileSync, readdirSync, lstatSync, readlinkSync, existsSync } from 'node:fs';
import path from 'node:path';
import { Part, ours } from './forge.mjs';

export const long = process.env.TEST_LONG === '1';
export const enc = encodeURIComponent;

// One question to the engine, without the detour over its command: there are very many to ask here.
const socket = (process.env.DOCKER_HOST ?? '').replace(/^unix:\/\//, '') || '/var/run/docker.sock';
export function engine(where) {
  return new Promise((resolve, reject) => {
    request({ socketPath: socket, path: where }, (res) => {
      const parts = [];
      res.on('data', (c) => parts.push(c));
      res.on('error', reject);
      res.on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString())));
    }).on('error', reject).end();
  });
}

// Everything about a tree, one line a file: content too.
function tree(dir) {
  const out = [];
  const walk = (at, below) => {
    const s = lstatSync(at);
    const what = s.isSymbolicLink() ? readlinkSync(at) : s.isFile() ? createHash('sha256').update(readFileSync(at)).digest('hex') : '';
    out.push(`${below} ${s.mode.toString(8)} ${s.uid}:${s.gid} ${s.nlink} ${s.ino} ${s.isDirectory() ? '' : s.size} ${s.mtimeMs} ${what}`);
    if (s.isDirectory()) for (const n of readdirSync(at).sort()) walk(`${at}/${n}`, `${below}/${n}`);
  };
  walk(dir, '');
  return out.join('\n');
}

// Whatever an archive wanted to write outside bears this word in its name.
function evil() {
  const there = ['/etc', '/root', '/usr/local', '/opt', '/home', '/srv', '/mnt', '/var/spool'].filter((d) => existsSync(d));
  const deep = execFileSync('find', [...there, '-xdev', '-maxdepth', '3', '-name', '*cm-evil*'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return [...deep.split('\n').filter(Boolean), ...['/', '/tmp', '/var', '/var/lib'].flatMap((d) => readdirSync(d).filter((f) => f.includes('cm-evil')))];
}

// more: what the shell puts into the volume (/data) beside one file.
export async function makeRig(tag, { env = {}, more } = {}) {
  const p = `cm${tag}${process.pid}-`, name = `${p}web`;
  const app = await startApp({ env });
  const vault = path.join(app.dataDir, 'backups');
  const work = mkdtempSync(`/tmp/cm${tag}-`);
  const outside = `${work}/outside`;
  const rig = { p, name, app, vault, work, outside, data: `${p}data` };

  after(async () => {
    await removeAll(p);
    rmSync(work, { recursive: true, force: true });
  });
  rig.setUp = async (more = 'true') => {
    mkdirSync(`${outside}/sub`, { recursive: true });
    mkdirSync(`${work}/bind`);
    writeFileSync(`${outside}/file`, 'precious', { mode: 0o600 });
    writeFileSync(`${work}/bind/file`, 'bound');
    await docker('run', '-d', '--name', name, '-v', `${rig.data}:/data`, 'busybox:local', 'sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done');
    await docker('run', '--rm', '--network', 'none', '-v', `${rig.data}:/data`, '-v', `${p}sibling:/sibling`, 'busybox:local', 'sh', '-c', `echo mine >/data/mine; echo theirs >/sibling/theirs; ${more}`);
    rig.config = await inspect(name);
    rig.mountpoint = await docker('volume', 'inspect', '-f', '{{.Mountpoint}}', rig.data);
    rig.was = await rig.state();
  };

  // All that a hostile archive might reach: the container, its volume, the volume beside it, folders of the host.
  rig.state = async () => {
    const [c, containers, volumes] = await Promise.all([engine(`/containers/${name}/json`), engine('/containers/json?all=1'), engine('/volumes')]);
    const folder = path.dirname(path.dirname(rig.mountpoint));
    return {
      id: c.Id, running: c.State.Running, started: c.State.StartedAt, mounts: c.Mounts.map((m) => m.Source).sort(),
      data: tree(rig.mountpoint), sibling: tree(`${folder}/${p}sibling/_data`), outside: tree(outside), bind: tree(`${work}/bind`),
      evil: evil(), data_folder: readdirSync(app.dataDir).sort(),
      containers: containers.map((x) => x.Names[0].slice(1)).filter((n) => n.startsWith(p)).sort(),
      volumes: volumes.Volumes.map((v) => v.Name).filter((v) => v.startsWith(p)).sort(),
    };
  };
  // Containers and volumes of restores: ours, or those of other tests beside this one.
  const passing = async () => {
    const [containers, volumes] = await Promise.all([engine('/containers/json?all=1'), engine('/volumes')]);
    return [...containers.map((x) => x.Names[0].slice(1)), ...volumes.Volumes.map((v) => v.Name)].filter((n) => n.startsWith('cm-restore-'));
  };
  // Nothing was changed and nothing is left; what helpers leave goes away by itself.
  rig.untouched = async (text) => {
    let left = await passing(), now = await rig.state();
    for (const end = Date.now() + 40000; (left.length > 0 || JSON.stringify(now) !== JSON.stringify(rig.was)) && Date.now() < end; now = await rig.state()) {
      await sleep(200);
      const still = await passing();
      left = left.filter((n) => still.includes(n));
    }
    assert.deepEqual(now, rig.was, text);
    assert.deepEqual(left, [], text);
  };

  // The members of an honest backup of the container; parts: what its volume holds.
  rig.members = (over = {}) => ({
    'backup.json': { format: 'container-monkey-backup', version: 1, id: 'x', created_ms: 1790000000000, container_name: name, status: 'stopped', image: { ref: 'busybox:local', id: rig.config.Image, mode: 'reference' } },
    'container_config.json': rig.config,
    'networks.json': [],
    'volumes_info.json': [
      { type: 'volume', name: rig.data, destination: '/data', driver: 'local', options: {}, labels: {}, anonymous: false, rw: true, prefix: `volumes/${rig.data}`, state: 'saved', reason: null }],
    'image.json': { Id: rig.config.Image, RepoTags: ['busybox:local'], Config: {} },
    ...over,
  });
  rig.part = () => new Part(`volumes/${rig.data}`);
  rig.folder = () => rig.part().entry({ path: '.', type: 'd' });
  // An archive of ours whose volume is filled by fill(part).
  rig.forge = (fill, { members, ...options } = {}) => {
    const part = rig.part();
    fill(part);
    return ours({ members: rig.members(members), parts: [part], ...options });
  };

  let count = 0;
  rig.put = (buffer, { file = `${name}_20261122_1845${String(count++).padStart(2, '0')}-abcdef.tar.gz`, companion } = {}) => {
    writeFileSync(path.join(vault, file), buffer);
    if (companion !== undefined) writeFileSync(path.join(vault, `${file}.json`), companion);
    return file;
  };
  rig.drop = (file) => {
    for (const f of [file, `${file}.json`]) rmSync(path.join(vault, f), { force: true });
  };
  rig.refresh = async () => {
    const r = await app.api('POST', '/api/backups/refresh');
    assert.equal(r.status, 200, r.text);
    return r.json;
  };

  // What a verification found: {state: "ok" | "damaged", problems}, or {state: "refused", error}. A file without hashes is
  // "readable" to the program: as good as such a file gets.
  rig.found = (job) => (job.state === 'error' || !job.result ? { state: 'refused', error: job.error ?? JSON.stringify(job) } : { ...job.result, state: job.result.state === 'readable' ? 'ok' : job.result.state });
  rig.verify = async (file, seconds = 300) => {
    await rig.refresh();
    const r = await app.api('POST', `/api/backup/${enc(file)}/verify`);
    if (r.status >= 400) return { state: 'refused', error: r.json.error };
    const id = r.json.job_id ?? r.json.id ?? r.json.progress_id;
    return rig.found(await app.waitJob(id, seconds));
  };

  // Every page and answer about one archive; all of them must be answers: no crash, no failure of the program.
  rig.look = async (file, { where = ['', 'volumes', `volumes/${rig.data}`], pages = false } = {}) => {
    const f = enc(file), out = {};
    out.preview = await app.api('GET', `/api/backup/${f}/preview`);
    out.page = pages ? await app.get(`/backup/${f}`) : out.preview;
    out.restorePage = pages ? await app.get(`/restore/${f}`) : out.preview;
    out.preflight = pages ? await app.api('POST', '/api/restore-backup?preflight=true', { filename: file, replace: true, volumes: 'replace' }) : out.preview;
    out.lists = {};
    for (const w of where) {
      const r = await app.api('GET', `/api/backup/${f}/files?path=${enc(w)}`);
      out.lists[w] = r;
      if (pages) assert.ok((await app.get(`/backup/${f}/files?path=${enc(w)}`)).status < 500);
      for (const e of (r.json?.entries ?? []).slice(0, 8)) {
        if (!e.has_bytes || e.size > 1e6) continue;
        const one = await app.download(`/api/backup/${f}/file?path=${enc(e.path)}&download=1`).catch((error) => ({ status: 0, error: error.message, buffer: Buffer.alloc(0) }));
        (out.fetched ??= {})[e.path] = one;
        if (pages) assert.ok((await app.get(`/backup/${f}/file?path=${enc(e.path)}`)).status < 500, `${file} ${e.path}`);
      }
    }
    for (const [k, r] of [...Object.entries(out.lists), ['preview', out.preview], ['page', out.page], ['restore page', out.restorePage], ['preflight', out.preflight]]) {
      assert.ok(r.status < 500, `${file}: ${k} answers ${r.status}: ${r.text.slice(0, 400)}`);
      if (r.status >= 400 && r.json) assert.match(r.json.error, /\w{3,}.*[.!]?$/, `${k} says why`);
    }
    return out;
  };
  rig.restore = (file, options = {}) => app.restore(file, { replace: true, volumes: 'replace', start: false, ...options });

  // The whole attack: looked at, verified, restored over the living container; nothing changes. verify: the states that
  // are right; the restore is refused unless restore says otherwise.
  rig.attack = async (text, buffer, { verify = ['damaged'], restore = 'refused', companion, file: given, looked = () => {}, options, pages } = {}) => {
    const file = rig.put(buffer, { companion, file: given });
    await rig.refresh();
    const look = await rig.look(file, { pages });
    await looked(look, file);
    const v = await rig.verify(file);
    assert.ok([verify].flat().includes(v.state), `${text}: verified as ${JSON.stringify(v)}`);
    if (v.state === 'damaged') assert.ok(v.problems.length > 0, text);
    if (restore === 'refused') {
      const r = await rig.restore(file, options);
      assert.ok(r.status >= 400 && r.status < 600 && r.status !== 404, `${text}: restore answers ${r.status} ${r.text.slice(0, 300)}`);
      assert.ok(r.json.error.length > 10 && !/internal/i.test(r.json.error), `${text}: ${r.text}`);
      await rig.untouched(text);
      assert.equal((await app.get('/healthz')).status, 200);
      rig.drop(file);
      return { v, look, error: r.json.error, file };
    }
    rig.drop(file);
    return { v, look, file };
  };

  // The largest sum of PSS of the program and of its helpers while work is done, in MB, above what it was before.
  rig.peak = async (fill) => {
    let top = 0, done = false;
    const once = () => {
      let kb = 0;
      const pids = new Set(processTree(app.process.pid));
      for (const d of readdirSync('/proc')) {
        if (!/^\d+$/.test(d)) continue;
        try {
          const exe = readFileSync(`/proc/${d}/cmdline`, 'utf8');
          if (/cm-helper|^\/helper/.test(exe) && !exe.includes('node')) pids.add(Number(d));
        } catch { /* ended */ }
      }
      for (const pid of pids) try { kb += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]); } catch { /* ended */ }
      return kb;
    };
    const watch = (async () => {
      while (!done) {
        top = Math.max(top, once());
        await sleep(40);
      }
    })();
    try {
      const value = await fill();
      return { value, mb: Math.round(top / 1024) };
    } finally {
      done = true;
      await watch;
    }
  };
  await rig.setUp(more);
  return rig;
}
