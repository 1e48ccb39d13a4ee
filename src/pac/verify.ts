/**
 * The individual checks of a PAC (MS-PAC §2.7, §2.8). The layers above call `verifyPac` of pac.ts,
 * which runs them in order.
 */
import { KeyUsage } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import type { PrincipalName } from '../messages/principal.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import { encodeEncTicketPart } from '../messages/ticket.ts';
import { printableName } from '../text.ts';
import type { KerberosTime } from '../time.ts';
import { formatTime } from '../time.ts';
import type { ClientInfo, PacSignature } from './buffers.ts';
import { parseClientInfo, parsePacSignature, rodcIdentifier } from './buffers.ts';
import { withEmptyPac } from './locate.ts';
import type { UnverifiedPac } from './pac-type.ts';
import { findPacBuffer, PacBufferType } from './pac-type.ts';

/** The part of a key's interface that verification needs; `EncryptionKey` implements it. */
export interface PacKey {
  readonly enctype: number;
  readonly checksumType: number;
  readonly checksumLength: number;
  verifyChecksum(usage: number, checksum: Uint8Array, ...parts: Uint8Array[]): boolean;
}

/** The client of the ticket that contains the PAC. */
export interface PacClient {
  readonly clientRealm: string;
  readonly clientName: PrincipalName;
  readonly authTime: KerberosTime;
}

/**
 * Verifies the server signature (MS-PAC §2.8.1), over the PAC with server and KDC signature zeroed.
 *
 * @param pac - Its bytes are changed during the call and restored.
 * @param key - The key that decrypted the ticket.
 * @throws {@link KerberosError} `KRB_AP_ERR_INAPP_CKSUM` if a signature is absent or not of the
 *   key's checksum type, `KRB_AP_ERR_MODIFIED` if it is wrong, or a DecodeError.
 */
export function verifyServerSignature(pac: UnverifiedPac, key: PacKey): void {
  const { serverSignature, kdcSignature } = PacBufferType;
  const signature = signatureOf(pac, serverSignature, 'server');
  const zeroed = [signature, signatureOf(pac, kdcSignature, 'KDC')];
  checkZeroed(pac, 'server', key, zeroed);
}

/**
 * Verifies the KDC signature (MS-PAC §2.8.2), over the server signature.
 *
 * @param key - The KDC's key (krbtgt).
 * @throws As {@link verifyServerSignature}.
 */
export function verifyKdcSignature(pac: UnverifiedPac, key: PacKey): void {
  const { serverSignature, kdcSignature } = PacBufferType;
  const signed = signatureOf(pac, serverSignature, 'server').data;
  check(signatureOf(pac, kdcSignature, 'KDC'), 'KDC', key, signed);
}

/**
 * Verifies the extended KDC signature (MS-PAC §2.8.4), over the PAC with all three signatures
 * zeroed.
 *
 * @param pac - As for {@link verifyServerSignature}.
 * @param key - The KDC's key (krbtgt).
 * @throws As {@link verifyServerSignature}.
 */
export function verifyFullSignature(pac: UnverifiedPac, key: PacKey): void {
  const { serverSignature, kdcSignature, fullSignature } = PacBufferType;
  const signature = signatureOf(pac, fullSignature, 'full');
  const server = signatureOf(pac, serverSignature, 'server');
  const zeroed = [signature, server, signatureOf(pac, kdcSignature, 'KDC')];
  checkZeroed(pac, 'full', key, zeroed);
}

/**
 * Verifies the ticket signature (MS-PAC §2.8.3), over the ticket that contains the PAC.
 *
 * @param key - The KDC's key (krbtgt).
 * @throws As {@link verifyServerSignature}.
 */
export function verifyTicketSignature(
  pac: UnverifiedPac,
  ticket: EncTicketPart,
  key: PacKey,
): void {
  const signature = signatureOf(pac, PacBufferType.ticketSignature, 'ticket');
  const signed = encodeEncTicketPart(withEmptyPac(ticket));
  try {
    check(signature, 'ticket', key, signed);
  } finally {
    // The encoded ticket contains the session key.
    signed.fill(0);
  }
}

