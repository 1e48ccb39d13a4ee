/** How many bytes a live context takes: prints them as JSON. To be run with --expose-gc. */
import { readFileSync } from 'node:fs';
import { Enctype } from '../../../src/crypto/numbers.ts';
import type { SecurityContext } from '../../../src/index.ts';
import { acquireCredential, createAcceptor, nobleCrypto, parseKeytab } from '../../../src/index.ts';
import { nodeCrypto } from '../../../src/node/crypto.ts';
import { BenchRealm } from '../realm.ts';

const COUNT = 4000;
const MESSAGE = new Uint8Array(64);
// RFC 4121 §4.2.6.2: header, confounder, message, header and HMAC; §4.2.6.1: header and HMAC.
const WRAP_LENGTH = 16 + 16 + 64 + 16 + 12;
const SENT_LENGTH = WRAP_LENGTH + 16 + 12;

const option = { noble: { crypto: nobleCrypto }, node: { crypto: nodeCrypto }, default: {} }[
  process.argv[2] as 'noble' | 'node' | 'default'
];
const realm = new BenchRealm();
const service = realm.service(Enctype.aes256CtsHmacSha1);
const keytab = parseKeytab(readFileSync(service.keytabPath), option);
realm.remove();
const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });

// What clients will send lies in one piece that is there from the start.
const sent = new Uint8Array(COUNT * SENT_LENGTH);
const contexts: SecurityContext[] = [];
// What is compiled on the way is not of a context.
for (let i = 0; i < COUNT; i++) await accept(i);
for (let i = 0; i < COUNT; i++) use(i);
contexts.length = 0;
const before = held();
for (let i = 0; i < COUNT; i++) await accept(i);
const idle = held();
for (let i = 0; i < COUNT; i++) use(i);
const used = held();
console.log(JSON.stringify({ idle: (idle - before) / COUNT, used: (used - before) / COUNT }));

async function accept(i: number): Promise<void> {
  const initiator = service.initiator();
  const result = await acceptor.begin().accept(initiator.begin());
  if (result.status !== 'complete') throw new Error('not accepted');
  contexts.push(result.context);
  const client = initiator.finish(result.outputToken);
  sent.set(client.wrap(MESSAGE), i * SENT_LENGTH);
  sent.set(client.getMic(MESSAGE), i * SENT_LENGTH + WRAP_LENGTH);
}

/** All four calls: afterwards every key that a context can have is in use. */
function use(i: number): void {
  const context = contexts[i]!;
  const token = sent.subarray(i * SENT_LENGTH, (i + 1) * SENT_LENGTH);
  context.unwrap(token.subarray(0, WRAP_LENGTH));
  context.verifyMic(MESSAGE, token.subarray(WRAP_LENGTH));
  context.wrap(MESSAGE);
  context.getMic(MESSAGE);
}

function held(): number {
  globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
