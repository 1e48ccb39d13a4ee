/** An initiator of SPNEGO over several mechanisms, for tests: it can fall back late (MS-SPNG). */
import { concatBytes } from '../../bytes.ts';
import type { SecurityContext } from '../../context/context.ts';
import { KerberosError } from '../../errors.ts';
import { Mechanism, mechanismName } from '../../gss/mechanism.ts';
import type { Oid } from '../../gss/oid.ts';
import { GssError } from '../../gss/status.ts';
import type { OptionRules } from '../../options.ts';
import {
  checkOptions,
  flag,
  listOf,
  nonEmpty,
  objectWith,
  oneOf,
  optionsOf,
  required,
  text,
} from '../../options.ts';
import type { NegTokenResp, ReceivedNegTokenResp } from '../../spnego/neg-token.ts';
import {
  decodeNegToken,
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NegState,
  readMechTypeList,
} from '../../spnego/neg-token.ts';
import type { Initiator } from '../initiator.ts';
import type { InitiatorResult } from '../initiator-options.ts';
import type { IakerbInitiator } from './iakerb-initiator.ts';

/** Options of {@link createNegotiator}. */
export interface NegotiatorOptions {
  /** The mechanisms to offer, the most preferred first. */
  readonly mechanisms: readonly NegotiatorMechanism[];
  /** Lists Late Fallback too (MS-SPNG §3.1.5.4), and goes on with the next mechanism if one fails; true if absent. */
  readonly lateFallback?: boolean;
  /** Sends an empty token first, which asks the acceptor for its list (MS-SPNG §3.2.5.2). */
  readonly askFirst?: boolean;
  /** Where the initiator lists what is left when a mechanism fails at its side: `init` if absent. */
  readonly listsAgainIn?: 'init' | 'resp';
}

/** A mechanism of {@link NegotiatorOptions}. */
export interface NegotiatorMechanism {
  /** Its OID. */
  readonly mechanism: Oid;
  /** Plays it; with mutual authentication, and without SPNEGO of its own. */
  readonly initiator: Initiator | IakerbInitiator;
}

/**
 * Creates an initiator that negotiates among others.
 *
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import { Mechanism } from 'krb5-acceptor';
 * import type { IakerbInitiator, Initiator } from 'krb5-acceptor/testing';
 * import { createNegotiator } from 'krb5-acceptor/testing';
 *
 * export function fallingBack(initiator: Initiator, relayed: IakerbInitiator) {
 *   return createNegotiator({
 *     mechanisms: [
 *       { mechanism: Mechanism.krb5, initiator },
 *       { mechanism: Mechanism.iakerb, initiator: relayed },
 *     ],
 *   });
 * }
 * ```
 */
export function createNegotiator(options: NegotiatorOptions): Negotiator {
  return new Negotiator(options);
}

/** One negotiation. Created by {@link createNegotiator}. */
export class Negotiator {
  readonly #options: NegotiatorOptions;
  /** Those that were not tried. */
  #left: readonly NegotiatorMechanism[];
  #current: NegotiatorMechanism | undefined;
  /** What the MICs cover. */
  #lists: Uint8Array[] = [];
  #hinted: Uint8Array | undefined;
  #late = false;
  #micRequired = false;
  #micSent = false;
  #micVerified = false;
  #context: SecurityContext | undefined;

  /** @internal */
  constructor(options: NegotiatorOptions) {
    checkOptions('createNegotiator', options, NEGOTIATOR_OPTIONS);
    this.#options = options;
    this.#left = options.mechanisms;
  }

  /** The OID of the mechanism in use; undefined before {@link begin}. */
  get mechanism(): Oid | undefined {
    return this.#current?.mechanism;
  }

  /** The first token: a NegTokenInit, or an empty one with `askFirst`. */
  begin(): InitiatorResult {
    if (this.#options.askFirst === true) {
      return { status: 'continue', outputToken: new Uint8Array() };
    }
    return this.#offer();
  }

