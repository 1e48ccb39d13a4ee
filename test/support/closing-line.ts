import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a run with `N passed, N failed, N skipped` alone on a line, for machines that read the output, and fails a run
 * in CI in which no test was executed.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    // Errors outside of any test, such as a global setup that failed.
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        counts[test.result().state]++;
        tests++;
      }
      // A file that fails before its tests are known has none to count.
      if (!module.ok() && tests === 0) {
        counts.failed++;
      }
    }
    // A test that was never decided, because the run was cut short, did not pass.
    counts.failed += counts.pending;
    const executed = counts.passed + counts.failed;
    if (executed + counts.skipped === 0) {
      // The run did not get as far as its tests.
      counts.failed = 1;
    }
    if (executed === 0 && process.env.CI !== undefined) {
      process.exitCode = 1;
    }
    // After the summary of the default reporter, which prints at the same event.
    setImmediate(() => {
      console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    });
  }
}
