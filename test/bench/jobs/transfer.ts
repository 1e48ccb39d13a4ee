/** GSS_Export_sec_context and GSS_Import_sec_context, one after the other. */
import { Enctype } from '../../../src/crypto/numbers.ts';
import type { Job } from '../job.ts';
import { median } from '../statistics.ts';

export const transferJob: Job = {
  name: 'export and import',
  needs: 'transfer',
  quick: false,
  async prepare({ worker }, realm) {
    const service = realm.service(Enctype.aes256CtsHmacSha1);
    await worker.useKeytab(service.keytabPath);
    await worker.establish(service.initiator().begin());
    return {
      async round(effort) {
        const { cpu, samples } = await worker.transfer(Math.ceil(CALLS * effort));
        return { p50: median(samples) / 1000, cpu: cpu / 1000 / samples.length };
      },
    };
  },
};

const CALLS = 1000;
