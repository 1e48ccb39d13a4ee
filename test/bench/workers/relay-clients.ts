/**
 * Clients of IAKERB, as many as it is told, all at once: `relay-clients.js port keytab`. They have several
 * addresses, since a relay bounds what one address may ask.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { parseKeytab } from '../../../src/index.ts';
import { createIakerbInitiator } from '../../../src/testing/index.ts';
import { encodeFrame, Frame, FrameReader } from '../../support/frames.ts';

const [port = '', keytabFile = ''] = process.argv.slice(2);
const keytab = parseKeytab(readFileSync(keytabFile));

/** @returns Milliseconds since 1970 of each answer. */
async function logIn(localAddress: string): Promise<number[]> {
  const initiator = createIakerbInitiator({
    client: 'alice@EXAMPLE.TEST',
    keytab,
    service: 'host/bench.example.test',
  });
  const socket = createConnection({
    port: Number(port),
    host: '127.0.0.1',
    localAddress,
    noDelay: true,
  });
  await once(socket, 'connect');
  const send = (data: Uint8Array): void => {
    socket.write(encodeFrame({ flags: Frame.context, data }));
  };
  socket.write(encodeFrame({ flags: Frame.noop | Frame.contextNext, data: new Uint8Array() }));
  send(initiator.begin().outputToken!);
  const reader = new FrameReader();
  const answers: number[] = [];
  try {
    for await (const chunk of socket) {
      for (const { data } of reader.push(chunk as Buffer)) {
        answers.push(Date.now());
        const step = initiator.step(Uint8Array.from(data));
        if (step.outputToken !== undefined) send(step.outputToken);
        if (step.status === 'complete') return answers;
      }
    }
    throw new Error('the server closed the connection');
  } finally {
    socket.destroy();
  }
}

process.on('message', async ({ logins, network }: Order) => {
  const cpu = process.cpuUsage();
  const begin = Date.now();
  const addresses = Array.from({ length: logins }, (_, at) => `127.0.${network}.${1 + (at % 25)}`);
  const results = await Promise.allSettled(addresses.map(logIn));
  const done = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failures = results.flatMap((one) =>
    one.status === 'rejected' ? [String(one.reason)] : [],
  );
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({
    begin,
    done: done.length,
    first: Math.min(...done.map((times) => times[0]!)),
    answered: Math.max(...done.map((times) => times[0]!)),
    last: Math.max(...done.map((times) => times.at(-1)!)),
    failures: [...new Set(failures)].slice(0, 3),
    cpu: (user + system) / 1e6,
  });
});
process.send?.({});

interface Order {
  readonly logins: number;
  /** The third number of the clients' addresses. */
  readonly network: number;
}
