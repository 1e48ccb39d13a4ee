/**
 * How the services of an acceptor are used: by which keys and enctypes, with which channel bindings, and
 * by which clients in a weak or risky way.
 *
 * The names of services come from the keytab and those of clients from tickets that a KDC has encrypted,
 * so that a stranger can add none. Memory is bounded nevertheless.
 */
import { isWeakEnctype } from '../crypto/numbers.ts';
import type { HostAddress } from '../messages/primitives.ts';

/** Facts of an established context. */
export interface ContextFacts {
  /** The client's principal. */
  readonly client: string;
  readonly ticket: {
    /** The service's principal, as in the keytab. */
    readonly server: string;
    readonly kvno: number;
    /** Enctype of the service's key. */
    readonly enctype: number;
    readonly sessionEnctype: number;
    /** `TicketFlag` bits. */
    readonly flags: number;
  };
  /** Enctype of the initiator's subkey; of the session key if there is none. */
  readonly subkeyEnctype: number;
  /** Enctype of the key that protects messages. */
  readonly messageEnctype: number;
  readonly bindings: BindingsUse;
  /** `ContextFlag` bits. */
  readonly flags: number;
  /** The client's address, if the acceptor was told it. */
  readonly peer: HostAddress | undefined;
}

/**
 * - `bound`: the client's channel bindings were equal to the server's.
 * - `unbound`: the server had channel bindings, and the client sent none.
 * - `none`: the server had no channel bindings, or does not check them.
 */
export type BindingsUse = 'bound' | 'unbound' | 'none';

/** The contexts of a service with one combination of key and enctypes. */
export interface KeyUse {
  readonly kvno: number;
  readonly ticket: number;
  readonly session: number;
  readonly subkey: number;
  readonly message: number;
  readonly weak: boolean;
  count: number;
}

/** A client that uses something weak or risky; the counts are those of contexts. */
export interface RiskyClient {
  lastSeen: number;
  weakTicket: number;
  weakSession: number;
  weakSubkey: number;
  weakMessages: number;
  unbound: number;
}

/** One service. */
export interface ServiceUse {
  readonly name: string;
  accepted: number;
  /** Refusals of clients whose ticket was opened with a key of the service. */
  refused: number;
  readonly bindings: Record<BindingsUse, number>;
  readonly keys: KeyUse[];
  readonly clients: Map<string, RiskyClient>;
  /** Contexts of risky clients beyond the bound, which are not listed. */
  unlisted: number;
}

/** The services of an acceptor. */
export class ServiceUses {
  readonly #services = new Map<string, ServiceUse>();
  #clients = 0;
  /** Most contexts are like the one before. */
  #lastService: ServiceUse | undefined;
  #lastKey: KeyUse | undefined;

  get services(): readonly ServiceUse[] {
    return [...this.#services.values()];
  }

  /** @param clock - Asked for a risky client only. */
  accepted(facts: ContextFacts, clock: () => number): void {
    const { ticket, bindings } = facts;
    const service = this.#serviceOf(ticket.server);
    service.accepted++;
    service.bindings[bindings]++;
    const key = this.#keyOf(service, facts);
    key.count++;
    if (key.weak || bindings === 'unbound') this.#noteRisk(service, facts, clock);
  }

  /** @param server - Of a ticket that was opened. */
  refused(server: string): void {
    this.#serviceOf(server).refused++;
  }

  #serviceOf(name: string): ServiceUse {
    if (this.#lastService?.name === name) return this.#lastService;
    let service = this.#services.get(name);
    if (service === undefined) {
      service = newService(name);
      if (this.#services.size < MAX_SERVICES) this.#services.set(name, service);
    }
    this.#lastService = service;
    this.#lastKey = undefined;
    return service;
  }

  #keyOf({ keys }: ServiceUse, facts: ContextFacts): KeyUse {
    if (this.#lastKey !== undefined && isOf(this.#lastKey, facts)) return this.#lastKey;
    let key = keys.find((one) => isOf(one, facts));
    if (key === undefined) {
      key = newKey(facts);
      if (keys.length === MAX_KEYS) keys.shift();
      keys.push(key);
    }
    this.#lastKey = key;
    return key;
  }

  #noteRisk(service: ServiceUse, facts: ContextFacts, clock: () => number): void {
    const { client: name, ticket, subkeyEnctype, messageEnctype, bindings } = facts;
    let client = service.clients.get(name);
    if (client === undefined) {
      if (this.#clients >= MAX_CLIENTS) {
        service.unlisted++;
        return;
      }
      this.#clients++;
      client = newClient();
      service.clients.set(name, client);
    }
    client.lastSeen = clock();
    if (isWeakEnctype(ticket.enctype)) client.weakTicket++;
    if (isWeakEnctype(ticket.sessionEnctype)) client.weakSession++;
    if (isWeakEnctype(subkeyEnctype)) client.weakSubkey++;
    if (isWeakEnctype(messageEnctype)) client.weakMessages++;
    if (bindings === 'unbound') client.unbound++;
  }
}

function isOf(key: KeyUse, { ticket, subkeyEnctype, messageEnctype }: ContextFacts): boolean {
  return (
    key.kvno === ticket.kvno &&
    key.ticket === ticket.enctype &&
    key.session === ticket.sessionEnctype &&
    key.subkey === subkeyEnctype &&
    key.message === messageEnctype
  );
}

function newKey({ ticket, subkeyEnctype, messageEnctype }: ContextFacts): KeyUse {
  const { kvno, enctype, sessionEnctype } = ticket;
  const enctypes = [enctype, sessionEnctype, subkeyEnctype, messageEnctype];
  return {
    kvno,
    ticket: enctype,
    session: sessionEnctype,
    subkey: subkeyEnctype,
    message: messageEnctype,
    weak: enctypes.some(isWeakEnctype),
    count: 0,
  };
}

function newService(name: string): ServiceUse {
  return {
    name,
    accepted: 0,
    refused: 0,
    bindings: { bound: 0, unbound: 0, none: 0 },
    keys: [],
    clients: new Map(),
    unlisted: 0,
  };
}

function newClient(): RiskyClient {
  return {
    lastSeen: 0,
    weakTicket: 0,
    weakSession: 0,
    weakSubkey: 0,
    weakMessages: 0,
    unbound: 0,
  };
}

// A keytab may have more; services beyond the bound are not counted by name.
const MAX_SERVICES = 1024;
// Combinations of a service's kvno and enctypes: enough for years of key changes.
const MAX_KEYS = 256;
/** Of all services together: about a megabyte. */
const MAX_CLIENTS = 4096;
