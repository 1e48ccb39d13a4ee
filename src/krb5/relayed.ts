/** The checksum that ties an AP-REQ to the messages that were relayed before it (IAKERB). */
import type { VerifiedApReq } from '../ap/accept.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import type { Oid } from '../gss/oid.ts';
import { GssError } from '../gss/status.ts';
import { decodeFinished } from '../messages/kdc/iakerb.ts';
import type { FinishedExtension } from './authenticator-checksum.ts';
import { FinishedType } from './authenticator-checksum.ts';

/** What came before the AP-REQ in its exchange. */
export interface Relayed {
  /** The mechanism of the exchange, which the context gets. */
  readonly mechanism: Oid;
  /** All tokens before the AP-REQ, of both sides; empty if nothing was relayed. */
  readonly transcript: readonly Uint8Array[];
}

/**
 * Checks that the initiator has seen the same tokens as the acceptor. The key is the initiator's subkey, as
 * in MIT krb5: the session key may be known to a KDC that the tokens led to.
 *
 * What came before the initiator's own first token is not its concern: over HTTP an initiator that gave up
 * (after a wrong password) begins anew on its connection, and no token shows that.
 *
 * @param finished - The extension of the authenticator's checksum.
 * @throws {@link GssError} GSS_S_BAD_MIC if there is none or it does not match; {@link KerberosError}
 *   KRB_AP_ERR_MSG_TYPE if there is one and nothing was relayed.
 */
export function checkTranscript(
  finished: FinishedExtension | undefined,
  { subkey }: VerifiedApReq,
  transcript: readonly Uint8Array[],
): void {
  if (transcript.length === 0) {
    // MIT krb5, accept_sec_context.c: kg_process_extension.
    if (finished?.type !== FinishedType.draft) return;
    throw new KerberosError('KRB_AP_ERR_MSG_TYPE', {
      reason: 'iakerb.transcript',
      detail: { problem: 'nothing-relayed' },
    });
  }
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
