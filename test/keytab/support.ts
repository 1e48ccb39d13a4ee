import { EncryptionKey } from '../../src/crypto/key.ts';
import type { Keytab, KeytabEntry } from '../../src/keytab/keytab.ts';
import type { TicketKeyRequest } from '../../src/keytab/lookup.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';

type Spec = readonly [principal: string, kvno: number, enctype: number, timestamp?: number];

/** A keytab whose keys are all different. */
export function keytabOf(...specs: readonly Spec[]): Keytab {
  return { version: 2, entries: specs.map((spec, i) => entryOf(spec, i)) };
}

function entryOf([principal, kvno, enctype, timestamp = 0]: Spec, seed: number): KeytabEntry {
  const value = new Uint8Array(enctype === 18 || enctype === 20 ? 32 : 16);
  new DataView(value.buffer).setUint32(0, seed);
  return {
    principal: parsePrincipal(principal),
    kvno,
    timestamp,
    key: new EncryptionKey(enctype, value),
  };
}

/** The key request of a ticket for a principal. */
export function ticketFor(server: string, kvno: number | undefined, enctype: number) {
  const { realm, ...serverName } = parsePrincipal(server);
  const request: TicketKeyRequest = { realm, serverName, enctype };
  return kvno === undefined ? request : { ...request, kvno };
}
