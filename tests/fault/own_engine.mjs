// SPDX-License-Identifier: GPL-3.0-or-later
// An engine of this test's own, whose dockerd can be ended, killed, stopped and begun again. Import it first: everything
// after it talks to this engine.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

const script = path.resolve(import.meta.dirname, '../tools/engine.sh');
const name = `own-${process.pid}`;
const sh = (what, ...args) => execFileSync(script, [what, name, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();

sh('start');
process.on('exit', () => sh('stop'));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
sh('run', path.resolve(import.meta.dirname, '../tools/images.sh'));
const dir = sh('dir');
process.env.DOCKER_HOST = `unix://${dir}/run/docker.sock`;

export const begin = () => sh('start');
// TERM and KILL: until it has ended. STOP and CONT: it hangs, and goes on.
export const signal = (which) => sh('kill', which);
// A path of the engine's as it is called out here.
export const outside = (where) => where.replace(/^\/var\/lib\/docker/, `${dir}/docker`);
