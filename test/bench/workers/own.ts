/** The contender that all this is about: this library. */
import { readFileSync } from 'node:fs';
import type { Acceptor, SecurityContext } from '../../../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  importSecurityContext,
  parseKeytab,
} from '../../../src/index.ts';
import type { Figures } from '../protocol.ts';
import {
  decodeItems,
  encodeFigures,
  encodeFrame,
  MessageKind,
  Operation,
  readFrames,
} from '../protocol.ts';

let acceptor: Acceptor;
let context: SecurityContext;

for await (const { code, payload } of readFrames(process.stdin)) {
  let reply: Uint8Array;
  try {
    reply = encodeFrame(0, await serve(code, payload));
  } catch (error) {
    reply = encodeFrame(1, Buffer.from(String((error as Error).stack ?? error)));
  }
  process.stdout.write(reply);
}

async function serve(operation: number, payload: Uint8Array): Promise<Uint8Array> {
  switch (operation) {
    case Operation.keytab:
      acceptor = await makeAcceptor(Buffer.from(payload).toString());
      return new Uint8Array();
    case Operation.accept:
      return encodeFigures(await acceptAll(decodeItems(payload)));
    case Operation.context: {
      const established = await accept(payload);
      context = established.context;
      return established.outputToken ?? new Uint8Array();
    }
    case Operation.message:
      return encodeFigures(runMessages(payload));
    case Operation.transfer:
      return encodeFigures(transfer(Buffer.from(payload).readUInt32BE()));
    default:
      throw new Error(`unknown operation ${operation}`);
  }
}

async function makeAcceptor(path: string): Promise<Acceptor> {
  const keytab = parseKeytab(readFileSync(path));
  return createAcceptor({ credential: await acquireCredential({ keytab }) });
}

async function acceptAll(tokens: readonly Uint8Array[]): Promise<Figures> {
  const samples: number[] = [];
  const before = process.cpuUsage();
  for (const token of tokens) {
    const start = performance.now();
    const result = await acceptor.begin().accept(token);
    samples.push((performance.now() - start) * 1e6);
    if (result.status !== 'complete') throw new Error(`not accepted: ${JSON.stringify(result)}`);
    result.context.dispose();
  }
  return { cpu: cpuSince(before), samples };
}

async function accept(token: Uint8Array) {
  const result = await acceptor.begin().accept(token);
  if (result.status !== 'complete') throw new Error(`not accepted: ${JSON.stringify(result)}`);
  return result;
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
    context = importSecurityContext(context.export());
    samples.push((performance.now() - start) * 1e6);
  }
  return { cpu: cpuSince(before), samples };
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}
