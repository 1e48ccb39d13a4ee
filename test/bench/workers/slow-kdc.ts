/** A KDC over UDP and TCP that can be told how long each of its answers takes: `slow-kdc.js keytab user.keytab`. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { formatKeytab } from '../../../src/index.ts';
import { createRealm } from '../../../src/testing/index.ts';

const [keytabFile = '', userKeytabFile = ''] = process.argv.slice(2);
const realm = createRealm({ services: ['host/bench.example.test'] });
writeFileSync(keytabFile, formatKeytab(realm.keytab));
writeFileSync(userKeytabFile, formatKeytab(realm.userKeytab('alice')));

// Milliseconds.
let delay = 0;
const asked = { udp: 0, tcp: 0 };
const later = (answer: () => void): void => void setTimeout(answer, delay);
const answer = (message: Uint8Array) => realm.answer(Uint8Array.from(message));

const tcp = createServer((socket) => {
  asked.tcp++;
  let received = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (piece: Buffer) => {
    received = Buffer.concat([received, piece]);
    if (received.length < 4 || received.length < 4 + received.readUInt32BE()) return;
    const message = received.subarray(4);
    later(() => {
      // The relay may have had its answer over UDP.
      if (socket.destroyed) return;
      const bytes = answer(message);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      socket.end(Buffer.concat([length, bytes]));
    });
  });
});
tcp.listen({ port: 0, host: '127.0.0.1', backlog: 2048 });
await once(tcp, 'listening');
const { port } = tcp.address() as AddressInfo;
const udp = createSocket({ type: 'udp4', recvBufferSize: 8 * 1024 * 1024 });
udp.on('message', (message, from) => {
  asked.udp++;
  later(() => udp.send(answer(message), from.port, from.address));
});
udp.bind(port, '127.0.0.1');
await once(udp, 'listening');
let begin = process.cpuUsage();
process.on('message', (order: { readonly delay?: number }) => {
  if (order.delay !== undefined) {
    ({ delay } = order);
    begin = process.cpuUsage();
    Object.assign(asked, { udp: 0, tcp: 0 });
  }
  const { user, system } = process.cpuUsage(begin);
  process.send?.({ cpu: (user + system) / 1e6, asked });
});
process.send?.({ port });
