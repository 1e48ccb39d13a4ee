/**
 * The reasons for which anything is refused: stable names, and the facts that come with each.
 *
 * Types only: nothing of this file is in a bundle. The texts are in the catalogue beside it.
 */
import type { KeyDetails, TicketDetails, TokenDetails } from './client-reasons.ts';
import type { MessageDetails, PolicyDetails } from './policy-reasons.ts';
import type { ProxyDetails } from './proxy-reasons.ts';
import type { FaultDetails, FileDetails, SaslDetails, ServerDetails } from './service-reasons.ts';

/** The facts of each reason. Names and values for the operator; never bytes of keys or plaintext. */
export interface ReasonDetails
  extends TokenDetails,
    KeyDetails,
    TicketDetails,
    PolicyDetails,
    MessageDetails,
    FaultDetails,
    FileDetails,
    SaslDetails,
    ServerDetails,
    ProxyDetails {}

/** The name of a reason: `'key.stale-keytab'`. It says what is wrong, seen from the operator. */
export type Reason = keyof ReasonDetails;

/** The type of `error.detail` for an error of this reason. */
export type DetailOf<R extends Reason> = ReasonDetails[R];

/** A reason with its facts; TypeScript narrows `detail` by `reason`. */
export type Refusal = {
  [R in Reason]: { readonly reason: R; readonly detail: DetailOf<R> };
}[Reason];

/** A {@link Refusal} whose detail may be left out if none of its facts is required. */
export type RefusalInit = {
  [R in Reason]: Record<never, never> extends DetailOf<R>
    ? { readonly reason: R; readonly detail?: DetailOf<R> | undefined }
    : { readonly reason: R; readonly detail: DetailOf<R> };
}[Reason];

/** What the catalogue says about one reason. */
export interface Explanation<R extends Reason = Reason> {
  /** One sentence with the facts in it, without a full stop. */
  text(detail: DetailOf<R>): string;
  /** What to do, the likeliest first. Each names the command, setting or option. */
  remedies(detail: DetailOf<R>): readonly string[];
}

/** The explanations of some reasons. */
export type Explanations<R extends Reason = Reason> = { readonly [K in R]: Explanation<K> };
