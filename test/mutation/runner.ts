/**
 * A process that runs test files again and again, each time with other sources in the place of
 * those on disk. It is killed where a mutant keeps it from ending.
 */
import { resolve } from 'node:path';
import type { TestSpecification, Vitest } from 'vitest/node';
import { BaseSequencer, createVitest } from 'vitest/node';
import { HANGING } from '../support/until.ts';

export interface Job {
  /** Absolute path of a source, and what it holds this time. */
  readonly sources: Readonly<Record<string, string>>;
  /** Absolute paths, in the order in which they run; none means all of them. */
  readonly tests: readonly string[];
  /** Note which blocks each test file goes through. */
  readonly probe: boolean;
}

export interface Outcome {
  readonly passed: boolean;
  /** The first test that failed, or what kept the tests from running. */
  readonly failure?: string;
  /** The test file that it is in. */
  readonly file?: string;
}

class InGivenOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files;
  }
}

class Runner {
  #vitest: Vitest | undefined;
  #sources: Readonly<Record<string, string>> = {};

  async run({ sources, tests, probe }: Job): Promise<Outcome> {
    this.#vitest ??= await this.#start(probe);
    const vitest = this.#vitest;
    for (const path of [...Object.keys(this.#sources), ...Object.keys(sources)]) {
      vitest.invalidateFile(path);
    }
    this.#sources = sources;
    const all = await vitest.globTestSpecifications();
    const chosen = tests.map((path) => all.find(({ moduleId }) => moduleId === path)!);
    vitest.state.filesMap.clear();
    const run = await vitest.runTestSpecifications(tests.length === 0 ? all : chosen);
    for (const module of run.testModules) {
      const file = module.moduleId;
      for (const error of module.errors()) return { passed: false, failure: error.message, file };
      for (const { fullName } of module.children.allTests('failed')) {
        return { passed: false, failure: fullName, file };
      }
    }
    for (const error of run.unhandledErrors) return { passed: false, failure: String(error) };
    return { passed: true };
  }

  async #start(probe: boolean): Promise<Vitest> {
    const vitest = await createVitest(
      'test',
      {
        config: false,
        watch: false,
        include: ['test/**/*.test.ts'],
        exclude: EXCLUDED,
        reporters: [{}],
        pool: 'threads',
        maxWorkers: 1,
        // With probes each file loads its own modules: what they do then counts for it.
        isolate: probe,
        setupFiles: probe ? [resolve('test/mutation/setup.ts')] : [],
        bail: probe ? 0 : 1,
        // On a busy machine a test that takes long is no test that fails.
        testTimeout: 300_000,
        expect: { poll: { timeout: HANGING, interval: 5 } },
        sequence: { sequencer: InGivenOrder },
      },
      {
        plugins: [
          {
            name: 'other-sources',
            enforce: 'pre',
            transform: (_code: string, id: string) => this.#sources[id],
          },
        ],
      },
    );
    await vitest.standalone();
    return vitest;
  }
}

/** They need processes of their own, which vitest's threads are not. */
const EXCLUDED = [
  'test/interop/**',
  'test/node/**',
  'test/cli/gss-server/shared-replay-cache.test.ts',
];

const runner = new Runner();
process.on('message', async (job: Job) => {
  const outcome = await runner
    .run(job)
    .catch((error: unknown) => ({ passed: false, failure: String(error) }));
  process.send!(outcome);
});
