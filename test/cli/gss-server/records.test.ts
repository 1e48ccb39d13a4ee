/** The records of gss-server: one line for each client, from real exchanges. */
import { describe, expect, it } from 'vitest';

import { formatRecord, formatRecordOf, recordOf } from '../../../src/cli/gss-server/records.ts';
import type { RecordFormat } from '../../../src/cli/record.ts';
import type { AcceptResult } from '../../../src/index.ts';
import { explain, GssError, Mechanism } from '../../../src/index.ts';
import type { ConnectionEvent } from '../../../src/node/server/events.ts';
import { createInitiator } from '../../../src/testing/index.ts';
import { CLIENT, makeParties, NOW, SERVICE } from '../../support/realm-kit.ts';

const CONNECTION = { id: 7, remoteAddress: '192.0.2.7', remotePort: 50_000 };
const AES = 'aes256-cts-hmac-sha1-96';
const TIME = Date.UTC(2026, 10, 28, 22, 51, 7, 123);

function line(event: ConnectionEvent, format: RecordFormat): string | undefined {
  const record = recordOf({ ...event, connection: CONNECTION });
  return record && Buffer.from(formatRecord(record, format, TIME).bytes).toString();
}

async function refusal(): Promise<ConnectionEvent> {
  const { initiator, begin } = await makeParties({ acceptor: { clock: () => NOW + 600_000 } });
  return refused(await begin().accept(initiator.begin()));
}

function refused(result: AcceptResult): ConnectionEvent {
  if (result.status !== 'failed') throw new Error(`not refused: ${result.status}`);
  const { error, request = {} } = result;
  return { type: 'gss-error', stage: 'accepting context', error, request };
}

describe('a refused client', () => {
  it('is one line with everything that is known', async () => {
    expect(line(await refusal(), 'text')).toMatch(
      new RegExp(
        '^2026-11-28T22:51:07\\.123Z refused connection=7 peer=192\\.0\\.2\\.7:50000 ' +
          `client=${CLIENT} service=${SERVICE} kvno=1 enctype=${AES} sessionEnctype=${AES} ` +
          'reason=\\S+ text="[^\\n]+" remedy="[^\\n]+"\\n$',
      ),
    );
  });

  it('is a JSON object', async () => {
    const json = line(await refusal(), 'json')!;
    expect(json).toMatch(/^\{[^\n]+\}\n$/);
    expect(JSON.parse(json)).toEqual({
      time: '2026-11-28T22:51:07.123Z',
      event: 'refused',
      connection: 7,
      peer: '192.0.2.7:50000',
      client: CLIENT,
      service: SERVICE,
      kvno: 1,
      enctype: AES,
      sessionEnctype: AES,
      code: 'KRB_AP_ERR_SKEW',
      reason: expect.any(String),
      text: expect.any(String),
      remedies: [expect.any(String), ...anything(JSON.parse(json).remedies.length - 1)],
      ...(JSON.parse(json).detail && { detail: expect.any(Object) }),
    });
  });

  it('whose text would break a line or an object does not', async () => {
    const text = 'a\nb \u202e "c" \u{e0001}';
    const refusal = { reason: 'server.log-file', detail: { path: text } } as const;
    const error = await explain(new GssError('GSS_S_FAILURE', refusal));
    const event: ConnectionEvent = { type: 'gss-error', stage: 'accepting context', error };
    const json = line(event, 'json')!;
    expect(JSON.parse(json).text).toBe(`${text} cannot be written`);
    expect(json).not.toMatch(/[\p{Cf}]|\n./u);
    expect(line(event, 'text')).not.toMatch(/[\p{Cf}]|\n./u);
  });
});

