/** Which requests the replay cache is asked about, and how a replay is refused. */
import { describe, expect, it } from 'vitest';
import type { AcceptResult, KerberosError, ReplayRecord } from '../../src/index.ts';
import { Enctype, MemoryReplayCache, NameType } from '../../src/index.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import {
  CLIENT,
  makeKeytab,
  makeParties,
  NOW,
  NOW_SECONDS,
  SERVICE,
} from '../support/realm-kit.ts';

function minorOf(result: AcceptResult): KerberosError {
  if (result.status !== 'failed' || result.error.minor === undefined) {
    throw new Error(`expected a refusal, got ${result.status}`);
  }
  return result.error.minor;
}

const REFUSED: readonly (readonly [string, string, ExchangeOptions])[] = [
  [
    'has ended',
    'KRB_AP_ERR_TKT_EXPIRED',
    { ticket: { authTime: 1_000_000_000, endTime: 1_000_036_000 } },
  ],
  ['begins tomorrow', 'KRB_AP_ERR_TKT_NYV', { ticket: { startTime: NOW_SECONDS + 86_400 } }],
  ['is not validated', 'KRB5KRB_AP_ERR_TKT_INVALID', { ticket: { flags: 0x0100_0000 } }],
  [
    'has a session key of an enctype that is not permitted',
    'KRB5_NOPERM_ETYPE',
    {
      ticket: { sessionEnctype: Enctype.aes128CtsHmacSha1 },
      acceptor: { permittedEnctypes: [Enctype.aes256CtsHmacSha1] },
    },
  ],
  [
    'has an enctype that is not permitted',
    'KRB5_NOPERM_ETYPE',
    {
      ticket: { sessionEnctype: Enctype.aes128CtsHmacSha1 },
      acceptor: { permittedEnctypes: [Enctype.aes128CtsHmacSha1] },
    },
  ],
  [
    'comes with a subkey of an enctype that is not permitted',
    'KRB5_NOPERM_ETYPE',
    {
      initiator: { subkeyEnctype: Enctype.aes128CtsHmacSha1 },
      acceptor: { permittedEnctypes: [Enctype.aes256CtsHmacSha1] },
    },
  ],
  [
    'has a critical element that nobody knows',
    'KRB5_CRITICAL_AUTHDATA',
    {
      ticket: { authorizationData: [{ type: 999, data: new Uint8Array(4) }] },
    },
  ],
  [
    'comes from a clock that is an hour off',
    'KRB_AP_ERR_SKEW',
    {
      initiator: { clock: () => NOW - 3_600_000 },
    },
  ],
];

describe('the replay cache', () => {
  it.each(REFUSED)('is not asked about a request whose ticket %s', async (_, code, options) => {
    const replayCache = new MemoryReplayCache({ clock: () => NOW });
    const { initiator, begin } = await makeParties({
      ...options,
      acceptor: { ...options.acceptor, replayCache },
    });
    const token = initiator.begin();
    for (const _time of ['first', 'second']) {
      expect(minorOf(await begin().accept(token)).code).toBe(code);
    }
    expect(replayCache.size).toBe(0);
  });

  it('gets the client of the ticket', async () => {
    const asked: ReplayRecord[] = [];
    const replayCache = { checkAndStore: (record: ReplayRecord) => asked.push(record) > 0 };
    const { initiator, begin } = await makeParties({ acceptor: { replayCache } });
    expect((await begin().accept(initiator.begin())).status).toBe('complete');
    expect(asked.map(({ client }) => client)).toEqual([
      { nameType: NameType.principal, components: ['alice'], realm: 'EXAMPLE.TEST' },
    ]);
  });
});

describe('a refusal names the client of the request', () => {
  it('for a replay', async () => {
    const { initiator, begin } = await makeParties();
    const token = initiator.begin();
    await begin().accept(token);
    expect(minorOf(await begin().accept(token))).toMatchObject({
      code: 'KRB_AP_ERR_REPEAT',
      hint: expect.stringContaining(
        `client ${CLIENT}, service ${SERVICE}, client's time 2026-06-01T12:00:00Z`,
      ),
      detail: { client: CLIENT, service: SERVICE, clientTime: '2026-06-01T12:00:00Z' },
    });
  });

  it('for a replay, in one short line, for any name of the client', async () => {
    const client = `\u001b[2J\r\n\u202e${'A'.repeat(30_000)}@EXAMPLE.TEST`;
    const { initiator, begin } = await makeParties({ ticket: { client } });
    const token = initiator.begin();
    await begin().accept(token);
    const { detail, hint } = minorOf(await begin().accept(token));
    expect(detail.client).toMatch(/^\\x1b\[2J\\x0d\\n\\x202eA+\.\.\.$/);
    expect(String(detail.client).length).toBeLessThan(300);
    expect(hint).toContain(detail.client);
  });

  it('for a ticket and an authenticator that differ, in one short line', async () => {
    const components = [`\u001b]0;owned\u0007${'A'.repeat(60_000)}`];
    const { initiator, begin } = await makeParties({
      keytab: makeKeytab(),
      initiator: { authenticator: { clientName: { nameType: 1, components } } },
    });
    const { code, hint, detail } = minorOf(await begin().accept(initiator.begin()));
    expect(code).toBe('KRB_AP_ERR_BADMATCH');
    expect(detail.ticketClient).toBe(CLIENT);
    expect(detail.authenticator).toMatch(/^\\x1b\]0;owned\\x07A+\.\.\.$/);
    expect(hint).toContain(CLIENT);
    expect(String(hint).length).toBeLessThan(700);
  });
});
