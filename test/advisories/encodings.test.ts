/** Published flaws of encodings, tried on this package. */

import { expect } from 'vitest';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import { frameToken, TokenId } from '../../src/gss/framing.ts';
import {
  ContextFlag,
  exportName,
  GssNameType,
  importName,
  importSecurityContext,
  Mechanism,
} from '../../src/index.ts';
import { encodeAuthenticator } from '../../src/messages/ap-req.ts';
import { element } from '../messages/element.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from '../support/encoders.ts';
import { gssCodeOf } from '../support/library-errors.ts';
import { CLIENT, establish, makeParties, NOW_SECONDS } from '../support/realm-kit.ts';
import { testsOf } from './advisory.ts';
import { ENCODINGS } from './records/encodings.ts';
import { authenticatorOf, contextOf, failureOf, withAuthenticator } from './support.ts';

const advisory = testsOf(ENCODINGS);

advisory('recursion', async () => {
  const parties = await makeParties();
  const good = authenticatorOf(parties, parties.initiator.begin());
  for (const tag of [0x30, 0xa0, 0x60, 0x24]) {
    const deep = nested((length) => [headerOf(tag, length)], 20_000);
    for (const token of [deep, frameToken(Mechanism.krb5, TokenId.apReq, deep)]) {
      expect(failureOf(await parties.begin().accept(token)).error.code).toMatch(/^GSS_S_/);
    }
    const inside = withAuthenticator(parties, deep);
    expect(failureOf(await parties.begin().accept(inside)).error.code).toMatch(/^GSS_S_/);
  }
  // Indefinite lengths, 30 000 deep: two bytes a level.
  for (const tag of [0x30, 0x60, 0xa0]) {
    const indefinite = new Uint8Array(60_000).map((_, at) => (at % 2 === 0 ? tag : 0x80));
    for (const token of [indefinite, frameToken(Mechanism.krb5, TokenId.apReq, indefinite)]) {
      expect(failureOf(await parties.begin().accept(token)).error.code).toMatch(/^GSS_S_/);
    }
  }
  // AD-IF-RELEVANT in AD-IF-RELEVANT, sealed by the client: nobody follows it down.
  const type = element(0xa0, element(0x02, Uint8Array.of(1)));
  const data = nested((length) => {
    const octets = headerOf(0x04, length);
    const field = headerOf(0xa1, octets.length + length);
    const fields = type.length + field.length + octets.length + length;
    const one = headerOf(0x30, fields);
    return [headerOf(0x30, one.length + fields), one, type, field, octets];
  }, 5_000);
  const authorizationData = [{ type: 1, data }];
  const plain = encodeAuthenticator({ ...good, authorizationData });
  const result = await parties.begin().accept(withAuthenticator(parties, plain));
  if (result.status === 'failed') expect(result.error.code).toBe('GSS_S_FAILURE');
  else expect(contextOf(result).initiator.toString()).toBe(CLIENT);
});

advisory('lengthArithmetic', async () => {
  const parties = await makeParties();
  const good = parties.initiator.begin();
  const plain = encodeAuthenticator(authenticatorOf(parties, good));
  const lengths = [0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
  for (const length of lengths) {
    const bytes = [0x84, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
    for (const at of [1, 3]) {
      const outer = Uint8Array.of(...good.subarray(0, at), ...bytes, ...good.subarray(at + 1));
      expect(failureOf(await parties.begin().accept(outer)).error.code).toBe(
        'GSS_S_DEFECTIVE_TOKEN',
      );
    }
    for (const at of plain.keys()) {
      if (at % 3 !== 1) continue;
      const inner = Uint8Array.of(...plain.subarray(0, at), ...bytes, ...plain.subarray(at + 1));
      const sealed = withAuthenticator(parties, inner);
      expect(failureOf(await parties.begin().accept(sealed)).error.code).toBe('GSS_S_FAILURE');
    }
  }
});

advisory('times', async () => {
  const parties = await makeParties();
  const plain = encodeAuthenticator(authenticatorOf(parties, parties.initiator.begin()));
  const at = Buffer.from(plain).indexOf('20260601');
  expect(at).toBeGreaterThan(0);
  for (const text of [
    '20260601120000',
    '20260601120000z',
    '20261301120000Z',
    '20260230120000Z',
    '20260601250000Z',
    '2026060112000\0Z',
    '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0',
    '99999999999999Z',
    '-0260601120000Z',
  ]) {
    const altered = plain.slice();
    altered.set(encodeUtf8(text), at);
    if (text.length < 15) altered[at + 14] = 0x30;
    const { error } = failureOf(await parties.begin().accept(withAuthenticator(parties, altered)));
    expect(error.code, text).toBe('GSS_S_FAILURE');
    expect(error.minor?.message, text).toMatch(/GeneralizedTime/);
  }
});

advisory('emptyDelegation', async () => {
  const flags = ContextFlag.mutual | ContextFlag.delegation;
  const key = { enctype: 18, value: new Uint8Array(32).fill(1) };
  for (const ticketInfo of [[], [{ key, endTime: NOW_SECONDS + 10 }]]) {
    const cipher = encodeEncKrbCredPart({ ticketInfo });
    const delegation = encodeKrbCred({ tickets: [], encPart: { enctype: 0, cipher } });
    const { initiator, begin } = await makeParties({ initiator: { flags, delegation } });
    const { error } = failureOf(await begin().accept(initiator.begin()));
    expect(error.code).toBe('GSS_S_FAILURE');
    expect(error.minor?.message).toMatch(/tickets/);
  }
});

advisory('exportedNames', async () => {
  const { server } = await establish();
  const good = exportName(server.initiator);
  const reimported = importName(good, GssNameType.exportName);
  expect(reimported.toString()).toBe(CLIENT);
  for (let length = 0; length < good.length; length++) expectBadName(good.slice(0, length));
  expectBadName(Uint8Array.of(...good, 0));
  expectBadName(Uint8Array.of(...good, ...good));
  // All but the name itself: token id, the OID and the two lengths.
  for (let at = 0; at < good.length - CLIENT.length; at++) {
    expectBadName(good.with(at, good[at]! ^ 0x40));
  }
});

advisory('exportedContexts', async () => {
  const { client, server } = await establish();
  const bytes = server.export();
  for (let at = 0; at < bytes.length; at++) {
    for (const damaged of [bytes.slice(0, at), bytes.with(at, bytes[at]! ^ 0x10)]) {
      const code = gssCodeOf(() => importSecurityContext(damaged));
      expect(code).toBe('GSS_S_DEFECTIVE_TOKEN');
    }
  }
  const moved = importSecurityContext(bytes);
  const message = encodeUtf8('after the move');
  expect(moved.unwrap(client.wrap(message)).message).toEqual(message);
  expect(gssCodeOf(() => server.wrap(message))).toBe('GSS_S_NO_CONTEXT');
});

/** Elements inside one another. @param wrap - What stands before so many bytes. */
function nested(wrap: (length: number) => readonly Uint8Array[], times: number): Uint8Array {
  const headers: Uint8Array[] = [];
  let length = 0;
  for (let i = 0; i < times; i++) {
    const header = concatBytes(...wrap(length));
    headers.push(header);
    length += header.length;
  }
  return concatBytes(...headers.reverse());
}

function headerOf(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Uint8Array.of(tag, 0x80 | bytes.length, ...bytes);
}

function expectBadName(bytes: Uint8Array): void {
  const code = gssCodeOf(() => importName(bytes, GssNameType.exportName));
  expect(code).toMatch(/^GSS_S_(BAD_NAME|BAD_MECH)$/);
}
