import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { decodeBase64, encodeBase64 } from '../../src/http/base64.ts';
import type { NegotiateResult } from '../../src/http/index.ts';
import { negotiate } from '../../src/http/index.ts';
import type { Handshake } from '../../src/index.ts';
import { Mechanism, TicketFlag } from '../../src/index.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
} from '../../src/spnego/neg-token.ts';
import { runs } from '../support/properties.ts';
import { CLIENT, makeKeytab, makeParties } from '../support/realm-kit.ts';

const CHALLENGE = { 'WWW-Authenticate': 'Negotiate' };
const NTLM = encodeUtf8('NTLMSSP\0\u0001\0\0\0');

function header(token: Uint8Array): string {
  return `Negotiate ${encodeBase64(token)}`;
}

/** The token in the answer's header. */
function tokenOf({ headers }: NegotiateResult): Uint8Array {
  expect(Object.keys(headers)).toEqual(['WWW-Authenticate']);
  const [scheme, text = ''] = headers['WWW-Authenticate']!.split(' ');
  expect(scheme).toBe('Negotiate');
  return decodeBase64(text)!;
}

function respOf(result: NegotiateResult) {
  const resp = decodeNegToken(tokenOf(result));
  if (resp.kind !== 'resp') throw new Error('not a NegTokenResp');
  return resp;
}

function stateOf(result: NegotiateResult): Handshake {
  if (result.status !== 401 || result.state === undefined) throw new Error('no state');
  return result.state;
}

function errorOf(result: NegotiateResult) {
  if (result.status === 200 || result.error === undefined) throw new Error('no error');
  return result.error;
}

