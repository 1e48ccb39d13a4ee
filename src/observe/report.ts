/** The report on what is weak or risky: who breaks if it is required to be better. */
import { enctypeName, isWeakEnctype } from '../crypto/numbers.ts';
import type { Keytab } from '../keytab/keytab.ts';
import { formatPrincipal } from '../messages/principal.ts';
import type { ForeignOffers } from './foreign-offers.ts';
import type { RiskyClient, ServiceUse } from './usage.ts';

/**
 * What clients have used that is weak or risky, per service: plain data, a copy. It answers who will be
 * refused once RC4 is switched off, channel bindings are required, or NTLM is no longer tolerated.
 */
export interface AcceptorReport {
  /** When counting began. */
  readonly since: Date;
  /** When the report was made. */
  readonly until: Date;
  /** The services that clients have used. */
  readonly services: readonly ServiceReport[];
  /** Clients by address that offered NTLM, NegoEx or IAKERB before Kerberos, or in its place. */
  readonly foreignOffers: readonly ForeignOfferReport[];
  /** Keys of the keytab that no ticket was opened with since {@link since}. */
  readonly unusedKeys: readonly KeyReport[];
  /** Keys of the keytab whose enctype is weak. */
  readonly weakKeys: readonly KeyReport[];
}

/** One service; see {@link AcceptorReport}. */
export interface ServiceReport {
  /** The principal, as in the keytab. */
  readonly service: string;
  /** Established contexts. */
  readonly accepted: number;
  /** Clients that used something weak, or no channel bindings where the server had some. */
  readonly clients: readonly ClientReport[];
  /** Contexts of further such clients, beyond the 4096 that are listed by name. */
  readonly unlisted: number;
}

/** A client of a service, with numbers of contexts. */
export interface ClientReport {
  /** The principal. */
  readonly client: string;
  /** The time of the last context that is counted here. */
  readonly lastSeen: Date;
  /** Tickets with a weak enctype: the service's key is weak. */
  readonly weakTicket: number;
  /** Session keys with one: the client or the service's account supports no better one. */
  readonly weakSessionKey: number;
  /** Subkeys of the initiator with one. */
  readonly weakSubkey: number;
  /** Keys that protect messages with one. */
  readonly weakMessages: number;
  /** Contexts without channel bindings although the server had some. */
  readonly withoutBindings: number;
}

/** The offers of one address; see {@link AcceptorReport}. */
export interface ForeignOfferReport {
  /** An IP address as text; `unknown` if the acceptor was not told it. */
  readonly address: string;
  /** Numbers of exchanges by what was offered. */
  readonly ntlm: number;
  /** As {@link ntlm}. */
  readonly negoex: number;
  /** As {@link ntlm}. */
  readonly iakerb: number;
  /** The time of the last one. */
  readonly lastSeen: Date;
}

/** A key of the keytab. */
export interface KeyReport {
  /** The principal of the entry. */
  readonly service: string;
  /** Its version. */
  readonly kvno: number;
  /** The name of its enctype. */
  readonly enctype: string;
}

/** Makes a report. @param now - Milliseconds. */
export function reportOn(
  services: readonly ServiceUse[],
  offers: ForeignOffers,
  keytab: Keytab,
  since: number,
  now: number,
): AcceptorReport {
  const uses = new Map(services.map((use) => [use.name, use]));
  return {
    since: new Date(since),
    until: new Date(now),
    services: [...uses.values()].map((use) => ({
      service: use.name,
      accepted: use.accepted,
      clients: [...use.clients].map(([client, risky]) => clientReport(client, risky)),
      unlisted: use.unlisted,
    })),
    foreignOffers: offers.list(),
    unusedKeys: keysOf(keytab, (key) => !isUsed(key, uses)),
    weakKeys: keysOf(keytab, (_, enctype) => isWeakEnctype(enctype)),
  };
}

function clientReport(client: string, risky: RiskyClient): ClientReport {
  return {
    client,
    lastSeen: new Date(risky.lastSeen),
    weakTicket: risky.weakTicket,
    weakSessionKey: risky.weakSession,
    weakSubkey: risky.weakSubkey,
    weakMessages: risky.weakMessages,
    withoutBindings: risky.unbound,
  };
}

function isUsed(
  { service, kvno, enctype }: KeyReport,
  uses: ReadonlyMap<string, ServiceUse>,
): boolean {
  const keys = uses.get(service)?.keys ?? [];
  return keys.some((key) => key.kvno === kvno && enctypeName(key.ticket) === enctype);
}

function keysOf(
  { entries }: Keytab,
  isMeant: (key: KeyReport, enctype: number) => boolean,
): KeyReport[] {
  const keys: KeyReport[] = [];
  for (const { principal, kvno, key } of entries.slice(0, MAX_KEYS)) {
    const one = {
      service: formatPrincipal(principal),
      kvno,
      enctype: enctypeName(key.enctype),
    };
    if (isMeant(one, key.enctype)) keys.push(one);
  }
  return keys;
}

// Entries of a keytab that are looked at.
const MAX_KEYS = 4096;
