/** The tests of one server: the table, and that nothing unexpected is in its log. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from './program.ts';
import { startServer } from './program.ts';
import type { ServerProgram } from './servers.ts';
import { conformance } from './table.ts';

/** @param runtime - The command line that runs a script. */
export function describeServer(program: ServerProgram, runtime: readonly string[]): void {
  const script = join(SERVER_PROGRAMS, `${program.name}.mjs`);
  describeCommand(program, async () => [...runtime, script]);
}

/** @param prepare - Gives the command line of the server. */
export function describeCommand(
  { name, scheme = 'http', can }: ServerProgram,
  prepare: () => Promise<readonly string[]>,
): void {
  describe(`the server ${name}`, () => {
    let server: RunningServer;

    beforeAll(async () => {
      server = await startServer(await prepare());
    });

    afterAll(() => server?.stop());

    const target = {
      get url() {
        return `${scheme}://localhost:${server.port}`;
      },
      get keytab() {
        return server.keytab;
      },
      log: () => server.log(),
    };

    it.each([...conformance(target, can)])('$name', async ({ run }) => {
      await run();
    });

    it('is still there, and has printed nothing but refusals', async () => {
      const lines = server
        .log()
        .split('\n')
        .filter((line) => line !== '');
      expect(lines.filter((line) => !EXPECTED.test(line))).toEqual([]);
    });
  });
}

/** The folder of the programs. */
export const SERVER_PROGRAMS: string = join(import.meta.dirname, 'servers');
/**
 * Deno.serve prints a notice, once, where anything waits for the signal of a request; the runtime prints the
 * first client of each reason for which a server has no hook.
 */
const EXPECTED =
  /^(?:refused: |slow: |Deno\.serve: request\.signal aborts on successful responses|.*a client was not let in: |\(Use `(?:node|bun) --trace-warnings)/;
