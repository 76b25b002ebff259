// SPDX-License-Identifier: GPL-3.0-or-later
// What counts as a difference between before and after a restore. Everything that is left out has its reason beside it.
import { readFileSync } from 'node:fs';
import assert from 'node:assert/strict';

// Paths of `docker inspect` that the engine makes anew for each container.
const generated = [
  ['Id', 'a new container has a new id'],
  ['Created', 'it was created when it was restored'],
  ['State.StartedAt', 'a time'], ['State.FinishedAt', 'a time'], ['State.Pid', 'a new process'],
  ['State.Health.Log', 'the checks since its start'],
  ['ExecIDs', 'what is run inside at that moment: the health check'],
  ['LogPath', 'has the id in it'], ['HostnamePath', 'has the id in it'], ['HostsPath', 'has the id in it'], ['ResolvConfPath', 'has the id in it'],
  ['GraphDriver.Data', 'folders of the new container'],
  ['NetworkSettings.SandboxID', 'an id'], ['NetworkSettings.SandboxKey', 'an id'],
  ['NetworkSettings.Networks.*.NetworkID', 'an id'], ['NetworkSettings.Networks.*.EndpointID', 'an id'],
  ['NetworkSettings.EndpointID', 'an id'],
  ['NetworkSettings.Networks.*.MacAddress', 'made from the address or at random'], ['NetworkSettings.MacAddress', 'made from the address or at random'],
];
// Only where nobody asked for an address.
const chosen = ['IPAddress', 'GlobalIPv6Address'];

const dropPath = (o, [key, ...rest]) => {
  if (o === null || typeof o !== 'object') return;
  if (key === '*') for (const k of Object.keys(o)) dropPath(o[k], rest);
  else if (rest.length === 0) delete o[key];
  else dropPath(o[key], rest);
};

function containerView(c) {
  // The engine adds the short id to the aliases, and uses it as the host name when none was given.
  const o = JSON.parse(JSON.stringify(c).replaceAll(c.Id, '<id>').replaceAll(c.Id.slice(0, 12), '<short id>'));
  for (const [where] of generated) dropPath(o, where.split('.'));
  for (const n of Object.values(o.NetworkSettings.Networks)) {
    if (!n.IPAMConfig?.IPv4Address) delete n[chosen[0]];
    if (!n.IPAMConfig?.IPv6Address) delete n[chosen[1]];
    n.Aliases?.sort(); // a set
  }
  // The default network's address is there twice; it cannot be asked for.
  for (const k of chosen) delete o.NetworkSettings[k];
  // A port without a number was left to the engine.
  for (const [port, list] of Object.entries(o.HostConfig.PortBindings ?? {}))
    list?.forEach((b, i) => { if (b.HostPort === '' && o.NetworkSettings.Ports[port]?.[i]) o.NetworkSettings.Ports[port][i].HostPort = '<chosen>'; });
  for (const m of o.Mounts) {
    // An anonymous volume's name is an id.
    if (/^[0-9a-f]{64}$/.test(m.Name ?? '')) { m.Source = m.Source.replace(m.Name, '<anonymous>'); m.Name = '<anonymous>'; }
  }
  o.Mounts.sort((a, b) => (a.Destination < b.Destination ? -1 : 1)); // the engine's order is that of a hash table
  return o;
}

function leaves(o, at, out) {
  if (o !== null && typeof o === 'object' && Object.keys(o).length > 0) for (const k of Object.keys(o)) leaves(o[k], `${at}${at ? '.' : ''}${k}`, out);
  else out.set(at, JSON.stringify(o));
  return out;
}

// { differences: ["path: before -> after"], compared: how many values }
export function inspectDifferences(before, after) {
  const a = leaves(containerView(before), '', new Map());
  const b = leaves(containerView(after), '', new Map());
  const all = [...new Set([...a.keys(), ...b.keys()])];
  return { compared: all.length, differences: all.filter((k) => a.get(k) !== b.get(k)).map((k) => `${k}: ${a.get(k)} -> ${b.get(k)}`) };
}

export function volumeView({ CreatedAt, ...v }) {
  assert.ok(CreatedAt);
  return v;
}

export function networkView({ Id, Created, Containers, ...n }) {
  assert.ok(Id && Created && Containers);
  return n;
}

// Beside the writable layer the engine makes these for each container, under it.
const engineMade = [/^\.dockerenv f /, /^etc\/mtab l /];

const parse = (line) => {
  const [name, type, ...rest] = line.split(' ');
  return { name, type, fields: new Map(rest.map((f) => [f.slice(0, f.indexOf('=')), f.slice(f.indexOf('=') + 1)])) };
};

function lineDifference(x, y) {
  const a = parse(x);
  const b = parse(y);
  if (a.name !== b.name) return `names differ: ${a.name} | ${b.name}`;
  if (a.type !== b.type) return `${a.name}: type ${a.type} -> ${b.type}`;
  const out = [];
  for (const k of new Set([...a.fields.keys(), ...b.fields.keys()])) {
    const [v, w] = [a.fields.get(k), b.fields.get(k)];
    // Space on the disk: also holds the file system's own tables, which depend on what is free.
    if (v === w || (k === 'blocks' && Math.abs(Number(v) - Number(w)) <= Math.max(32, Number(v) * 0.02))) continue;
    out.push(`${k} ${v?.slice(0, 80)} -> ${w?.slice(0, 80)}`);
  }
  return out.length > 0 ? `${a.name}: ${out.join(', ')}` : null;
}

const linesOf = (file) => readFileSync(file).toString('latin1').split('\n').filter((l) => l !== '' && !engineMade.some((e) => e.test(l)) && !/^\S+ s /.test(l));

export function treeLines(file) {
  return linesOf(file).length;
}

// Sockets cannot be kept: the backup says so, and the lists go on without them.
export function treeDifferences(before, after) {
  const a = linesOf(before);
  const b = linesOf(after);
  const out = [];
  for (let i = 0, k = 0; (i < a.length || k < b.length) && out.length < 1000;) {
    const x = a[i]?.split(' ', 1)[0];
    const y = b[k]?.split(' ', 1)[0];
    if (x === y) {
      const d = a[i] === b[k] ? null : lineDifference(a[i], b[k]);
      if (d) out.push(d);
      i++; k++;
    } else if (x === undefined || (y !== undefined && b.slice(k, k + 5000).some((l) => l.split(' ', 1)[0] === x))) {
      out.push(`${y}: was not there`);
      k++;
    } else {
      out.push(`${x}: is missing`);
      i++;
    }
  }
  return out;
}
