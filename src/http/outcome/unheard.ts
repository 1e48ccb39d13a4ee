/** Prints what an application does not listen to, so that its operator is not left guessing. */
import { explain } from '../../errors.ts';
import type { GssError } from '../../gss/status.ts';
import { printWarning } from '../../warning.ts';
import type { AuthenticationRequest } from '../authentication.ts';
import type { AuthenticatorOptions } from '../options.ts';

type Hooks<R extends AuthenticationRequest> = Pick<
  AuthenticatorOptions<R>,
  'onRefused' | 'onChallenge' | 'onChallenged' | 'onAbandoned'
>;

/**
 * The hooks of an application, and in place of those that it does not have others, which print the first
 * event of each reason, however many come: a client must not be able to fill a log.
 *
 * @param nameOfRefused - The application's name for the hook of refusals.
 */
export function hooksOrWarnings<R extends AuthenticationRequest>(
  hooks: { readonly [Name in keyof Hooks<R>]: Hooks<R>[Name] | undefined },
  nameOfRefused = 'onRefused',
): Hooks<R> {
  const { onRefused, onChallenge, onChallenged, onAbandoned } = hooks;
  const printed = new Set<string>();
  const print = (error: GssError, hook: string): void => {
    if (printed.has(error.reason)) return;
    printed.add(error.reason);
    void explain(error).then(({ text, remedies }) => {
      const why = [text, ...remedies].join('; ');
      const rest = `further ones for this reason are only counted, see ${hook}`;
      printWarning(`a client was not let in: ${why} (${rest})`, CODE);
    });
  };
  // A challenge is remarkable only if nothing but onAbandoned would tell of its client.
  const printEmpty: Hooks<R>['onChallenge'] = (_, why) => {
    if (why?.reason === 'token.empty') print(why, 'onChallenge');
  };
  return {
    onRefused: onRefused ?? ((error) => print(error, nameOfRefused)),
    onAbandoned: onAbandoned ?? ((error) => print(error, 'onAbandoned')),
    ...(onChallenged === undefined
      ? { onChallenge: onChallenge ?? printEmpty }
      : { onChallenged, ...(onChallenge && { onChallenge }) }),
  };
}

const CODE = 'KRB5_ACCEPTOR_DENIED';
