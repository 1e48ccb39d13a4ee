/** Buffers of Node.js, whose slice() does not copy, as arguments. */
import { expect, test } from 'vitest';
import { importSecurityContext } from '../../src/index.ts';
import { establish, makeParties } from '../support/realm-kit.ts';

test('a token in a Buffer is only read', async () => {
  const { initiator, begin } = await makeParties();
  const token = Buffer.from(initiator.begin());
  const before = Buffer.from(token);
  expect((await begin().accept(token)).status).toBe('complete');
  expect(token).toEqual(before);
});

test.each([{ confidential: true }, { confidential: false }])(
  'a wrapped message in a Buffer is only read, and unwraps into memory of its own (%o)',
  async (options) => {
    const { client, server } = await establish();
    const token = Buffer.from(client.wrap(Buffer.from('hello'), options));
    const before = Buffer.from(token);
    const { message } = server.unwrap(token);
    expect(token).toEqual(before);
    token.fill(0xee);
    expect(message).toEqual(Uint8Array.from(Buffer.from('hello')));
  },
);

test('an exported context in a Buffer may be wiped once it is imported', async () => {
  const { client, server } = await establish();
  const bytes = Buffer.from(server.export());
  const imported = importSecurityContext(bytes);
  bytes.fill(0);
  expect(imported.unwrap(client.wrap(Buffer.from('x'))).confidential).toBe(true);
  expect(imported.initiator.principal?.components).toEqual(['alice']);
});
