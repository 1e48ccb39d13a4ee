/** The checksum that ties an AP-REQ to the messages that were relayed before it (IAKERB). */
import type { VerifiedApReq } from '../ap/accept.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import { GssError } from '../gss/status.ts';
import type { FinishedExtension } from '../krb5/authenticator-checksum.ts';
import { FinishedType } from '../krb5/authenticator-checksum.ts';
import { decodeFinished } from '../messages/kdc/iakerb.ts';

/**
 * Checks that the initiator has seen the same tokens as the acceptor. The key is the initiator's subkey, as
 * in MIT krb5: the session key may be known to a KDC that the tokens led to.
 *
 * The checksum covers the tokens from the initiator's own first one on, which is not always the first of the
 * exchange: over HTTP an initiator that gave up (after a wrong password) begins anew on its connection, and no
 * token shows where.
 *
 * @param finished - The extension of the authenticator's checksum.
 * @param transcript - All tokens before the AP-REQ, of both sides; at least one.
 * @throws {@link GssError} GSS_S_BAD_MIC if there is no extension or it does not match.
 */
export function checkTranscript(
  finished: FinishedExtension | undefined,
  { subkey }: VerifiedApReq,
  transcript: readonly Uint8Array[],
): void {
  if (finished === undefined || subkey === undefined) throw mismatch('missing');
  const { type, checksum } = decodeFinished(finished.data);
  const usage = finished.type === FinishedType.draft ? KeyUsage.finished : KeyUsage.iakerbFinished;
  const isSeen = (_: unknown, first: number): boolean => {
    // Each second token is the initiator's.
    if (first % 2 !== 0) return false;
    return subkey.verifyChecksum(usage, checksum, ...transcript.slice(first));
  };
  if (type !== subkey.checksumType || !transcript.some(isSeen)) throw mismatch('different');
}

function mismatch(problem: 'missing' | 'different'): GssError {
  const minor = new KerberosError('KRB_AP_ERR_BAD_INTEGRITY', {
    reason: 'iakerb.transcript',
    detail: { problem },
  });
  return new GssError('GSS_S_BAD_MIC', { minor });
}
