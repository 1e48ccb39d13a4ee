/** The refusals of krb5-forward-auth itself; all others are those of the sign-on. */
import { KerberosError } from '../../errors.ts';
import { GssError } from '../../gss/status.ts';
import type { Identity } from '../../http/identity.ts';
import { describeThrown, printableName } from '../../text.ts';

export function notTrusted(address: string | undefined): GssError {
  return new GssError('GSS_S_UNAUTHORIZED', {
    reason: 'proxy.not-trusted',
    message: `${address} is no trusted proxy: see -trust`,
    ...(address !== undefined && { detail: { address } }),
  });
}

export function forgedHeader(name: string): GssError {
  const header = printableName(name);
  return new GssError('GSS_S_UNAUTHORIZED', {
    reason: 'proxy.forged-header',
    message: `a request has the header ${header}: the proxy did not remove it`,
    detail: { header },
  });
}

export function againstRules(
  { principal }: Identity,
  request: string,
  rule: string | undefined,
  problem: string,
): GssError {
  const client = printableName(principal);
  return new GssError('GSS_S_UNAUTHORIZED', {
    reason: 'proxy.rules',
    message: `${client} may not ${request}: ${problem}`,
    detail: { client, request, problem, ...(rule !== undefined && { rule: printableName(rule) }) },
  });
}

export function unsuitableName({ principal }: Identity): GssError {
  const client = printableName(principal);
  return new GssError('GSS_S_UNAUTHORIZED', {
    reason: 'proxy.unsuitable-name',
    message: `a header cannot carry the names of ${client}`,
    detail: { client },
  });
}

export function faultOf(cause: unknown): GssError {
  const minor = new KerberosError('KRB_ERR_GENERIC', {
    reason: 'fault.program',
    message: 'The request could not be judged',
    hint: describeThrown(cause),
    cause,
  });
  return new GssError('GSS_S_FAILURE', { minor });
}