/**
 * Compares client name and time of the PAC (MS-PAC §2.7) with those of the ticket; if they differ,
 * the PAC belongs to another ticket. Names are compared as in MIT krb5 and Heimdal: components
 * separated by `/`, without escapes, so that an enterprise name is `user@domain`.
 *
 * @param withRealm - Whether the PAC's name ends with the realm, as between KDCs for S4U2self.
 * @throws {@link KerberosError} `KRB_AP_ERR_BADMATCH`, or a DecodeError.
 */
export function verifyClientInfo(
  pac: UnverifiedPac,
  client: PacClient,
  withRealm = false,
): ClientInfo {
  const buffer = findPacBuffer(pac, PacBufferType.clientInfo);
  if (buffer === undefined) {
    throw new KerberosError('KRB_AP_ERR_BADMATCH', {
      reason: 'pac.other-client',
      message: 'PAC names no client',
    });
  }
  const info = parseClientInfo(buffer.data);
  const name = client.clientName.components.join('/');
  const expected = withRealm ? `${name}@${client.clientRealm}` : name;
  if (info.name === expected && info.authTime === client.authTime) return info;
  throw new KerberosError('KRB_AP_ERR_BADMATCH', {
    reason: 'pac.other-client',
    message: "PAC is not that of the ticket's client",
    detail: {
      pacClient: printableName(info.name),
      ticketClient: printableName(expected),
      pacAuthTime: info.authTime === undefined ? 'none' : formatTime(info.authTime),
      ticketAuthTime: formatTime(client.authTime),
    },
  });
}

function signatureOf(pac: UnverifiedPac, type: number, name: string): PacSignature {
  const buffer = findPacBuffer(pac, type);
  if (buffer !== undefined) return parsePacSignature(buffer.data);
  throw new KerberosError('KRB_AP_ERR_INAPP_CKSUM', {
    reason: 'pac.signature',
    detail: { signature: name },
    message: `PAC has no ${name} signature`,
  });
}

function check(signature: PacSignature, name: string, key: PacKey, signed: Uint8Array): void {
  // MS-PAC §2.8.1: the type is that of the key. Another type would use the key with an algorithm
  // that it was not made for, or would not be keyed at all.
  if (signature.type !== key.checksumType) {
    throw new KerberosError('KRB_AP_ERR_INAPP_CKSUM', {
      reason: 'pac.signature',
      detail: { signature: name },
      message:
        `PAC ${name} signature is of checksum type ${signature.type}, the key's is ` +
        `${key.checksumType}`,
    });
  }
  const { data } = signature;
  // The usual case: a view would move the buffer of such a small array out of V8's heap.
  const whole = data.length === key.checksumLength;
  const checksum = whole ? data : data.subarray(0, key.checksumLength);
  if (key.verifyChecksum(KeyUsage.pacChecksum, checksum, signed)) return;
  const rodc = rodcIdentifier(signature, key.checksumLength);
  throw new KerberosError('KRB_AP_ERR_MODIFIED', {
    reason: 'pac.signature',
    detail: { signature: name, ...(rodc !== undefined && { readOnlyController: rodc }) },
    message: `PAC ${name} signature does not verify`,
  });
}

/**
 * Runs {@link check} for the first of these signatures, over the PAC with all of them zeroed, and
 * then restores them: a copy of the PAC would cost more than the rest of the work. As in MIT krb5
 * and Samba, an RODCIdentifier is zeroed as well, and the checksum type is not.
 */
function checkZeroed(
  { bytes }: UnverifiedPac,
  name: string,
  key: PacKey,
  zeroed: readonly PacSignature[],
): void {
  const saved = zeroed.map(({ type, data }) => ({ type, data: new Uint8Array(data) }));
  for (const { data } of zeroed) data.fill(0);
  try {
    check(saved[0]!, name, key, bytes);
  } finally {
    for (let i = 0; i < zeroed.length; i++) zeroed[i]!.data.set(saved[i]!.data);
  }
}
