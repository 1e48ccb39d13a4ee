/** Calls of RFC 2743 §2.3 on an established context. */
import { Enctype, enctypeShortName } from '../../../src/crypto/numbers.ts';
import type { SecurityContext } from '../../../src/index.ts';
import { systemRandom } from '../../../src/index.ts';
import type { Job } from '../job.ts';
import { MessageKind } from '../protocol.ts';
import { median } from '../statistics.ts';

export function messageJobs(): readonly Job[] {
  const jobs = CALLS.flatMap((call) =>
    SIZES.map((size) => messageJob(call, size, Enctype.aes256CtsHmacSha1)),
  );
  const [wrap] = CALLS;
  for (const enctype of OTHER_ENCTYPES) jobs.push(messageJob(wrap!, 16_384, enctype));
  return jobs;
}

interface Call {
  readonly name: string;
  readonly kind: number;
  /** What the worker needs, made by the initiator. */
  items(client: SecurityContext, message: Uint8Array): Uint8Array[];
}

function messageJob(call: Call, size: number, enctype: number): Job {
  const usual = enctype === Enctype.aes256CtsHmacSha1;
  // About a millisecond a batch on the slowest contender: the clock's own cost is lost in it.
  const calls = Math.max(1, Math.round(BATCH_BYTES / (size + OVERHEAD)));
  return {
    name: `${call.name} ${formatSize(size)}${usual ? '' : ` ${enctypeShortName(enctype)}`}`,
    needs: 'messages',
    quick: usual && (size === 32 || size === 16_384) && QUICK.includes(call.name),
    bytes: size,
    async prepare({ worker }, realm) {
      const service = realm.service(enctype);
      await worker.useKeytab(service.keytabPath);
      const initiator = service.initiator();
      const client = initiator.finish(await worker.establish(initiator.begin()));
      const message = new Uint8Array(size);
      systemRandom(message);
      const items = call.items(client, message);
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

function formatSize(size: number): string {
  if (size < 1024) return `${size} B`;
  return size < 1_048_576 ? `${size / 1024} KiB` : `${size / 1_048_576} MiB`;
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

const QUICK: readonly string[] = ['wrap', 'unwrap', 'MIC'];

const SIZES: readonly number[] = [32, 1024, 16_384, 1_048_576];
const OTHER_ENCTYPES: readonly number[] = [
  Enctype.aes128CtsHmacSha1,
  Enctype.aes128CtsHmacSha256,
  Enctype.aes256CtsHmacSha384,
];

const BATCHES = 40;
const BATCH_BYTES = 65_536;
// What a call costs beside its bytes, as bytes.
const OVERHEAD = 200;