  /**
   * Takes the acceptor's answer.
   *
   * @throws {@link GssError} as `Initiator.step`, and what the mechanism in use throws if no other is left.
   */
  step(token?: Uint8Array): InitiatorResult {
    const message = decodeNegToken(token ?? new Uint8Array());
    if (message.kind === 'init') {
      if (this.#current !== undefined) throw defective('a list after the choice');
      this.#hinted = message.mechTypeList.slice();
      return this.#offer();
    }
    if (message.negState === NegState.reject) throw rejected();
    const proposed = this.#readLists(message);
    if (proposed !== undefined && proposed !== this.#current?.mechanism) {
      return this.#change(proposed);
    }
    if (this.#context !== undefined) return this.#finish(this.#context, message, undefined);
    try {
      const result = this.#current!.initiator.step(message.responseToken);
      if (result.status === 'continue') return send({ responseToken: result.outputToken });
      this.#context = result.context;
      return this.#finish(result.context, message, result.outputToken);
    } catch (error) {
      if (this.#context !== undefined || !this.#late || this.#left.length === 0) throw error;
      return this.#listAgain();
    }
  }

  #offer(): InitiatorResult {
    const mechTypes = this.#listOfLeft();
    this.#lists.push(encodeMechTypeList(mechTypes));
    const mechToken = this.#start(mechTypes[0]!);
    return { status: 'continue', outputToken: encodeNegTokenInit({ mechTypes, mechToken }) };
  }

  /** @returns The mechanism that the acceptor goes on with: another one if the last has failed. */
  #readLists({ supportedMech, supportedMechList }: ReceivedNegTokenResp): Oid | undefined {
    if (supportedMechList === undefined || this.#options.lateFallback === false) {
      return supportedMech;
    }
    if (!this.#late && this.#hinted !== undefined) this.#lists.unshift(this.#hinted);
    this.#late = true;
    this.#lists.push(supportedMechList.slice());
    return readMechTypeList(supportedMechList)[0];
  }

  #change(mechanism: Oid): InitiatorResult {
    this.#micRequired = true;
    return send({ responseToken: this.#start(mechanism) });
  }

  /** The mechanism in use has failed here. */
  #listAgain(): InitiatorResult {
    const mechTypes = this.#listOfLeft();
    this.#lists.push(encodeMechTypeList(mechTypes));
    this.#micRequired = true;
    const token = this.#start(mechTypes[0]!);
    if (this.#options.listsAgainIn === 'resp') {
      return send({ responseToken: token, supportedMechs: mechTypes });
    }
    return {
      status: 'continue',
      outputToken: encodeNegTokenInit({ mechTypes, mechToken: token }),
    };
  }

  #listOfLeft(): Oid[] {
    const oids = this.#left.map(({ mechanism }) => mechanism);
    return this.#options.lateFallback === false ? oids : [...oids, Mechanism.lateFallback];
  }

  /** The first token of a mechanism, which is tried once. */
  #start(oid: Oid): Uint8Array {
    const chosen = this.#left.find(({ mechanism }) => mechanism === oid);
    if (chosen === undefined) throw defective(`the acceptor chose ${mechanismName(oid)}`);
    this.#left = this.#left.filter((each) => each !== chosen);
    this.#current = chosen;
    const first = chosen.initiator.begin();
    if (first instanceof Uint8Array) return first;
    if (first.outputToken === undefined) throw defective('the mechanism has no first token');
    return first.outputToken;
  }

  /** RFC 4178 §5. */
  #finish(
    context: SecurityContext,
    { negState, mechListMic: theirs }: ReceivedNegTokenResp,
    responseToken: Uint8Array | undefined,
  ): InitiatorResult {
    const covered = concatBytes(...this.#lists);
    if (theirs !== undefined) {
      context.verifyMic(covered, theirs);
      this.#micVerified = true;
    }
    const owed = (this.#micRequired || this.#micVerified) && !this.#micSent;
    if (negState === NegState.acceptCompleted) {
      if ((this.#micRequired && owed) || (this.#micSent && !this.#micVerified)) {
        throw defective('complete without both MICs');
      }
      return { status: 'complete', context };
    }
    if (!owed && responseToken === undefined) throw defective('incomplete after the last token');
    this.#micSent ||= owed;
    const { outputToken } = send({
      ...(responseToken && { responseToken }),
      ...(owed && { mechListMic: context.getMic(covered) }),
    });
    const isLast = responseToken === undefined;
    return isLast
      ? { status: 'complete', context, outputToken }
      : { status: 'continue', outputToken };
  }
}

function send(message: NegTokenResp) {
  return { status: 'continue', outputToken: encodeNegTokenResp(message) } as const;
}

function rejected(): GssError {
  const message = 'The acceptor rejected the negotiation';
  return new GssError('GSS_S_FAILURE', {
    minor: new KerberosError('SPNEGO_REJECTED', { reason: 'testing.refused', message }),
  });
}

function defective(problem: string): GssError {
  return new GssError('GSS_S_DEFECTIVE_TOKEN', {
    reason: 'testing.answer',
    message: `SPNEGO: ${problem}`,
  });
}

const NEGOTIATOR_OPTIONS: OptionRules<NegotiatorOptions> = {
  mechanisms: required(
    nonEmpty(
      listOf(
        optionsOf<NegotiatorMechanism>({
          mechanism: required(text),
          initiator: required(objectWith('an initiator', 'begin', 'step')),
        }),
      ),
    ),
  ),
  lateFallback: flag,
  askFirst: flag,
  listsAgainIn: oneOf('init', 'resp'),
};
