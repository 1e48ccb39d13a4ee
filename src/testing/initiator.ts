/** The initiator's side of an exchange, for tests. */
import type { SecurityContext } from '../context/context.ts';
import { checkOptions } from '../options.ts';
import type { InitiatorOptions, InitiatorResult } from './initiator-options.ts';
import { INITIATOR_OPTIONS } from './initiator-options.ts';
import { KerberosExchange } from './kerberos-exchange.ts';
import { SpnegoExchange } from './spnego-exchange.ts';

/**
 * Creates an initiator, which establishes one context.
 *
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import type { Acceptor } from 'krb5-acceptor';
 * import type { MintedTicket } from 'krb5-acceptor/testing';
 * import { createInitiator } from 'krb5-acceptor/testing';
 *
 * export async function meet(acceptor: Acceptor, ticket: MintedTicket) {
 *   const initiator = createInitiator({ ticket });
 *   const { outputToken } = await acceptor.begin().accept(initiator.begin());
 *   return initiator.finish(outputToken);
 * }
 * ```
 */
export function createInitiator(options: InitiatorOptions): Initiator {
  return new Initiator(options);
}

/** One exchange of the initiator. Created by {@link createInitiator}. */
export class Initiator {
  readonly #kerberos: KerberosExchange;
  readonly #spnego: SpnegoExchange | undefined;

  /** @internal */
  constructor(options: InitiatorOptions) {
    checkOptions('createInitiator', options, INITIATOR_OPTIONS);
    const { spnego = false } = options;
    this.#kerberos = new KerberosExchange(options);
    this.#spnego =
      spnego === false
        ? undefined
        : new SpnegoExchange(this.#kerberos, options.ticket, spnego === true ? {} : spnego);
  }

  /**
   * The first token: an AP-REQ, framed, or bare in DCE style; with `spnego` a NegTokenInit, or an empty
   * token with `askFirst`. Each call begins anew, with a new authenticator.
   */
  begin(): Uint8Array {
    return (this.#spnego ?? this.#kerberos).begin();
  }

  /**
   * Takes the acceptor's answer, and makes the next token where the exchange has further legs: SPNEGO
   * where Kerberos is not the first mechanism, and DCE style.
   *
   * @param token - The acceptor's answer; absent if there is none, which the initiator accepts only without
   *   mutual authentication.
   * @throws as {@link finish}.
   *
   * @example
   * ```ts
   * import type { Acceptor, SecurityContext } from 'krb5-acceptor';
   * import type { Initiator } from 'krb5-acceptor/testing';
   *
   * export async function meet(acceptor: Acceptor, initiator: Initiator): Promise<SecurityContext> {
   *   const handshake = acceptor.begin();
   *   let answer = await handshake.accept(initiator.begin());
   *   for (;;) {
   *     const step = initiator.step(answer.outputToken);
   *     if (step.outputToken) answer = await handshake.accept(step.outputToken);
   *     if (step.status === 'complete') return step.context;
   *   }
   * }
   * ```
   */
  step(token?: Uint8Array): InitiatorResult {
    return (this.#spnego ?? this.#kerberos).step(token);
  }

  /**
   * DCE style without SPNEGO only: the third leg, which answers the acceptor's AP-REP (MS-KILE
   * §3.4.5.2). Afterwards pass the same AP-REP to {@link finish}.
   *
   * @param token - The acceptor's AP-REP.
   * @returns An AP-REP, bare.
   * @throws as {@link finish}.
   */
  confirm(token: Uint8Array): Uint8Array {
    return this.#kerberos.confirm(token);
  }

  /**
   * Ends the exchange, if the acceptor's answer is the last token.
   *
   * @param token - The acceptor's answer; absent if mutual authentication was not requested.
   * @returns The initiator's context. The caller must dispose of it.
   * @throws {@link GssError} GSS_S_FAILURE with the code of a KRB-ERROR as minor status, or with
   *   SPNEGO_REJECTED; GSS_S_DEFECTIVE_TOKEN for a missing or malformed answer, and one that RFC 4178
   *   does not allow; GSS_S_BAD_MIC for the acceptor's MIC of another list than the one sent.
   *   {@link KerberosError} KRB_AP_ERR_MUT_FAIL if the answer is for another request,
   *   KRB_AP_ERR_BAD_INTEGRITY if it does not decrypt. TypeError before {@link begin}, and where SPNEGO has
   *   a further leg, for which {@link step} has the token.
   */
  finish(token?: Uint8Array): SecurityContext {
    if (this.#spnego === undefined) return this.#kerberos.finish(token);
    const result = this.#spnego.step(token);
    if (result.status === 'complete' && result.outputToken === undefined) return result.context;
    if (result.status === 'complete') result.context.dispose();
    throw new TypeError('initiator: expected step(), since the exchange has another leg');
  }
}
