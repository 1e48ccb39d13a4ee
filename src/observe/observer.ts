/** Counts the outcomes of an acceptor's exchanges, and publishes them to whoever listens. */
import { enctypeName } from '../crypto/numbers.ts';
import type { ReasonedError } from '../errors.ts';
import { explain } from '../errors.ts';
import { tell } from '../hooks.ts';
import type { Keytab } from '../keytab/keytab.ts';
import { formatHostAddress } from '../messages/host-address.ts';
import type { HostAddress } from '../messages/primitives.ts';
import { printable } from '../text.ts';
import type { Clock } from '../time.ts';
import type { Trace } from '../trace.ts';
import type { DiagnosticAttributes, DiagnosticMessage } from './attributes.ts';
import type { Channel } from './channels.ts';
import { acceptChannel, challengeChannel, refuseChannel, traceChannel } from './channels.ts';
import type { NoDelegation } from './delegation.ts';
import { explainNoDelegation } from './delegation.ts';
import { ForeignOffers, foreignMechanismOf } from './foreign-offers.ts';
import type { AcceptorReport } from './report.ts';
import { reportOn } from './report.ts';
import type { AcceptorStatistics } from './statistics.ts';
import { bindingsOf, enctypesOf, serviceStatisticsOf } from './statistics.ts';
import { Tally } from './tally.ts';
import type { ContextFacts } from './usage.ts';
import { ServiceUses } from './usage.ts';

/** The facts in a refused request, as far as it was read. */
export interface RequestFacts {
  /** The client's principal, if its ticket was opened. */
  readonly client?: string;
  /** The service's principal: as in the keytab if the ticket was opened, else as the ticket claims. */
  readonly service?: string;
  /** The ticket's kvno; absent if it has none. */
  readonly kvno?: number;
  /** The ticket's enctype. */
  readonly enctype?: number;
  /** Enctype of the session key, if the ticket was opened. */
  readonly sessionEnctype?: number;
}

/** The observer of one acceptor. */
export class Observer {
  readonly #clock: Clock;
  readonly #hook: Trace | undefined;
  readonly #since: number;
  readonly #uses = new ServiceUses();
  readonly #offers = new ForeignOffers();
  readonly #refusals = new Tally(MAX_REASONS);
  readonly #challenges = new Tally(MAX_REASONS);
  readonly #notes = new Tally(MAX_REASONS);
  readonly #counted = new WeakSet<ReasonedError>();
  #accepted = 0;
  #refused = 0;
  #abandoned = 0;
  #challenged = 0;

  /** @param hook - The option `trace`. */
  constructor(clock: Clock, hook: ((message: string) => unknown) | undefined) {
    this.#clock = () => timeOf(clock);
    this.#hook = hook && ((message) => tell('trace', hook, printable(message)));
    this.#since = this.#clock();
  }

  /** Where the steps of an exchange are written; undefined if nobody reads them. */
  get trace(): Trace | undefined {
    if (!traceChannel.hasSubscribers) return this.#hook;
    const hook = this.#hook;
    return (message) => {
      hook?.(message);
      traceChannel.publish({ message: printable(message) });
    };
  }

  /** A context was established. @param lacking - The reason why something is missing from it. */
  accepted(facts: ContextFacts, lacking: ReasonedError | undefined): void {
    this.#accepted++;
    this.#uses.accepted(facts, this.#clock);
    if (lacking !== undefined) this.#notes.add(lacking.reason);
    const noDelegation = explainNoDelegation(facts.flags, facts.ticket.flags);
    if (noDelegation !== undefined) this.#notes.add(noDelegation);
    if (!acceptChannel.hasSubscribers) return;
    publish(acceptChannel, attributesOfContext(facts, lacking?.reason, noDelegation));
  }

