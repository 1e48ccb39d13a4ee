/** Refusals of mechanisms that the acceptor lacks, with their names and remedies. */
import { KerberosError } from '../errors.ts';
import { Mechanism, mechanismName } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { GssError } from '../gss/status.ts';

/**
 * The refusal of a token of NTLM or NegoEx without a GSS-API header. Windows sends NTLM in this form
 * where HTTP's `Negotiate` means SPNEGO.
 *
 * @returns `GSS_S_BAD_MECH` with the minor `NTLM_RECEIVED` or `NEGOEX_RECEIVED`; undefined for any
 *   other token.
 */
export function explainForeignToken(token: Uint8Array): GssError | undefined {
  if (startsWith(token, NTLM_SIGNATURE)) return refusal('NTLM_RECEIVED');
  if (startsWith(token, NEGOEX_SIGNATURE)) return refusal('NEGOEX_RECEIVED');
  return undefined;
}

/**
 * Refuses a token of NTLM or NegoEx. Clients send such tokens without a header, and even in place of
 * a token of the chosen mechanism.
 *
 * @param token - Absent: not refused.
 * @throws {@link GssError} as {@link explainForeignToken} returns it.
 */
export function refuseForeignToken(token: Uint8Array | undefined): void {
  const foreign = token && explainForeignToken(token);
  if (foreign !== undefined) throw foreign;
}

/**
 * The probable reason if a client, which offers one of our mechanisms but prefers another, does not
 * come back when it is asked for ours.
 *
 * @param first - The mechanism that the client prefers.
 * @param token - The token of that mechanism, if it sent one.
 * @returns As {@link explainForeignToken}; for any other mechanism an error without a minor status.
 */
export function explainForeignChoice(first: Oid, token: Uint8Array | undefined): GssError {
  const sent = token && explainForeignToken(token)?.minor?.code;
  const isNtlm = sent === 'NTLM_RECEIVED' || first === Mechanism.ntlmssp;
  if (!isNtlm && sent === undefined && first !== Mechanism.negoex) {
    const name = mechanismName(first);
    return new GssError('GSS_S_BAD_MECH', {
      reason: 'negotiate.abandoned',
      message: `The client preferred ${name} to Kerberos`,
      detail: { names: [name], preferred: true },
    });
  }
  const code = isNtlm ? 'NTLM_RECEIVED' : 'NEGOEX_RECEIVED';
  const minor = new KerberosError(code, { reason: REASONS[code], detail: { preferred: true } });
  return new GssError('GSS_S_BAD_MECH', { minor });
}

/**
 * The refusal of a list that contains none of our mechanisms.
 *
 * @returns `GSS_S_BAD_MECH` with the minor `NTLM_RECEIVED`, `NEGOEX_RECEIVED` or
 *   `SPNEGO_NEGOTIATION_FAILED`.
 */
export function explainForeignOffer(offered: readonly Oid[]): GssError {
  if (offered.includes(Mechanism.ntlmssp)) return refusal('NTLM_RECEIVED', offered);
  if (offered.includes(Mechanism.negoex)) return refusal('NEGOEX_RECEIVED', offered);
  return refusal('SPNEGO_NEGOTIATION_FAILED', offered);
}

function refusal(code: keyof typeof REASONS, offered?: readonly Oid[]): GssError {
  if (offered === undefined) {
    return new GssError('GSS_S_BAD_MECH', {
      minor: new KerberosError(code, { reason: REASONS[code] }),
    });
  }
  const both = offered.includes(Mechanism.negoex) && offered.includes(Mechanism.ntlmssp);
  const minor = new KerberosError(code, {
    reason: formOfKerberos(offered) ?? REASONS[code],
    detail: { offered, names: offered.slice(0, MAX_SHOWN).map(mechanismName) },
    message: both ? 'The client offered NegoEx and NTLM instead of Kerberos' : undefined,
  });
  return new GssError('GSS_S_BAD_MECH', { minor });
}

/** Kerberos in a form that this acceptor lacks, if the client offers no other form. */
function formOfKerberos(
  offered: readonly Oid[],
):
  | 'negotiate.iakerb-only'
  | 'negotiate.iakerb-or-ntlm'
  | 'negotiate.user-to-user-only'
  | undefined {
  const isNtlm = offered.includes(Mechanism.ntlmssp) || offered.includes(Mechanism.negoex);
  if (isNtlm) return offered.includes(Mechanism.iakerb) ? 'negotiate.iakerb-or-ntlm' : undefined;
  const [first, ...others] = offered.filter((oid) => oid !== Mechanism.lateFallback);
  if (others.some((oid) => oid !== first)) return undefined;
  if (first === Mechanism.iakerb) return 'negotiate.iakerb-only';
  return first === Mechanism.userToUser ? 'negotiate.user-to-user-only' : undefined;
}

function startsWith(token: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (token[i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

// MS-NLMP §2.2.1, MS-NEGOEX §2.2.6.2.
const NTLM_SIGNATURE = 'NTLMSSP\0';
const NEGOEX_SIGNATURE = 'NEGOEXTS';

const MAX_SHOWN = 8;
const REASONS = {
  NTLM_RECEIVED: 'negotiate.ntlm',
  NEGOEX_RECEIVED: 'negotiate.negoex',
  SPNEGO_NEGOTIATION_FAILED: 'negotiate.no-common-mechanism',
} as const;
