/** Refusals of mechanisms that the acceptor lacks, with their names and remedies. */
import { KerberosError } from '../errors.ts';
import { Mechanism } from '../gss/mechanism.ts';
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
 * @returns As {@link explainForeignToken}; undefined if the preferred mechanism is an unknown one.
 */
export function explainForeignChoice(
  first: Oid,
  token: Uint8Array | undefined,
): GssError | undefined {
  const sent = token && explainForeignToken(token)?.minor?.code;
  const isNtlm = sent === 'NTLM_RECEIVED' || first === Mechanism.ntlmssp;
  const name = isNtlm ? 'NTLM' : 'NegoEx';
  if (!isNtlm && sent === undefined && first !== Mechanism.negoex) return undefined;
  const hint = `the client preferred ${name} to Kerberos: ${FALLBACK}`;
  const code = isNtlm ? 'NTLM_RECEIVED' : 'NEGOEX_RECEIVED';
  const minor = new KerberosError(code, { reason: REASONS[code], hint });
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

function refusal(code: keyof typeof HINTS, offered?: readonly Oid[]): GssError {
  const minor = new KerberosError(code, {
    reason: REASONS[code],
    hint: HINTS[code],
    ...(offered && { detail: { offered } }),
  });
  return new GssError('GSS_S_BAD_MECH', { minor });
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

const FALLBACK =
  'a client falls back to it when it gets no Kerberos ticket for the name it connects to: use the ' +
  'host name of the service and not an IP address or an alias, register that name as an SPN of ' +
  'exactly one account, let the client be logged in to the domain (klist) and reach a KDC, and put ' +
  "the site into the browser's trusted zone";
const HINTS = {
  NTLM_RECEIVED: FALLBACK,
  NEGOEX_RECEIVED: FALLBACK,
  SPNEGO_NEGOTIATION_FAILED: 'the client offers no mechanism that this acceptor has',
} as const;
const REASONS = {
  NTLM_RECEIVED: 'negotiate.ntlm',
  NEGOEX_RECEIVED: 'negotiate.negoex',
  SPNEGO_NEGOTIATION_FAILED: 'negotiate.no-common-mechanism',
} as const;
