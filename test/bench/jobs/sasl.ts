/** The layer of SASL's GSSAPI with confidentiality, in frames of 64 KiB. */
import { Enctype } from '../../../src/crypto/numbers.ts';
import { systemRandom } from '../../../src/index.ts';
import type { SaslSession } from '../../../src/sasl/index.ts';
import type { Job } from '../job.ts';
import { MessageKind } from '../protocol.ts';
import type { BenchService } from '../realm.ts';
import { median } from '../statistics.ts';
import type { WorkerProcess } from '../worker-process.ts';

export function saslJobs(): readonly Job[] {
  return [saslJob('SASL wrap', MessageKind.frames), saslJob('SASL unwrap', MessageKind.unframe)];
}

function saslJob(name: string, kind: number): Job {
  return {
    name: `${name} 64 KiB`,
    needs: 'sasl',
    quick: true,
    bytes: FRAME,
    async prepare({ worker }, realm) {
      const service = realm.service(Enctype.aes256CtsHmacSha1);
      await worker.useKeytab(service.keytabPath);
      return {
        async round(effort) {
          const batches = Math.ceil(BATCHES * effort);
          const client = await connect(worker, service);
          const message = new Uint8Array(client.maxMessage);
          systemRandom(message);
          // Frames count: each can be unwrapped once only.
          const items =
            kind === MessageKind.frames
              ? [message]
              : Array.from({ length: batches * CALLS }, () => client.wrap(message));
          const { cpu, samples } = await worker.message(kind, batches, CALLS, items);
          client.dispose();
          return { p50: median(samples) / 1000 / CALLS, cpu: cpu / 1000 / batches / CALLS };
        },
      };
    },
  };
}

/** @returns The client's side. */
async function connect(worker: WorkerProcess, service: BenchService): Promise<SaslSession> {
  const client = service.saslClient();
  let challenge = await worker.saslStep(true, client.begin());
  for (;;) {
    const { response, session } = client.step(challenge);
    challenge = await worker.saslStep(false, response);
    if (session !== undefined) return session;
  }
}

const FRAME = 65_536;
const BATCHES = 30;
const CALLS = 2;
