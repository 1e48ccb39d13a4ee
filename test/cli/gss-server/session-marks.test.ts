import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/bytes.ts';
import { formatEvent } from '../../../src/cli/gss-server/lines.ts';
import { SessionMarks } from '../../../src/cli/gss-server/session-marks.ts';
import type { ConnectionEvent } from '../../../src/node/server/events.ts';

/** What is printed of the events of connections, each with the number of its connection. */
function printed(marks: SessionMarks, events: readonly (readonly [number, ConnectionEvent])[]) {
  return events.flatMap(([id, event]) => {
    const connection = { id, remoteAddress: '192.0.2.7', remotePort: 50_000 + id };
    const blocks = formatEvent({ ...event, connection }, { verbose: false });
    return marks
      .mark({ ...event, connection }, blocks)
      .map(({ to, bytes }) => `${to}: ${Buffer.from(bytes)}`.trimEnd());
  });
}

const GREETING: ConnectionEvent = { type: 'accepted-unauthenticated' };
const GREETED = [
  'log: Accepted unauthenticated connection.',
  'stdout: Accepted unauthenticated connection.',
];
const END: ConnectionEvent = { type: 'finished', framing: 'v2' };
const CLOSE: ConnectionEvent = { type: 'close' };

function message(text: string): ConnectionEvent {
  return { type: 'message', message: encodeUtf8(text), notEncrypted: false };
}

describe('the lines of a client that is not authenticated', () => {
  it('are those of MIT krb5', () => {
    expect(
      printed(new SessionMarks(false), [
        [1, GREETING],
        [1, message('one')],
        [1, message('two')],
        [1, END],
        [1, CLOSE],
      ]),
    ).toEqual([
      ...GREETED,
      'log: Received message: "one"',
      'log: Received message: "two"',
      'log: NOOP token',
    ]);
  });

  it('are marked where another client has the lines before them', () => {
    const error = { type: 'noop-expected', flags: 4 } as const;
    expect(
      printed(new SessionMarks(false), [
        [1, GREETING],
        [2, message('of somebody')],
        [1, message('one')],
        [1, message('two')],
        [3, error],
        [1, END],
        [1, CLOSE],
        // Numbers do not come again, but what was known of this one is forgotten.
        [3, END],
        [1, END],
      ]),
    ).toEqual([
      ...GREETED,
      'log: Received message: "of somebody"',
      'log: Unauthenticated client 192.0.2.7 port 50001:',
      'log: Received message: "one"',
      'log: Received message: "two"',
      'log: Expected NOOP token, got 4 token instead',
      'log: Unauthenticated client 192.0.2.7 port 50001:',
      'log: NOOP token',
      'log: NOOP token',
      'log: NOOP token',
    ]);
  });

  it('are all marked where other processes print to the same place', () => {
    expect(
      printed(new SessionMarks(true), [
        [1, GREETING],
        [1, message('one')],
        [2, message('two')],
      ]),
    ).toEqual([
      ...GREETED,
      'log: Unauthenticated client 192.0.2.7 port 50001:',
      'log: Received message: "one"',
      'log: Received message: "two"',
    ]);
  });

  it('do not concern events without a connection', () => {
    const overload = { type: 'overload', remoteAddress: undefined, limit: 1 } as const;
    const blocks = formatEvent(overload, { verbose: false });
    expect(new SessionMarks(true).mark(overload, blocks)).toBe(blocks);
  });
});
