/**
 * GSS_Accept_sec_context: mutual, with a subkey; each client with a ticket of its own, or "again":
 * one that comes again with its ticket, as most do.
 */
import { Enctype, enctypeShortName } from '../../../src/crypto/numbers.ts';
import type { Job } from '../job.ts';
import type { Clients, TokenKind } from '../realm.ts';
import { median } from '../statistics.ts';
import { WorkerProcess } from '../worker-process.ts';

export const acceptJobs: readonly Job[] = [
  acceptJob('plain', Enctype.aes256CtsHmacSha1, true),
  acceptJob('plain', Enctype.aes128CtsHmacSha1, false),
  acceptJob('plain', Enctype.aes128CtsHmacSha256, true),
  acceptJob('plain', Enctype.aes256CtsHmacSha384, true),
  acceptJob('SPNEGO', Enctype.aes256CtsHmacSha1, true),
  acceptJob('PAC', Enctype.aes256CtsHmacSha1, true),
  acceptJob('plain', Enctype.aes256CtsHmacSha1, true, 'returning'),
  acceptJob('PAC', Enctype.aes256CtsHmacSha1, true, 'returning'),
];

/** The first one of a process, whose code has just been loaded. */
export const firstAcceptJob: Job = {
  name: 'first accept',
  needs: 'accept',
  quick: true,
  warmUp: 0,
  async prepare({ name, command }, realm) {
    const service = realm.service(Enctype.aes256CtsHmacSha1);
    return {
      async round() {
        const worker = new WorkerProcess(name, command);
        await worker.useKeytab(service.keytabPath);
        const { cpu, samples } = await worker.accept(service.tokens('plain', 1));
        await worker.stop();
        return { p50: samples[0]! / 1000, cpu: cpu / 1000 };
      },
    };
  },
};

function acceptJob(kind: TokenKind, enctype: number, quick: boolean, clients?: Clients): Job {
  const what = [...(kind === 'plain' ? [] : [kind]), ...(clients === 'returning' ? ['again'] : [])];
  return {
    name: ['accept', ...what, enctypeShortName(enctype)].join(' '),
    needs: 'accept',
    quick,
    async prepare({ worker }, realm) {
      const service = realm.service(enctype);
      await worker.useKeytab(service.keytabPath);
      return {
        async round(effort) {
          const tokens = service.tokens(kind, Math.ceil(CALLS * effort), clients);
          const { cpu, samples } = await worker.accept(tokens);
          return { p50: median(samples) / 1000, cpu: cpu / 1000 / samples.length };
        },
      };
    },
  };
}

const CALLS = 1000;