  /** An exchange failed, or a request was refused before any. The same error is counted once. */
  refused(error: ReasonedError, request: RequestFacts, peer: HostAddress | undefined): void {
    if (this.#counted.has(error)) return;
    this.#counted.add(error);
    this.#refused++;
    this.#ended(error, request, peer);
  }

  /** The client of an exchange went away. @param error - The probable reason. */
  abandoned(error: ReasonedError, peer: HostAddress | undefined): void {
    this.#abandoned++;
    // The offer that is the reason was counted with the challenge.
    this.#refusals.add(error.reason);
    if (refuseChannel.hasSubscribers) publishLater(refuseChannel, error, peer);
  }

  /** A client was asked for a token. @param why - If there is something to say about it. */
  challenged(why: ReasonedError | undefined, peer: HostAddress | undefined): void {
    this.#challenged++;
    if (why !== undefined) {
      this.#challenges.add(why.reason);
      this.#countOffer(why.reason, peer);
    }
    if (!challengeChannel.hasSubscribers) return;
    if (why === undefined) publish(challengeChannel, addressOf(peer));
    else publishLater(challengeChannel, why, peer);
  }

  get statistics(): Omit<AcceptorStatistics, 'warnings'> {
    const { services } = this.#uses;
    return {
      since: new Date(this.#since),
      accepted: this.#accepted,
      refused: this.#refused,
      abandoned: this.#abandoned,
      challenged: this.#challenged,
      refusals: this.#refusals.toRecord(),
      challenges: this.#challenges.toRecord(),
      notes: this.#notes.toRecord(),
      enctypes: enctypesOf(services),
      bindings: bindingsOf(services),
      services: serviceStatisticsOf(services),
    };
  }

  report(keytab: Keytab): AcceptorReport {
    return reportOn(this.#uses.services, this.#offers, keytab, this.#since, this.#clock());
  }

  #ended(error: ReasonedError, request: RequestFacts, peer: HostAddress | undefined): void {
    this.#refusals.add(error.reason);
    this.#countOffer(error.reason, peer);
    // Only an opened ticket names a service that exists.
    const { service, client } = request;
    if (service !== undefined && client !== undefined) this.#uses.refused(service);
    if (!refuseChannel.hasSubscribers) return;
    publish(refuseChannel, attributesOfError(error, request, peer), error);
  }

  #countOffer(reason: string, peer: HostAddress | undefined): void {
    const mechanism = foreignMechanismOf(reason);
    if (mechanism !== undefined) this.#offers.add(mechanism, peer, this.#clock());
  }
}

/** Unlike a failure of accept, this error has not been explained yet. */
function publishLater(channel: Channel, error: ReasonedError, peer: HostAddress | undefined): void {
  void explain(error).then(() =>
    publish(channel, attributesOfError(error, NOTHING_KNOWN, peer), error),
  );
}

function publish(channel: Channel, attributes: DiagnosticAttributes, error?: Error): void {
  const message: DiagnosticMessage = { attributes, ...(error && { error }) };
  channel.publish(message);
}

function attributesOfContext(
  facts: ContextFacts,
  note: string | undefined,
  noDelegation: NoDelegation | undefined,
): DiagnosticAttributes {
  const { ticket } = facts;
  return {
    'enduser.id': facts.client,
    ...addressOf(facts.peer),
    'kerberos.service': ticket.server,
    'kerberos.ticket.kvno': ticket.kvno,
    'kerberos.ticket.enctype': enctypeName(ticket.enctype),
    'kerberos.session.enctype': enctypeName(ticket.sessionEnctype),
    'kerberos.subkey.enctype': enctypeName(facts.subkeyEnctype),
    'kerberos.message.enctype': enctypeName(facts.messageEnctype),
    'kerberos.channel_bindings': facts.bindings,
    'kerberos.flags': facts.flags,
    'kerberos.delegation': noDelegation ?? 'delegated',
    ...(note !== undefined && { 'kerberos.note': note }),
  };
}

function attributesOfError(
  error: ReasonedError,
  { client, service, kvno, enctype, sessionEnctype }: RequestFacts,
  peer: HostAddress | undefined,
): DiagnosticAttributes {
  return {
    'error.type': error.reason,
    'error.message': error.text,
    ...(client !== undefined && { 'enduser.id': client }),
    ...addressOf(peer),
    ...(service !== undefined && { 'kerberos.service': service }),
    ...(kvno !== undefined && { 'kerberos.ticket.kvno': kvno }),
    ...(enctype !== undefined && { 'kerberos.ticket.enctype': enctypeName(enctype) }),
    ...(sessionEnctype !== undefined && {
      'kerberos.session.enctype': enctypeName(sessionEnctype),
    }),
  };
}

function addressOf(peer: HostAddress | undefined): DiagnosticAttributes {
  return peer === undefined ? {} : { 'client.address': formatHostAddress(peer) };
}

/** A clock that fails refuses clients; it must not break the counting of them. */
function timeOf(clock: Clock): number {
  try {
    return clock();
  } catch {
    return 0;
  }
}

const NOTHING_KNOWN: RequestFacts = {};
// More than this package has; an error of an application's own code could have others.
const MAX_REASONS = 256;