describe('negotiate', () => {
  it.each([undefined, null, '', 'Negotiate', 'negotiate ', 'Negotiate    '])(
    'asks a client that sends %j to authenticate, without an error',
    async (authorization) => {
      const { acceptor } = await makeParties();
      expect(await negotiate(acceptor, authorization)).toEqual({ status: 401, headers: CHALLENGE });
    },
  );

  it.each(['Negotiate ', 'negotiate ', 'NEGOTIATE   '])(
    'accepts Kerberos after %j and answers with an AP-REP',
    async (prefix) => {
      const { acceptor, initiator } = await makeParties();
      const result = await negotiate(acceptor, prefix + encodeBase64(initiator.begin()));
      if (result.status !== 200) throw new Error(`status ${result.status}`);
      expect(result.context.initiator.toString()).toBe(CLIENT);
      const client = initiator.finish(tokenOf(result));
      expect(result.context.unwrap(client.wrap(NTLM)).message).toEqual(NTLM);
    },
  );

  it('sends no header if the client wants no mutual authentication', async () => {
    const { acceptor, initiator } = await makeParties({ initiator: { flags: 0x20 } });
    expect(await negotiate(acceptor, header(initiator.begin()))).toMatchObject({
      status: 200,
      headers: {},
    });
  });

  it('accepts SPNEGO in one step if Kerberos comes first', async () => {
    const { acceptor, initiator } = await makeParties();
    const mechToken = initiator.begin();
    const init = encodeNegTokenInit({ mechTypes: [Mechanism.msKrb5, Mechanism.krb5], mechToken });
    const result = await negotiate(acceptor, header(init));
    expect(result.status).toBe(200);
    initiator.finish(respOf(result).responseToken);
  });

  it('continues in further requests with the state that the caller keeps', async () => {
    const { acceptor, initiator } = await makeParties();
    const mechTypes = [Mechanism.ntlmssp, Mechanism.krb5];
    const token = encodeNegTokenInit({ mechTypes });
    const first = await negotiate(acceptor, header(token));
    expect(first).toMatchObject({ status: 401 });
    expect(first).not.toHaveProperty('error');
    const responseToken = initiator.begin();
    const second = await negotiate(acceptor, header(encodeNegTokenResp({ responseToken })), {
      state: stateOf(first),
    });
    const client = initiator.finish(respOf(second).responseToken);
    const init = decodeNegToken(token);
    if (init.kind !== 'init') throw new Error('not a NegTokenInit');
    const mechListMic = client.getMic(init.mechTypeList);
    const last = await negotiate(acceptor, header(encodeNegTokenResp({ mechListMic })), {
      state: stateOf(second),
    });
    if (last.status !== 200) throw new Error('not authenticated');
    expect(last.context.initiator.toString()).toBe(CLIENT);
  });

  it('refuses the second half of an exchange without its state', async () => {
    const { acceptor, initiator } = await makeParties();
    const responseToken = initiator.begin();
    const result = await negotiate(acceptor, header(encodeNegTokenResp({ responseToken })));
    expect(errorOf(result).code).toBe('GSS_S_DEFECTIVE_TOKEN');
    expect(result.status).toBe(401);
  });

  it('lets a client start over in the middle', async () => {
    const { acceptor, initiator } = await makeParties();
    const first = await negotiate(
      acceptor,
      header(encodeNegTokenInit({ mechTypes: [Mechanism.krb5] })),
    );
    const again = await negotiate(acceptor, header(initiator.begin()), { state: stateOf(first) });
    expect(again.status).toBe(200);
  });

  it('gives the reason of a refusal to the client as a KRB-ERROR, and in full to the operator', async () => {
    const { acceptor, initiator } = await makeParties({
      ticket: { keytab: makeKeytab({ seed: 99 }) },
    });
    const result = await negotiate(acceptor, header(initiator.begin()));
    expect(result.status).toBe(401);
    expect(errorOf(result).minor).toMatchObject({ code: 'KRB_AP_ERR_BAD_INTEGRITY' });
    expect(errorOf(result).hint).toMatch(/./);
    expect(() => initiator.finish(tokenOf(result))).toThrowError(
      expect.objectContaining({ minor: expect.objectContaining({ errorCode: 31 }) }),
    );
  });

  it('admits anonymous clients only if it is allowed to', async () => {
    const ticket = {
      client: 'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS',
      flags: TicketFlag.anonymous,
    };
    for (const [allowAnonymous, status] of [
      [false, 401],
      [true, 200],
    ] as const) {
      const { acceptor, initiator } = await makeParties({ ticket, acceptor: { allowAnonymous } });
      expect((await negotiate(acceptor, header(initiator.begin()))).status).toBe(status);
    }
    const { acceptor, initiator } = await makeParties({ ticket });
    expect((await negotiate(acceptor, header(initiator.begin()))).status).toBe(401);
  });

  it('refuses a replayed request', async () => {
    const { acceptor, initiator } = await makeParties();
    const authorization = header(initiator.begin());
    expect((await negotiate(acceptor, authorization)).status).toBe(200);
    const again = await negotiate(acceptor, authorization);
    expect(again.status).toBe(401);
    expect(errorOf(again).minor?.code).toBe('KRB_AP_ERR_REPEAT');
  });

  it.each([
    ['NTLM where Negotiate was asked for', header(NTLM)],
    ['NTLM by its own name', `NTLM ${encodeBase64(NTLM)}`],
  ])('answers %s with one plain 401 and has a hint', async (_name, authorization) => {
    const { acceptor } = await makeParties();
    const result = await negotiate(acceptor, authorization);
    expect(result).toMatchObject({ status: 401, headers: CHALLENGE });
    expect(errorOf(result).minor?.code).toBe('NTLM_RECEIVED');
    expect(errorOf(result).hint).toContain('SPN');
    expect(result).not.toHaveProperty('state');
  });

  it('rejects NTLM inside SPNEGO', async () => {
    const { acceptor } = await makeParties();
    const init = encodeNegTokenInit({ mechTypes: [Mechanism.ntlmssp], mechToken: NTLM });
    const result = await negotiate(acceptor, header(init));
    expect(respOf(result).negState).toBe(2);
    expect(errorOf(result).minor?.code).toBe('NTLM_RECEIVED');
  });

  it.each([
    ['Basic YWxpY2U6c2VjcmV0', 'Basic'],
    ['kerberos boIB7DCCAeg=', 'Kerberos'],
    ['bearer secret', 'Bearer'],
    ['NTLM secret', 'NTLM'],
    ['YWxpY2U6c2VjcmV0', 'another scheme'],
    ['Negotiate,Basic YWxpY2U6c2VjcmV0', 'another scheme'],
  ])('asks a client that sends %j for Negotiate', async (authorization, scheme) => {
    const { acceptor } = await makeParties();
    const result = await negotiate(acceptor, authorization);
    expect(result).toMatchObject({ status: 401, headers: CHALLENGE });
    expect(errorOf(result)).toMatchObject({
      code: 'GSS_S_BAD_MECH',
      message: `the client authenticates with ${scheme}`,
    });
  });

  it.each([
    'Negotiate !!!',
    'Negotiate Zg',
    'Negotiate Zm9v, Negotiate Zm9v',
    'Negotiate Zm9v Zm9v',
  ])('answers %j as a bad request, whose text it does not repeat', async (authorization) => {
    const { acceptor } = await makeParties();
    const result = await negotiate(acceptor, authorization);
    expect(result).toMatchObject({ status: 400, headers: {} });
    expect(errorOf(result).code).toBe('GSS_S_DEFECTIVE_TOKEN');
    expect(errorOf(result).message).toMatch(/^the text after Negotiate is not base64 \(\d+ char/);
    expect(errorOf(result).message).not.toContain('Zm9v');
  });

  it.each([
    ['Zm9-', 'it has the alphabet of base64url (- and _ for + and /) at character 4', 3],
    ['Zm9vYg', '= is missing at its end (2 expected, 0 found)', undefined],
    ['Zm9v,Negotiate Zm9v', 'it has a second "Negotiate" at character 6', 5],
    ['Zm9vY', 'it was cut: 5 characters are no whole number of bytes', undefined],
  ])('tells what was done to %s', async (text, hint, at) => {
    const { acceptor } = await makeParties();
    const error = errorOf(await negotiate(acceptor, `Negotiate ${text}`));
    expect(error.reason).toBe('token.not-base64');
    expect(error.hint).toContain(`${hint}: `);
    expect(error.detail).toEqual({
      length: text.length,
      problem: hint.replace(/ at character \d+$/, ''),
      ...(at !== undefined && { at }),
      remedy: expect.any(String),
    });
  });

  it('checks channel bindings', async () => {
    const channelBindings = { applicationData: encodeUtf8('tls-server-end-point:ours') };
    const others = { applicationData: encodeUtf8('tls-server-end-point:theirs') };
    for (const [sent, status] of [
      [channelBindings, 200],
      [others, 401],
    ] as const) {
      const { acceptor, initiator } = await makeParties({ initiator: { channelBindings: sent } });
      const result = await negotiate(acceptor, header(initiator.begin()), { channelBindings });
      expect(result.status).toBe(status);
      if (status === 401) expect(errorOf(result).code).toBe('GSS_S_BAD_BINDINGS');
    }
  });

  it('sends the client at most a token, for any input', async () => {
    const { acceptor, initiator } = await makeParties();
    const good = header(initiator.begin());
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ maxLength: 40 }),
          fc.base64String({ maxLength: 200 }).map((text) => `Negotiate ${text}`),
          fc.nat(good.length - 1).map((length) => good.slice(0, length)),
        ),
        async (authorization) => {
          const { status, headers } = await negotiate(acceptor, authorization);
          expect([400, 401]).toContain(status);
          for (const value of Object.values(headers)) {
            expect(value).toMatch(/^Negotiate(?: [A-Za-z0-9+/]+=*)?$/);
          }
        },
      ),
      { numRuns: runs(500) },
    );
  });
});
