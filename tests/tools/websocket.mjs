// SPDX-License-Identifier: GPL-3.0-or-later
// A small websocket client (RFC 6455), since Debian's node has none. It reads only as fast as it is asked to: pause()
// and resume() stop and go on, so that a slow reader can be played.
//
//   const ws = await openSocket(app.url + '/api/…', headers);   // { status } when the handshake was refused
//   ws.text(string); ws.binary(Buffer); ws.on('text' | 'binary' | 'close', fn); ws.close(); ws.destroy();
import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

class Socket extends EventEmitter {
  constructor(socket, head) {
    super();
    this.socket = socket;
    this.rest = head;
    this.closed = new Promise((resolve) => this.once('close', resolve));
    socket.on('data', (c) => this.take(c));
    socket.on('error', () => {});
    socket.on('close', () => this.emit('close', this.code));
    if (head.length) setImmediate(() => this.take(Buffer.alloc(0)));
  }

  take(c) {
    this.rest = Buffer.concat([this.rest, c]);
    for (;;) {
      const b = this.rest;
      if (b.length < 2) return;
      let len = b[1] & 0x7f, at = 2;
      if (b[1] & 0x80) throw new Error('the server masks');
      if (len === 126 || len === 127) {
        at = len === 126 ? 4 : 10;
        if (b.length < at) return;
        len = len === 126 ? b.readUInt16BE(2) : Number(b.readBigUInt64BE(2));
      }
      if (b.length < at + len) return;
      const data = b.subarray(at, at + len);
      this.rest = b.subarray(at + len);
      const op = b[0] & 15;
      if (op === 1) this.emit('text', data.toString());
      else if (op === 2) this.emit('binary', data);
      else if (op === 9) this.frame(10, data);
      else if (op === 8) {
        this.code = data.length >= 2 ? data.readUInt16BE(0) : 1005;
        this.frame(8, data);
        this.socket.end();
      }
    }
  }

  frame(op, data, fin = 0x80) {
    const len = data.length, mask = randomBytes(4);
    const head = Buffer.alloc(len < 126 ? 2 : len < 65536 ? 4 : 10);
    head[0] = fin | op;
    head[1] = 0x80 | (len < 126 ? len : len < 65536 ? 126 : 127);
    if (head.length === 4) head.writeUInt16BE(len, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(len), 2);
    const body = Buffer.from(data);
    for (let i = 0; i < len; i++) body[i] ^= mask[i & 3];
    if (!this.socket.destroyed) this.socket.write(Buffer.concat([head, mask, body]));
  }

  text(s) { this.frame(1, Buffer.from(s)); }
  binary(b) { this.frame(2, Buffer.from(b)); }
  close() { this.frame(8, Buffer.from([3, 0xe8])); }
  pause() { this.socket.pause(); }
  resume() { this.socket.resume(); }
  destroy() { this.socket.destroy(); return this.closed; }
}

export function openSocket(url, headers = {}) {
  return new Promise((resolve, reject) => {
    const key = randomBytes(16).toString('base64');
    const make = url.startsWith('https') ? httpsRequest : httpRequest;
    const req = make(url, {
      agent: false, rejectUnauthorized: false,
      headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': key, ...headers },
    });
    req.on('upgrade', (res, socket, head) => {
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      if (res.headers['sec-websocket-accept'] !== accept) reject(new Error('a wrong answer to the handshake'));
      else resolve(new Socket(socket, head));
    });
    req.on('response', (res) => {
      const parts = [];
      res.on('data', (c) => parts.push(c));
      res.on('end', () => resolve({ status: res.statusCode, text: Buffer.concat(parts).toString() }));
    });
    req.on('error', reject);
    req.end();
  });
}
