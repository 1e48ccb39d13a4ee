import { describe, expect, it } from 'vitest';

import { toHex } from '../../../src/bytes.ts';
import { Tag } from '../../../src/messages/der/reader.ts';
import type { DerWriter } from '../../../src/messages/der/writer.ts';
import { encodeDer } from '../../../src/messages/der/writer.ts';
import { writeEncryptedData } from '../../../src/messages/encrypted-data.ts';
import { writeMessage } from '../../../src/messages/message.ts';
import { writeInt32, writeKerberosString, writeOctets } from '../../../src/messages/primitives.ts';
import { parsePrincipal, writePrincipalName } from '../../../src/messages/principal.ts';
import { writeTicket } from '../../../src/messages/ticket.ts';
import type { KdcAsker } from '../../../src/node/kdc/ask-kdc.ts';
import { readKdcClock, requestOwnTicket } from '../../../src/node/kdc/kdc-facts.ts';
import { kdcError } from '../../support/fake-kdc.ts';

const SERVICE = parsePrincipal('HTTP/www.example.test@EXAMPLE.TEST');
const NOW = Date.UTC(2026, 5, 1, 12);
const signal = new AbortController().signal;

function answering(bytes: Uint8Array): KdcAsker {
  return async () => ({ bytes, server: { host: 'kdc', port: 88 }, transport: 'udp' });
}

describe('readKdcClock', () => {
  it('compares with the middle of the time that the answer took', async () => {
    const times = [NOW, NOW + 200];
    const clock = await readKdcClock(
      answering(kdcError(NOW + 60_100 + 0.001)),
      SERVICE,
      () => times.shift()!,
      signal,
    );
    expect(clock.ahead).toBeCloseTo(-60_000, 1);
    expect(clock.precision).toBe(100);
  });

  it('allows for a KDC that gives whole seconds', async () => {
    const clock = await readKdcClock(answering(kdcError(NOW - 1000)), SERVICE, () => NOW, signal);
    expect(clock).toMatchObject({ ahead: 1000, precision: 1000 });
  });

  it('refuses what is no KRB-ERROR', async () => {
    await expect(
      readKdcClock(answering(Uint8Array.of(0x7e, 1, 0)), SERVICE, () => NOW, signal),
    ).rejects.toMatchObject({ code: 'KRB5_PARSE_MALFORMED' });
  });
});

/** AS-REP (RFC 4120 §5.4.2) with a ticket of this kvno, and pre-authentication data. */
function asRep(kvno: number): Uint8Array {
  const encPart = { enctype: 18, kvno, cipher: Uint8Array.of(1) };
  const ticket = { realm: SERVICE.realm, serverName: SERVICE, encPart };
  const write = (writer: DerWriter): void => {
    writer.field(0, writeInt32, 5);
    writer.field(1, writeInt32, 11);
    writer.field(2, writePaData, Uint8Array.of(9));
    writer.field(3, writeKerberosString, SERVICE.realm);
    writer.field(4, writePrincipalName, SERVICE);
    writer.field(5, writeTicket, ticket);
    writer.field(6, writeEncryptedData, encPart);
  };
  return encodeDer((writer) => writeMessage(writer, 11, write, undefined), undefined);
}

function writePaData(writer: DerWriter, value: Uint8Array): void {
  writer.list([value], (list, data) => {
    const begun = list.begin(Tag.sequence);
    list.field(1, writeInt32, 19);
    list.field(2, writeOctets, data);
    list.end(begun);
  });
}

describe('requestOwnTicket', () => {
  it.each([260, 0xffffffff])('reads the ticket, whose kvno %i is in clear', async (kvno) => {
    const ticket = await requestOwnTicket(answering(asRep(kvno)), SERVICE, [18], signal);
    expect(ticket).toMatchObject({ encPart: { enctype: 18, kvno } });
  });

  it('asks for a ticket of the service to itself, without pre-authentication', async () => {
    let request: Uint8Array = new Uint8Array();
    const ask: KdcAsker = async (realm, message, within) => {
      request = message;
      return await answering(kdcError(NOW, 25))(realm, message, within);
    };
    await requestOwnTicket(ask, SERVICE, [18, 17], signal);
    // [APPLICATION 10] SEQUENCE { pvno [1], msg-type [2], req-body [4] }: no padata [3].
    expect([...request.subarray(0, 1)]).toEqual([0x6a]);
    expect(toHex(request)).toContain('a103020105a20302010aa4');
    expect(toHex(request)).toMatch(/a8083006020112020111$/);
  });

  it('returns the error of a KDC that gives no ticket', async () => {
    const answer = await requestOwnTicket(answering(kdcError(NOW, 25)), SERVICE, [18], signal);
    expect(answer).toMatchObject({ errorCode: 25 });
  });
});
