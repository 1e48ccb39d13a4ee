/** Tickets of an Active Directory, recorded from Samba's KDC. */
import { fromHex } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { unframeToken } from '../../src/gss/framing.ts';
import type { EncryptionKey, Keytab, Pac, SecurityContext } from '../../src/index.ts';
import { acquireCredential, createAcceptor, parseKeytab } from '../../src/index.ts';
import { decodeApReq } from '../../src/messages/ap-req.ts';
import { decodeEncTicketPart } from '../../src/messages/ticket.ts';
import { findPac } from '../../src/pac/locate.ts';
import { verifyPac } from '../../src/pac/pac.ts';

/** fixtures/samba/tickets.json. Bytes are hexadecimal. */
export interface DomainTickets {
  readonly source: string;
  readonly domainSid: string;
  /** Of the services. */
  readonly keytab: string;
  /** Of krbtgt. */
  readonly kdcKeytab: string;
  readonly tickets: readonly DomainTicket[];
}

/** What one user sent to one service. */
export interface DomainTicket {
  readonly user: string;
  readonly service: string;
  /** The initiator's first token. */
  readonly token: string;
  /** Milliseconds since 1970 at which it was accepted. */
  readonly clock: number;
  readonly sid: string;
  /** What Samba's own tokenGroups of the user are. */
  readonly tokenGroups: readonly string[];
}

export function domainKeytab(hex: string): Keytab {
  return parseKeytab(fromHex(hex), { crypto: withLegacyEnctypes() });
}

/** Presents a recorded token to an acceptor of its time. @throws GssError if it is refused. */
export async function acceptDomainTicket(
  ticket: Pick<DomainTicket, 'token' | 'clock'>,
  keytab: Keytab,
): Promise<SecurityContext> {
  const credential = await acquireCredential({ keytab });
  const acceptor = createAcceptor({ credential, clock: () => ticket.clock });
  const result = await acceptor.begin().accept(fromHex(ticket.token));
  if (result.status !== 'complete') throw result.status === 'failed' ? result.error : new Error();
  return result.context;
}

/** The PAC of a token, with all its signatures verified: those of the KDC's key, too. */
export function verifyDomainPac(token: Uint8Array, keytab: Keytab, kdcKeytab: Keytab): Pac {
  const apReq = decodeApReq(unframeToken(token).inner.subarray(2));
  const { encPart, serverName } = apReq.ticket;
  const service = serverName.components.join('/');
  const serverKey = keyOf(keytab, encPart.enctype, service);
  const ticket = decodeEncTicketPart(serverKey.decrypt(KeyUsage.ticket, encPart.cipher));
  return verifyPac(
    findPac(ticket.authorizationData)!,
    ticket,
    serverKey,
    keyOf(kdcKeytab, AES256_SHA1),
  );
}

/** The SIDs that a domain gives: not of well-known groups, nor of the built-in ones of one machine. */
export function domainGroups(sids: readonly string[] | undefined): string[] | undefined {
  return sids?.filter((sid) => sid.startsWith('S-1-5-21-')).sort();
}

function keyOf(keytab: Keytab, enctype: number, service?: string): EncryptionKey {
  const entry = keytab.entries.find(
    ({ key, principal }) =>
      key.enctype === enctype &&
      (service === undefined || principal.components.join('/') === service),
  );
  if (entry === undefined) throw new Error(`no key of enctype ${enctype}`);
  return entry.key;
}

const AES256_SHA1 = 18;
