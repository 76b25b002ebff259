// SPDX-License-Identifier: GPL-3.0-or-later
// A port before the engine that holds back what it is told to: real requests, which the engine gets later, also when the
// program that sent them is long dead. To the program it is an engine on another machine, so that helpers are attached to:
// the folder of a socket would be gone when the engine gets to make them.
import { createServer, connect } from 'node:net';
import { after } from '../tools/harness.mjs';

const engine = (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');

// hold(/^…/) holds back the next request that matches; its promise is kept, with the first line, when all of it came.
// refuse(/^…/) answers what matches with an error of its own. release() lets it go; answered() is kept when the engine says something to it.
export async function slowEngine() {
  const sockets = new Set();
  const slow = { pattern: null, came: null, release: null, done: () => {} };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const up = connect(engine);
    let held = Promise.resolve();
    let late = false;
    let head = null;
    for (const s of [client, up]) {
      sockets.add(s);
      s.on('error', () => {}).on('close', () => sockets.delete(s));
    }
    client.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (slow.refused?.test(text)) {
        client.write('HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n{"message":"not now, says test"}');
        return;
      }
      if (slow.pattern?.test(text)) {
        slow.pattern = null;
        late = true;
        head = '';
        held = new Promise((resolve) => { slow.release = resolve; });
      }
      if (head !== null) {
        head += text;
        const at = head.indexOf('\r\n\r\n');
        const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
        if (at >= 0 && head.length >= at + 4 + length) {
          slow.came(head.split('\r\n')[0]);
          head = null;
        }
      }
      held = held.then(() => up.write(chunk));
    });
    // A client that died has hung up. What is held back is sent all the same and answered to nobody: the engine would
    // leave off if we hung up too.
    const gone = () => { if (!late) up.end(); };
    client.on('end', gone);
    client.on('close', gone);
    up.on('data', (chunk) => {
      if (late) slow.done();
      if (client.destroyed) up.destroy();
      else client.write(chunk);
    });
    up.on('end', () => client.end());
    // What it said last may still be on its way.
    up.on('close', (broken) => (broken ? client.destroy() : client.end()));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  server.unref();
  after(() => {
    server.close();
    for (const s of sockets) s.destroy();
  });
  slow.host = `tcp://127.0.0.1:${server.address().port}`;
  slow.refuse = (pattern) => { slow.refused = pattern; };
  slow.answered = () => new Promise((resolve) => { slow.done = resolve; });
  slow.hold = (pattern) => {
    slow.pattern = pattern;
    return new Promise((resolve) => { slow.came = resolve; });
  };
  return slow;
}
