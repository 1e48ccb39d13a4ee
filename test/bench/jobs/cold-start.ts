/** What a new process waits for: the import of the built package, and all until its first accept. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { toHex } from '../../../src/bytes.ts';
import { Enctype } from '../../../src/crypto/numbers.ts';
import type { Job, Measurement } from '../job.ts';
import type { ColdStart } from '../workers/cold.ts';

export const coldStartJobs: readonly Job[] = [
  coldJob('import', (report) => ({ p50: report.import, cpu: report.importCpu / 1000 })),
  coldJob('cold start to first accept', (report) => ({
    p50: report.all,
    cpu: report.allCpu / 1000,
  })),
];

function coldJob(name: string, measure: (report: ColdStart) => Measurement): Job {
  return {
    name,
    needs: 'cold start',
    quick: true,
    warmUp: 0,
    async prepare({ built }, realm) {
      const service = realm.service(Enctype.aes256CtsHmacSha1);
      return {
        async round() {
          const [token] = service.tokens('plain', 1);
          const args = [WORKER, built!, service.keytabPath, toHex(token!)];
          const output = execFileSync(process.execPath, args, { encoding: 'utf8' });
          return measure(JSON.parse(output) as ColdStart);
        },
      };
    },
  };
}

const WORKER = join(import.meta.dirname, '../workers/cold.js');
