import { defineConfig } from 'vitest/config';
import { POSIX_ONLY } from './test/support/posix-only.ts';
import { propertyFactor } from './test/support/properties.ts';
import { HANGING } from './test/support/until.ts';

const leftOut = process.platform === 'win32' ? POSIX_ONLY : [];
if (leftOut.length > 0) console.warn(`left out, because they need POSIX: ${leftOut.join(', ')}`);

export default defineConfig({
  test: {
    // Programs are run as programs: what only starts as a process of its own is not counted here.
    coverage: {
      include: ['src/**'],
      exclude: ['src/cli/*/main.ts', 'src/node/server/workers.ts'],
      reporter: ['text', 'text-summary'],
    },
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**', 'test/runtimes/**', ...leftOut],
          // Files below the entries do not load the default provider of keys; the entries do.
          setupFiles: ['test/support/property-runs.ts', 'src/crypto/default-crypto.ts'],
          // Against hanging only: the machine may be slow and busy.
          testTimeout: 300_000 * Math.max(1, propertyFactor),
          hookTimeout: 300_000,
          expect: { poll: { timeout: HANGING, interval: 5 } },
          // Vitest would leave one processor to itself, which needs none while files run.
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Real peers over TCP: one file at a time, with time for Java to start on a busy machine.
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts', 'test/runtimes/*.test.ts'],
          globalSetup: ['test/support/kdc.ts'],
          setupFiles: ['src/crypto/default-crypto.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // A server may write its log after its answer.
          expect: { poll: { timeout: HANGING } },
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
