/** A runner in a process of its own, which is replaced where it does not answer. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job, Outcome } from './runner.ts';

export class RunnerProcess {
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;

  constructor(environment: Readonly<Record<string, string>>) {
    this.#environment = environment;
  }

  /** @returns What came of it; undefined if it took more than `patience` milliseconds. */
  run(job: Job, patience: number): Promise<Outcome | undefined> {
    this.#child ??= fork(fileURLToPath(new URL('runner.js', import.meta.url)), {
      env: { ...process.env, ...this.#environment },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const child = this.#child;
    return new Promise((resolve) => {
      const settle = (outcome: Outcome | undefined): void => {
        clearTimeout(timer);
        child.off('message', answer).off('exit', exit);
        resolve(outcome);
      };
      const answer = (outcome: unknown): void => settle(outcome as Outcome);
      const exit = (code: number | null): void => {
        this.#child = undefined;
        settle({ passed: false, failure: `the process ended with ${code}` });
      };
      const timer = setTimeout(() => {
        this.kill();
        settle(undefined);
      }, patience);
      child.once('message', answer).once('exit', exit);
      child.send(job);
    });
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}