describe('an accepted client', () => {
  it('is one line, with what is missing', async () => {
    const { initiator, begin } = await makeParties();
    const result = await begin().accept(initiator.begin());
    if (result.status !== 'complete') throw new Error('not accepted');
    const { context } = result;
    const json = line({ type: 'accepted', context, framing: 'v2' }, 'json')!;
    expect(JSON.parse(json)).toEqual({
      time: '2026-11-28T22:51:07.123Z',
      event: 'accepted',
      connection: 7,
      peer: '192.0.2.7:50000',
      client: CLIENT,
      service: SERVICE,
      kvno: 1,
      enctype: AES,
      sessionEnctype: AES,
      messageEnctype: AES,
      flags: expect.arrayContaining(['mutual', 'integrity']),
      notes: [expect.stringMatching(/^delegation\./)],
    });
    expect(line({ type: 'accepted', context, framing: 'v2' }, 'text')).toMatch(
      /^2026\S+ accepted connection=7 peer=\S+ client=\S+ .* notes=delegation\.\S+\n$/,
    );
  });

  it('has a record only where MIT prints nothing beside it, or if asked for', async () => {
    const event = { type: 'accepted-unauthenticated', connection: CONNECTION } as const;
    expect(formatRecordOf(event, { format: 'text', accepted: false })).toEqual([]);
    expect(formatRecordOf(event, { format: 'text', accepted: true })).toHaveLength(1);
  });

  it('without a context is told apart', () => {
    const text = line({ type: 'accepted-unauthenticated' }, 'text');
    expect(text).toContain(' accepted connection=7 peer=192.0.2.7:50000 ');
    expect(text).toContain('reason=policy.unauthenticated');
  });
});

describe('a client that goes away', () => {
  it('in the middle of the handshake has a probable reason', async () => {
    const { ticket, begin } = await makeParties();
    const mechanisms = [Mechanism.ntlmssp, Mechanism.krb5];
    const initiator = createInitiator({ ticket, clock: () => NOW, spnego: { mechanisms } });
    const handshake = begin();
    await handshake.accept(initiator.begin());
    const text = line({ type: 'abandoned', error: handshake.abandonment! }, 'text');
    expect(text).toMatch(/ abandoned connection=7 peer=\S+ reason=\S+ text=".*NTLM.*" remedy="/);
  });

  it.each([
    [{ reason: 'ended', truncation: { part: 'data', read: 3, expected: 9 } }, 'server.client-gone'],
    [{ reason: 'timeout', limit: '60 seconds without a context' }, 'server.client-silent'],
    [{ reason: 'too-long', text: 'a token of 9 bytes' }, 'token.too-long'],
    [{ reason: 'aborted' }, 'server.stopping'],
  ] as const)('by %j has the reason %s', (failure, reason) => {
    const text = line({ type: 'channel-error', failure, sendingContextToken: false }, 'text');
    expect(text).toContain(` closed connection=7 peer=192.0.2.7:50000 reason=${reason} text=`);
  });

  it('and has no record of its own if the server was full: there may be thousands', () => {
    const failure = { reason: 'displaced' } as const;
    const event: ConnectionEvent = { type: 'channel-error', failure, sendingContextToken: false };
    expect(line(event, 'text')).toBeUndefined();
  });

  it('has one record, that of the probable reason', () => {
    const truncation = { part: 'flags', read: 0, expected: 1 } as const;
    const event = { type: 'channel-error', sendingContextToken: false, abandoned: true } as const;
    expect(line({ ...event, failure: { reason: 'ended', truncation } }, 'text')).toBeUndefined();
    const silent = { reason: 'timeout', limit: '60 seconds without a context' } as const;
    expect(line({ ...event, failure: silent }, 'text')).toContain('reason=server.client-silent');
  });

  it('after checking the port is no line', () => {
    const truncation = { part: 'flags', read: 0, expected: 1 } as const;
    const failure = { reason: 'ended', truncation, probe: true } as const;
    const event: ConnectionEvent = { type: 'channel-error', failure, sendingContextToken: false };
    expect(line(event, 'text')).toBeUndefined();
  });
});

function anything(count: number): unknown[] {
  return new Array(count).fill(expect.any(String));
}
