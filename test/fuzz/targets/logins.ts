/** Logins: what a KDC or an acceptor answers to a client, and what carries the messages of a relay. */
import { bytesEqual, concatBytes } from '../../../src/bytes.ts';
import { EncryptionKey } from '../../../src/crypto/default-crypto.ts';
import { Tag } from '../../../src/messages/der/reader.ts';
import {
  decodeFinished,
  decodeProxiedMessage,
  encodeFinished,
  encodeProxiedMessage,
} from '../../../src/messages/kdc/iakerb.ts';
import { formatPrincipal } from '../../../src/messages/principal.ts';
import type { Kdc } from '../../../src/testing/index.ts';
import { KdcError, requestTicket } from '../../../src/testing/index.ts';
import { asRequest, makeRealm } from '../../testing/kdc/requests.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { clock, seededRandom } from './realm.ts';

export async function loginTargets(): Promise<Target[]> {
  const { realm } = makeRealm();
  return [
    { name: 'iakerb-header', shape: 'der', seeds: headers(), run: readHeader },
    {
      name: 'iakerb-finished',
      shape: 'der',
      seeds: [[finished(17)], [finished(20)]],
      run: readFinished,
    },
    await loginTarget(realm.kdc),
  ];

  function headers(): Case[] {
    const asked = { targetRealm: 'EXAMPLE.TEST', message: asRequest(realm) };
    return [Tag.utf8String, Tag.octetString].flatMap((realmTag): Case[] => [
      [encodeProxiedMessage({ ...asked, realmTag })],
      [encodeProxiedMessage({ ...asked, realmTag, cookie: Uint8Array.of(1, 2, 3) })],
      [encodeProxiedMessage({ targetRealm: '', realmTag, message: EMPTY })],
      // The dclocatorHint of Microsoft.
      [
        concatBytes(
          Uint8Array.of(0x30, 10, 0xa1, 3, realmTag, 1, 0x41, 0xa3, 3, 2, 1, 7),
          asked.message,
        ),
      ],
    ]);
  }
}

function finished(enctype: number): Uint8Array {
  const key = EncryptionKey.generate(enctype, seededRandom(enctype));
  return encodeFinished({ type: key.checksumType, checksum: key.checksum(41, EMPTY) });
}

/** What is read is written as the same; the message is what follows the header, byte for byte. */
function readHeader([bytes]: Case): string {
  const first = decodeProxiedMessage(bytes!);
  const again = decodeProxiedMessage(encodeProxiedMessage(first));
  const { length } = first.message;
  const isSame =
    again.targetRealm === first.targetRealm &&
    again.realmTag === first.realmTag &&
    bytesEqual(again.cookie ?? EMPTY, first.cookie ?? EMPTY) &&
    bytesEqual(again.message, bytes!.subarray(bytes!.length - length));
  if (!isSame) throw new Breach('a header is written as another one');
  return `read ${first.cookie === undefined ? '' : 'with a cookie'}`;
}

function readFinished([bytes]: Case): string {
  const first = decodeFinished(bytes!);
  const again = decodeFinished(encodeFinished(first));
  if (again.type !== first.type || !bytesEqual(again.checksum, first.checksum)) {
    throw new Breach('a checksum is written as another one');
  }
  return 'read';
}

/** The answers of a whole login: whatever is done to them, the client gets these keys or none. */
async function loginTarget(kdc: Kdc): Promise<Target> {
  const answers: Uint8Array[] = [];
  const genuine = await logIn(async (realm, message) => {
    const answer = await kdc(realm, message);
    answers.push(answer.slice());
    return answer;
  });
  const key = genuine.sessionKey.bytes();
  return {
    name: 'login-answers',
    shape: 'der',
    seeds: [answers],
    run: async (given) => {
      const left = [...given];
      try {
        const { client, sessionKey } = await logIn(async () => left.shift() ?? EMPTY);
        const isSame = bytesEqual(sessionKey.bytes(), key);
        if (!isSame || formatPrincipal(client) !== LOGIN.client) {
          throw new Breach('a login with the answers of somebody else');
        }
        return 'a ticket';
      } catch (error) {
        if (error instanceof KdcError) return `refused ${error.code}`;
        throw error;
      }
    },
  };
}

/** The same nonces and keys each time. */
function logIn(kdc: Kdc) {
  return requestTicket({ kdc, ...LOGIN, clock, random: seededRandom(5) });
}

const EMPTY = new Uint8Array(0);
const LOGIN = {
  client: 'alice@EXAMPLE.TEST',
  password: 'alice-password',
  service: 'host/localhost',
};
