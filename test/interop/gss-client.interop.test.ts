import { describe, expect, it } from 'vitest';
import { exchanges, runGssClient } from '../support/gss-client.ts';
import { have, kinit } from '../support/realm.ts';
import { MIT_SERVER, startServer } from '../support/server.ts';

describe.runIf(have('gss-client'))('gss-client', () => {
  it('works', async () => {
    await using server = await startServer({ command: MIT_SERVER, flags: ['-verbose'] });
    const user = await kinit();
    const result = await runGssClient({ port: server.port, user });
    expect(exchanges(result)).toEqual({ verified: 1, answered: 0 });
    await server.untilPrinted('NOOP token');
  });
});
