// SPDX-License-Identifier: GPL-3.0-or-later
// A container with every kind of volume and a small one with a single volume, backups of them, and a program that is
// killed while it restores them.
import { docker, removeAll, before, after, sleep } from '../tools/harness.mjs';
import { Program, container, containers, exists, snapshot, volumes, volumeDir } from './rig.mjs';
import { mkdtempSync, mkdirSync, writeFileSync, readFileSync, rmSync } from 'node:fs';

export const p = `cmfaultr${process.pid}-`;
export const name = `${p}db`;
export const small = `${p}small`;
export const program = new Program();
export const host = mkdtempSync('/tmp/cmfaultr-');
// Points of a restore that only one of what was lost comes by; those past the point of no return.
export const lostPoints = ['restore_image_loaded', 'restore_network_made', 'restore_volume_made'];
export const pastPoints = ['restore_done', 'restore_old_removed'];
export const replaceAll = { replace: true, volumes: 'replace', restore_binds: 'replace' };
// good and small can be restored; the container of bad ends at once; that of lost is lost with everything.
export const files = {};
const command = 'test -f /data/bad && exit 3; trap "exit 0" TERM; while :; do sleep 0.1; done';

async function make() {
  for (const d of ['copied', 'bind']) mkdirSync(`${host}/${d}`, { recursive: true });
  writeFileSync(`${host}/bind/x`, 'saved');
  writeFileSync(`${host}/copied/f`, '1');
  await docker('volume', 'create', '--opt', 'type=none', '--opt', 'o=bind', '--opt', `device=${host}/copied`, `${p}copied`);
  await docker('network', 'create', `${p}net`);
  await docker('run', '-d', '--name', name, '--stop-timeout', '2', '--network', `${p}net`, '-v', `${p}data:/data`, '-v', `${p}copied:/copied`, '-v', '/anon',
    '-v', `${host}/bind:/bind`, 'busybox:local', 'sh', '-c', command);
  await write('1');
  await docker('run', '-d', '--name', small, '--stop-timeout', '1', '-v', `${p}smalldata:/data`, 'busybox:local', 'sh', '-c', command);
  await writeSmall('1');
}

const smallFile = async () => `${await volumeDir(`${p}smalldata`)}/f`;
export const writeSmall = async (text) => writeFileSync(await smallFile(), text);
export const contentsSmall = async () => readFileSync(await smallFile(), 'utf8');

// What there is of ours on the engine.
const names = async () => ({
  volumes: (await volumes()).filter((v) => v.startsWith(p)), containers: (await containers()).map((c) => c.name).filter((n) => n.startsWith(p)).sort(),
});

export async function stateSmall() {
  const c = await container(small);
  return { id: c.Id, running: c.State.Running, paused: c.State.Paused, data: snapshot(await volumeDir(`${p}smalldata`), { inodes: true }), ...await names() };
}

async function places() {
  const c = await container(name);
  return { c, data: await volumeDir(`${p}data`), anon: c.Mounts.find((m) => m.Destination === '/anon').Source, layer: c.GraphDriver.Data.UpperDir };
}

// The same text into every volume and folder, but where the backup must find something else.
export async function write(text) {
  const at = await places();
  mkdirSync(`${at.layer}/etc`, { recursive: true });
  for (const f of [`${at.data}/f`, `${host}/copied/f`, `${at.anon}/f`, `${at.layer}/etc/changed`]) writeFileSync(f, text);
  writeFileSync(`${host}/bind/x`, text === '1' ? 'saved' : text);
}

export async function contents() {
  const at = await places();
  return [`${at.data}/f`, `${host}/copied/f`, `${host}/bind/x`, `${at.anon}/f`, `${at.layer}/etc/changed`].map((f) => readFileSync(f, 'utf8')).join(' ');
}

export async function state() {
  const at = await places();
  return {
    id: at.c.Id, running: at.c.State.Running, paused: at.c.State.Paused, mounts: at.c.Mounts.map((m) => m.Name ?? m.Source).sort(), networks: Object.keys(at.c.NetworkSettings.Networks),
    data: snapshot(at.data, { inodes: true }), copied: snapshot(`${host}/copied`), bind: snapshot(`${host}/bind`), anon: snapshot(at.anon, { inodes: true }),
    changed: readFileSync(`${at.layer}/etc/changed`, 'utf8'), ...await names(),
  };
}

// What differs from an earlier state; an object without a container is different in all.
export async function differences(was, look = state) {
  const now = await look().catch((e) => ({ error: String(e) }));
  return Object.keys(was).filter((k) => JSON.stringify(was[k]) !== JSON.stringify(now[k])).map((k) => `${k}: ${JSON.stringify(now[k] ?? now.error)}`);
}

export async function lostThings() {
  const out = [];
  for (const [kind, n] of [['containers', `${p}lost`], ['volumes', `${p}lostvol`], ['networks', `${p}lostnet`], ['images', `${p}img`], ['images', files.image]])
    if (await exists(kind, n)) out.push(`${kind} ${n}`);
  return out;
}

before(async () => {
  await removeAll(p);
  await make();
  await program.start();
  const backup = async (n) => {
    const id = await program.backup(n);
    await program.settled(`backup of ${n}`, { [id]: ['complete'] });
    return (await program.app.api('GET', `/api/backup-progress/${id}`)).json.backup_filename;
  };
  files.good = await backup(name);
  const { data } = await places();
  writeFileSync(`${data}/bad`, '');
  files.bad = await backup(name);
  rmSync(`${data}/bad`);
  await write('2');
  files.small = await backup(small);
  await writeSmall('2');
  await docker('commit', '-m', String(Date.now()), name, `${p}img`);
  await docker('network', 'create', `${p}lostnet`);
  await docker('run', '-d', '--name', `${p}lost`, '--network', `${p}lostnet`, '-v', `${p}lostvol:/v`, `${p}img`, 'sh', '-c', 'echo 1 >/v/f; exec sleep 1000000');
  files.image = (await container(`${p}lost`)).Image;
  await sleep(300);
  files.lost = await backup(`${p}lost`);
  await docker('rm', '-f', '-v', `${p}lost`);
  await docker('volume', 'rm', `${p}lostvol`);
  await docker('network', 'rm', `${p}lostnet`);
  await docker('rmi', '-f', `${p}img`);
  await program.app.stop();
});
after(async () => {
  await program.app?.kill9();
  await removeAll(p);
  await docker('rmi', '-f', `${p}img`).catch(() => {});
  rmSync(host, { recursive: true, force: true });
});
