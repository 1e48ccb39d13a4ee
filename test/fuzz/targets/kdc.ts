/** The KDC of a test realm: whatever is done to a genuine request, nothing else is granted. */
import { bytesEqual } from '../../../src/bytes.ts';
import { EncryptionKey } from '../../../src/crypto/default-crypto.ts';
import { encodeAuthorizationData } from '../../../src/messages/authorization-data.ts';
import { PaDataType } from '../../../src/messages/kdc/pa-data.ts';
import { decodeKdcRequest, KdcOption } from '../../../src/messages/kdc/request.ts';
import { decodeKrbError } from '../../../src/messages/krb-error.ts';
import { KdcError } from '../../../src/testing/kdc/error.ts';
import {
  asRequest,
  exchange,
  GRANTING,
  keyOf,
  logIn,
  makeRealm,
  named,
  random,
  tgsRequest,
  timestamp,
} from '../../testing/kdc/requests.ts';
import type { Target } from '../case.ts';
import { Breach } from '../case.ts';

const ALL = KdcOption.forwardable | KdcOption.proxiable | KdcOption.renewable;

export function kdcTargets(): Target[] {
  const { realm } = makeRealm();
  const granting = logIn(realm, { options: ALL });
  const { enctype, value } = granting.part.key;
  const plain = encodeAuthorizationData([{ type: 99, data: new Uint8Array(3) }]);
  const cipher = new EncryptionKey(enctype, value).encrypt(4, plain, random);
  const logins = [
    asRequest(realm, {}, []),
    asRequest(realm, { options: ALL, addresses: [{ type: 2, address: new Uint8Array(4) }] }),
    asRequest(realm, { clientName: { nameType: 10, components: ['alice@example.test'] } }, [
      { type: PaDataType.pacRequest, value: Uint8Array.of(0x30, 5, 0xa0, 3, 1, 1, 0) },
      timestamp(keyOf(realm, 'alice', 17)),
    ]),
  ];
  const second = [exchange(realm, granting, { body: { serverName: GRANTING } }).ticket];
  const toUser = { serverName: named('alice'), options: KdcOption.encTktInSkey };
  const requests = [
    tgsRequest(granting),
    tgsRequest(granting, { body: { authorizationData: { enctype, cipher } } }),
    tgsRequest(granting, { body: { ...toUser, additionalTickets: second } }),
    tgsRequest(granting, { body: { serverName: GRANTING, options: ALL | KdcOption.renew } }),
  ];
  const bodies = requests.map((request) => decodeKdcRequest(request).encodedBody);
  const proofs = logins.flatMap(proofsIn);
  const run = ([message]: readonly Uint8Array[]): string => {
    const answer = realm.answer(message!);
    if (answer[0] === KRB_ERROR) {
      const { errorCode, eText = '' } = decodeKrbError(answer);
      return `${new KdcError(errorCode).code} ${eText}`;
    }
    if (answer[0] === AS_REP) {
      const own = proofsIn(message!);
      if (own.some((proof) => proofs.some((known) => bytesEqual(known, proof)))) return 'ticket';
      throw new Breach('a login without a genuine timestamp');
    }
    // The checksum in the authenticator covers the body.
    const { encodedBody } = decodeKdcRequest(message!);
    if (bodies.some((body) => bytesEqual(body, encodedBody))) return 'service ticket';
    throw new Breach('a request with an altered body was granted');
  };
  return [
    { name: 'kdc-as', shape: 'der', seeds: logins.map((message) => [message]), run },
    { name: 'kdc-tgs', shape: 'der', seeds: requests.map((message) => [message]), run },
  ];
}

/** The values of the encrypted timestamps in a request. */
function proofsIn(message: Uint8Array): Uint8Array[] {
  const { paData } = decodeKdcRequest(message);
  return paData.filter(({ type }) => type === PaDataType.encTimestamp).map(({ value }) => value);
}

const AS_REP = 0x6b;
const KRB_ERROR = 0x7e;
