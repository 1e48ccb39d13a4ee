/** GSS_Accept_sec_context on AP-REQs of 700 bytes, mutual, with a subkey. */
import { Enctype, enctypeShortName } from '../../../src/crypto/numbers.ts';
import type { Job } from '../job.ts';
import { median } from '../statistics.ts';

export const acceptJobs: readonly Job[] = [
  Enctype.aes256CtsHmacSha1,
  Enctype.aes128CtsHmacSha1,
  Enctype.aes128CtsHmacSha256,
  Enctype.aes256CtsHmacSha384,
].map(acceptJob);

function acceptJob(enctype: number): Job {
  return {
    name: `accept ${enctypeShortName(enctype)}`,
    async prepare(worker, realm) {
      const service = realm.service(enctype);
      await worker.useKeytab(service.keytabPath);
      return {
        async round(effort) {
          const tokens = service.tokens(Math.ceil(CALLS * effort));
          const { cpu, samples } = await worker.accept(tokens);
          return { p50: median(samples) / 1000, cpu: cpu / 1000 / samples.length };
        },
      };
    },
  };
}

const CALLS = 1000;
