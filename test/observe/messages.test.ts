/** The messages of a context, as they are published while someone listens. */
import { expect, it } from 'vitest';
import { ChannelName } from '../../src/observe/channels.ts';
import { listen } from '../support/channels.ts';
import { CLIENT, establish } from '../support/realm-kit.ts';

const MESSAGE = new Uint8Array(5).fill(0x41);

it('are published with operation, size and order, and failures with a reason', async () => {
  const { client, server } = await establish();
  const first = client.wrap(MESSAGE);
  using published = listen(ChannelName.message);
  server.unwrap(first);
  server.unwrap(first);
  server.wrap(MESSAGE, { confidential: false });
  server.getMic(MESSAGE);
  expect(() => server.verifyMic(MESSAGE, first)).toThrow();
  const facts = published.messages.map(({ attributes, error }) => ({
    operation: attributes['kerberos.message.operation'],
    size: attributes['kerberos.message.size'],
    confidential: attributes['kerberos.message.confidential'],
    sequence: attributes['kerberos.message.sequence'],
    reason: attributes['error.type'],
    failed: error !== undefined,
  }));
  const ok = { sequence: undefined, reason: undefined, failed: false };
  expect(facts).toEqual([
    { ...ok, operation: 'unwrap', size: first.length, confidential: true },
    { ...ok, operation: 'unwrap', size: first.length, confidential: true },
    {
      operation: undefined,
      size: undefined,
      confidential: undefined,
      sequence: 'duplicate',
      reason: 'message.duplicate',
      failed: false,
    },
    { ...ok, operation: 'wrap', size: 5, confidential: false },
    { ...ok, operation: 'getMic', size: 5, confidential: undefined },
    {
      ...ok,
      operation: 'verifyMic',
      size: 5,
      confidential: undefined,
      reason: expect.stringMatching(/^message\./),
      failed: true,
    },
  ]);
  for (const { attributes } of published.messages) expect(attributes['enduser.id']).toBe(CLIENT);
});

it('are not looked at while nobody listens', async () => {
  const { client, server } = await establish();
  const published = listen(ChannelName.message);
  published[Symbol.dispose]();
  server.unwrap(client.wrap(MESSAGE));
  expect(published.messages).toEqual([]);
});
