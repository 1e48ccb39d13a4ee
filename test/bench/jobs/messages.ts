/** Calls of RFC 2743 §2.3 on an established context. */
import { Enctype, enctypeShortName } from '../../../src/crypto/numbers.ts';
import type { SecurityContext } from '../../../src/index.ts';
import { systemRandom } from '../../../src/index.ts';
import type { Job } from '../job.ts';
import { MessageKind } from '../protocol.ts';
import { median } from '../statistics.ts';

interface Call {
  readonly name: string;
  readonly kind: number;
  /** What the worker needs, made by the initiator. */
  items(client: SecurityContext, message: Uint8Array): Uint8Array[];
}

export function messageJobs(): readonly Job[] {
  const { aes256CtsHmacSha1, ...others } = Enctype;
  const jobs: Job[] = [];
  for (const call of CALLS) {
    for (const [size, label] of SIZES) jobs.push(messageJob(call, size, label, aes256CtsHmacSha1));
  }
  for (const enctype of [
    others.aes128CtsHmacSha1,
    others.aes128CtsHmacSha256,
    others.aes256CtsHmacSha384,
  ]) {
    jobs.push(messageJob(CALLS[0]!, 16_384, '16 KiB', enctype));
  }
  return jobs;
}

function messageJob(call: Call, size: number, label: string, enctype: number): Job {
  const suffix = enctype === Enctype.aes256CtsHmacSha1 ? '' : ` ${enctypeShortName(enctype)}`;
  return {
    name: `${call.name} ${label}${suffix}`,
    bytes: size,
    async prepare(worker, realm) {
      const service = realm.service(enctype);
      await worker.useKeytab(service.keytabPath);
      const initiator = service.initiator();
      const client = initiator.finish(await worker.establish(initiator.begin()));
      const message = new Uint8Array(size);
      systemRandom(message);
      const items = call.items(client, message);
      // About a millisecond a batch on the slowest contender; the clock's own cost is lost in it.
      const calls = Math.max(1, Math.round(BATCH_BYTES / (size + OVERHEAD)));
      return {
        async round(effort) {
          const batches = Math.ceil(BATCHES * effort);
          const { cpu, samples } = await worker.message(call.kind, batches, calls, items);
          return { p50: median(samples) / 1000 / calls, cpu: cpu / 1000 / batches / calls };
        },
      };
    },
  };
}

/** Several tokens, since one that is always the same would be too easy on caches. */
function several(make: () => Uint8Array): Uint8Array[] {
  return Array.from({ length: 4 }, make);
}

const CALLS: readonly Call[] = [
  { name: 'wrap', kind: MessageKind.wrap, items: (_, message) => [message] },
  {
    name: 'unwrap',
    kind: MessageKind.unwrap,
    items: (client, message) => several(() => client.wrap(message)),
  },
  { name: 'wrap signed', kind: MessageKind.wrapSigned, items: (_, message) => [message] },
  {
    name: 'unwrap signed',
    kind: MessageKind.unwrap,
    items: (client, message) => several(() => client.wrap(message, { confidential: false })),
  },
  { name: 'MIC', kind: MessageKind.mic, items: (_, message) => [message] },
  {
    name: 'verify MIC',
    kind: MessageKind.verify,
    items: (client, message) => [message, ...several(() => client.getMic(message))],
  },
];

const SIZES: readonly (readonly [size: number, label: string])[] = [
  [32, '32 B'],
  [1024, '1 KiB'],
  [16_384, '16 KiB'],
  [1_048_576, '1 MiB'],
];

const BATCHES = 40;
const BATCH_BYTES = 65_536;
// What a call costs beside its bytes, as bytes.
const OVERHEAD = 200;
