/** The contender that all this is about: this library. */
import { readFileSync } from 'node:fs';
import type { Acceptor, AcceptResult, SecurityContext } from '../../../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  importSecurityContext,
  nobleCrypto,
  parseKeytab,
} from '../../../src/index.ts';
import { nodeCrypto } from '../../../src/node/crypto.ts';
import type { SaslExchange, SaslSession } from '../../../src/sasl/index.ts';
import { createSaslServer } from '../../../src/sasl/index.ts';
import type { Figures } from '../protocol.ts';
import { decodeItems, encodeFigures, MessageKind, Operation } from '../protocol.ts';
import { cpuSince, serveRequests } from './serve.ts';

// The default is what the library has without an option.
const option = { noble: { crypto: nobleCrypto }, node: { crypto: nodeCrypto }, default: {} }[
  process.argv[2] as 'noble' | 'node' | 'default'
];
let acceptor: Acceptor;
let context: SecurityContext;
let exchange: SaslExchange;
let session: SaslSession;

await serveRequests(async (operation, payload) => {
  switch (operation) {
    case Operation.keytab:
      acceptor = await makeAcceptor(Buffer.from(payload).toString());
      return new Uint8Array();
    case Operation.accept:
      return encodeFigures(await acceptAll(decodeItems(payload)));
    case Operation.context: {
      const established = complete(await acceptor.begin().accept(payload));
      context = established.context;
      return established.outputToken ?? new Uint8Array();
    }
    case Operation.message:
      return encodeFigures(runMessages(payload));
    case Operation.sasl:
      if (payload[0] === 1) exchange = createSaslServer({ acceptor }).begin('GSSAPI');
      return stepSasl(payload.subarray(1));
    case Operation.transfer:
      return encodeFigures(transfer(Buffer.from(payload).readUInt32BE()));
    default:
      throw new Error(`unknown operation ${operation}`);
  }
});

async function makeAcceptor(path: string): Promise<Acceptor> {
  const keytab = parseKeytab(readFileSync(path), option);
  return createAcceptor({ credential: await acquireCredential({ keytab }) });
}

async function acceptAll(tokens: readonly Uint8Array[]): Promise<Figures> {
  const samples: number[] = [];
  const before = process.cpuUsage();
  for (const token of tokens) {
    const start = performance.now();
    const result = await acceptor.begin().accept(token);
    samples.push((performance.now() - start) * 1e6);
    complete(result).context.dispose();
  }
  return { cpu: cpuSince(before), samples };
}

function complete(result: AcceptResult) {
  if (result.status === 'failed') throw result.error;
  if (result.status === 'continue') throw new Error('not complete after one token');
  return result;
}

async function stepSasl(response: Uint8Array): Promise<Uint8Array> {
  const result = await exchange.step(response);
  if (result.status === 'failed') throw result.error;
  if (result.status === 'continue') return result.challenge;
  session = result.session;
  return new Uint8Array();
}

function runMessages(payload: Uint8Array): Figures {
  const view = Buffer.from(payload);
  const batches = view.readUInt32BE(1);
  const calls = view.readUInt32BE(5);
  const call = messageCall(payload[0]!, decodeItems(payload.subarray(9)));
  const samples: number[] = [];
  const before = process.cpuUsage();
  for (let batch = 0, n = 0; batch < batches; batch++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) call(n++);
    samples.push((performance.now() - start) * 1e6);
  }
  return { cpu: cpuSince(before), samples };
}

function messageCall(kind: number, items: readonly Uint8Array[]): (n: number) => unknown {
  const [message = new Uint8Array(), ...mics] = items;
  switch (kind) {
    case MessageKind.wrap:
      return () => context.wrap(message);
    case MessageKind.wrapSigned:
      return () => context.wrap(message, { confidential: false });
    case MessageKind.unwrap:
      return (n) => context.unwrap(items[n % items.length]!);
    case MessageKind.frames:
      return () => session.wrap(message);
    case MessageKind.unframe:
      return (n) => session.unwrap(items[n]!);
    case MessageKind.mic:
      return () => context.getMic(message);
    case MessageKind.verify:
      return (n) => context.verifyMic(message, mics[n % mics.length]!);
    default:
      throw new Error(`unknown kind of message ${kind}`);
  }
}

function transfer(calls: number): Figures {
  const samples: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i++) {
    const start = performance.now();
    context = importSecurityContext(context.export(), option);
    samples.push((performance.now() - start) * 1e6);
  }
  return { cpu: cpuSince(before), samples };
}
