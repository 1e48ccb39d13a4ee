import { describe, expect, it } from 'vitest';
import type { AcceptorOptions } from '../../src/index.ts';
import { ContextFlag } from '../../src/index.ts';
import { AuthorizationDataType } from '../../src/messages/authorization-data.ts';
import { encodeEtypeList } from '../support/encoders.ts';
import { makeKeytab, makeParties } from '../support/realm-kit.ts';

interface Keys {
  readonly ticket: number;
  readonly session: number;
  /** Enctype of the initiator's subkey; no subkey if null. */
  readonly subkey: number | null;
  /** The enctypes that the client offers (RFC 4537). */
  readonly offered?: readonly number[];
  readonly flags?: number;
}

/** The enctype of the context's keys, or the code and hint of the refusal. */
async function outcomeOf(keys: Keys, acceptor: Partial<AcceptorOptions>): Promise<number | string> {
  const type = AuthorizationDataType.etypeNegotiation;
  const { begin, initiator } = await makeParties({
    keytab: makeKeytab({ enctype: keys.ticket }),
    ticket: { sessionEnctype: keys.session },
    initiator: {
      subkeyEnctype: keys.subkey,
      ...(keys.flags !== undefined && { flags: keys.flags }),
      ...(keys.offered && {
        authenticator: { authorizationData: [{ type, data: encodeEtypeList(keys.offered) }] },
      }),
    },
    acceptor,
  });
  const result = await begin().accept(initiator.begin());
  if (result.status === 'complete') return result.context.enctype;
  if (result.status !== 'failed') throw new Error(result.status);
  const { minor } = result.error;
  return `${minor?.code}: ${minor?.hint}`;
}

describe('enctypes can be permitted separately for tickets, session keys and subkeys', () => {
  it.each(['permittedEnctypes', 'ticketEnctypes', 'sessionEnctypes', 'subkeyEnctypes'] as const)(
    'by a list that is copied, so that later additions to %s have no effect',
    async (name) => {
      const list = [17];
      const { begin, initiator } = await makeParties({ acceptor: { [name]: list } });
      list.push(18);
      const result = await begin().accept(initiator.begin());
      expect(result).toMatchObject({
        status: 'failed',
        error: { minor: { code: 'KRB5_NOPERM_ETYPE' } },
      });
    },
  );

  it.each<[string, Keys, Partial<AcceptorOptions>, RegExp | number]>([
    [
      // As in MIT krb5's gss_krb5_set_allowable_enctypes.
      'an AES128 session under an AES256 ticket',
      { ticket: 18, session: 17, subkey: 17 },
      { sessionEnctypes: [17], subkeyEnctypes: [17] },
      17,
    ],
    [
      'an AES256 session key where only AES128 is permitted',
      { ticket: 18, session: 18, subkey: 18 },
      { sessionEnctypes: [17], subkeyEnctypes: [17] },
      /^KRB5_NOPERM_ETYPE: the session key uses [a-z0-9-]+, which is not permitted here; permitted: aes128-cts-hmac-sha1-96;/,
    ],
    [
      'a ticket',
      { ticket: 17, session: 18, subkey: 18 },
      { ticketEnctypes: [18] },
      /^KRB5_NOPERM_ETYPE: the ticket uses [a-z0-9-]+, which is not permitted here; permitted: aes256-cts-hmac-sha1-96;/,
    ],
    [
      'a subkey',
      { ticket: 18, session: 18, subkey: 17 },
      { subkeyEnctypes: [18, 20] },
      /^KRB5_NOPERM_ETYPE: the subkey uses /,
    ],
    [
      'a specific list takes precedence over permittedEnctypes',
      { ticket: 18, session: 17, subkey: 17 },
      { permittedEnctypes: [17], ticketEnctypes: [18] },
      17,
    ],
    [
      'permittedEnctypes applies where there is no specific list',
      { ticket: 18, session: 17, subkey: 17 },
      { permittedEnctypes: [18], sessionEnctypes: [17] },
      /^KRB5_NOPERM_ETYPE: the subkey uses [a-z0-9-]+, which is not permitted here; permitted: aes256-cts-hmac-sha1-96;/,
    ],
    [
      "the acceptor's subkey is chosen from the list for subkeys, in its order",
      { ticket: 18, session: 17, subkey: 17, offered: [18, 20] },
      { subkeyEnctypes: [20, 18, 17], permittedEnctypes: [17, 18] },
      20,
    ],
    [
      'the acceptor makes no subkey of an enctype outside the list',
      { ticket: 18, session: 17, subkey: null },
      { subkeyEnctypes: [18, 20] },
      /^KRB5_NOPERM_ETYPE: the client offers aes128-cts-hmac-sha1-96 for the acceptor's subkey; permitted: aes256-cts-hmac-sha1-96 aes256-cts-hmac-sha384-192;/,
    ],
    [
      'the list for subkeys has no effect on a context without one',
      { ticket: 18, session: 17, subkey: null, flags: ContextFlag.integrity },
      { subkeyEnctypes: [18] },
      17,
    ],
    [
      'an empty list permits none',
      { ticket: 18, session: 18, subkey: 18 },
      { ticketEnctypes: [] },
      /^KRB5_NOPERM_ETYPE: the ticket uses [a-z0-9-]+, which is not permitted here; permitted: none;/,
    ],
  ])('%s', async (_, keys, acceptor, expected) => {
    const outcome = await outcomeOf(keys, acceptor);
    if (typeof expected === 'number') expect(outcome).toBe(expected);
    else expect(outcome).toMatch(expected);
  });

  it.each(['ticketEnctypes', 'sessionEnctypes', 'subkeyEnctypes'])(
    '%s is checked',
    async (name) => {
      for (const value of [undefined, null, 18, [Number.NaN], ['aes256-cts'], [18, undefined]]) {
        await expect(makeParties({ acceptor: { [name]: value } })).rejects.toThrow(
          `${name}: expected`,
        );
      }
    },
  );
});
