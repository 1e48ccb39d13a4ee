/** A client whose exchange holds every kind of secret, all of which the test knows. */

import { EncryptionKey } from '../../src/crypto/key.ts';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { unframeToken } from '../../src/gss/framing.ts';
import { ContextFlag } from '../../src/gss/status.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { decodeApReq } from '../../src/messages/ap-req.ts';
import type { Initiator, InitiatorOptions } from '../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from './encoders.ts';
import { seededRandom } from './realm-kit.ts';
import type { Secrets } from './secrets.ts';

/** A client with a ticket that has groups, which delegates a credential. */
export function ladenClient(keytab: Keytab, clock: () => number = Date.now) {
  const ticket = mintTicket({ keytab, client: { name: 'alice', groups: [512] }, clock });
  const { key: serviceKey } = keytab.entries[0]!;
  const { sessionKey } = ticket;
  const delegated = EncryptionKey.generate(18, seededRandom(91)).bytes();
  const ticketInfo = [
    {
      key: { enctype: 18, value: delegated },
      endTime: Math.floor(clock() / 1000) + 3600,
      realm: 'EXAMPLE.TEST',
      serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] },
      clientRealm: 'EXAMPLE.TEST',
      clientName: { nameType: 1, components: ['alice'] },
    },
  ];
  const plain = encodeEncKrbCredPart({ ticketInfo });
  const delegation = encodeKrbCred({
    tickets: [ticket.ticket],
    encPart: {
      enctype: sessionKey.enctype,
      cipher: sessionKey.encrypt(KeyUsage.krbCredEncPart, plain, seededRandom(92)),
    },
  });
  const flags = FLAGS | ContextFlag.delegation;

  /** Before its first token; by default one that delegates. */
  function initiator(options: Partial<InitiatorOptions> = {}): Initiator {
    return createInitiator({ ticket, clock, flags, delegation, ...options });
  }

  /** @param token - An AP-REQ of this client, framed. */
  function secretsOf(token: Uint8Array): Secrets {
    const apReq = decodeApReq(unframeToken(token).inner.subarray(2));
    const { cipher } = apReq.authenticator;
    const authenticator = sessionKey.decrypt(KeyUsage.apReqAuthenticator, cipher);
    const ticketPart = serviceKey.decrypt(KeyUsage.ticket, ticket.ticket.encPart.cipher);
    // The names in them are no secrets: of the ticket's part the key comes before them, of an
    // authenticator after them.
    const keyEnd = Buffer.from(ticketPart).indexOf(sessionKey.bytes()) + sessionKey.bytes().length;
    const tail = authenticator.slice(-SUBKEY_AND_NUMBER);
    return {
      'service key': serviceKey.bytes(),
      'session key': sessionKey.bytes(),
      'delegated key': delegated,
      'plaintext of the ticket': ticketPart.slice(0, keyEnd),
      'plaintext of the authenticator': tail,
    };
  }

  return { ticket, initiator, secretsOf };
}

/** A copy whose last byte, which belongs to the authenticator, is another one. */
export function altered(token: Uint8Array): Uint8Array {
  const copy = token.slice();
  copy[copy.length - 1]! ^= 1;
  return copy;
}

const FLAGS =
  ContextFlag.mutual | ContextFlag.replay | ContextFlag.confidentiality | ContextFlag.integrity;
// The DER of an AES-256 key, and of a sequence number of four bytes at least.
const SUBKEY_AND_NUMBER = 48;
