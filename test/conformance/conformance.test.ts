/** Every adapter under Node.js against the table; `test/runtimes` has the other runtimes. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from './program.ts';
import { startServer } from './program.ts';
import { SERVERS } from './servers.ts';
import { conformance } from './table.ts';

describe.each(SERVERS)('the server $name', ({ name, scheme = 'http', can }) => {
  let server: RunningServer;

  beforeAll(async () => {
    server = await startServer([
      process.execPath,
      join(import.meta.dirname, 'servers', `${name}.mjs`),
    ]);
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
    expect(lines.filter((line) => !/^(?:refused|slow): /.test(line))).toEqual([]);
  });
});
