/** Every message with its decoder, its encoder, and values to try them with. */

import fc from 'fast-check';
import {
  decodeApRep,
  decodeEncApRepPart,
  encodeApRep,
  encodeEncApRepPart,
} from '../../src/messages/ap-rep.ts';
import {
  decodeApReq,
  decodeAuthenticator,
  encodeApReq,
  encodeAuthenticator,
} from '../../src/messages/ap-req.ts';
import {
  decodeAuthorizationData,
  decodeEtypeList,
  encodeAuthorizationData,
} from '../../src/messages/authorization-data.ts';
import { decodeAuthenticationIndicator, decodeCammac } from '../../src/messages/cammac.ts';
import { decodeKerbErrorData } from '../../src/messages/error-data.ts';
import { decodeEncKrbCredPart, decodeKrbCred } from '../../src/messages/krb-cred.ts';
import {
  decodeKrbError,
  encodeKerbErrorData,
  encodeKrbError,
} from '../../src/messages/krb-error.ts';
import {
  decodeEncTicketPart,
  decodeTicket,
  encodeEncTicketPart,
} from '../../src/messages/ticket.ts';
import {
  encodeAuthenticationIndicator,
  encodeCammac,
  encodeEncKrbCredPart,
  encodeEtypeList,
  encodeKrbCred,
  encodeTicket,
} from '../support/encoders.ts';

import {
  address,
  addresses,
  anyName,
  authorizationData,
  checksum,
  encrypted,
  int32,
  key,
  microseconds,
  name,
  octets,
  realm,
  text,
  ticket,
  time,
  uint32,
} from './arbitraries.ts';
import type { Codec } from './codec.ts';
import { kdcCodecs } from './kdc-codecs.ts';

const verifier = fc.record(
  { identifier: name, kvno: uint32, enctype: int32, mac: checksum },
  { requiredKeys: ['mac'] },
);
const credInfo = fc.record(
  {
    key,
    clientRealm: realm,
    clientName: name,
    flags: uint32,
    authTime: time,
    startTime: time,
    endTime: time,
    renewTill: time,
    realm,
    serverName: name,
    addresses,
  },
  { requiredKeys: ['key'] },
);
const errorData = fc.record({ type: int32, value: octets }, { requiredKeys: ['type'] });

export const codecs: readonly Codec[] = [
  {
    name: 'Ticket',
    decode: decodeTicket,
    encode: encodeTicket,
    values: ticket,
    extensible: true,
  },
  {
    name: 'EncTicketPart',
    decode: decodeEncTicketPart,
    encode: encodeEncTicketPart,
    values: fc.record(
      {
        flags: uint32,
        key,
        clientRealm: realm,
        clientName: name,
        transited: fc.record({ type: int32, contents: octets }),
        authTime: time,
        startTime: time,
        endTime: time,
        renewTill: time,
        addresses,
        authorizationData,
      },
      {
        requiredKeys: [
          'flags',
          'key',
          'clientRealm',
          'clientName',
          'transited',
          'authTime',
          'endTime',
        ],
      },
    ),
    extensible: true,
  },
  {
    name: 'ApReq',
    decode: decodeApReq,
    encode: encodeApReq,
    values: fc.record({ apOptions: uint32, ticket, authenticator: encrypted }),
    extensible: true,
  },
  {
    name: 'Authenticator',
    decode: decodeAuthenticator,
    encode: encodeAuthenticator,
    values: fc.record(
      {
        clientRealm: realm,
        clientName: name,
        checksum,
        cusec: microseconds,
        ctime: time,
        subkey: key,
        sequenceNumber: uint32,
        authorizationData,
      },
      { requiredKeys: ['clientRealm', 'clientName', 'cusec', 'ctime'] },
    ),
    extensible: true,
  },
  {
    name: 'ApRep',
    decode: decodeApRep,
    encode: encodeApRep,
    values: fc.record({ encPart: encrypted }),
    extensible: true,
  },
  {
    name: 'EncApRepPart',
    decode: decodeEncApRepPart,
    encode: encodeEncApRepPart,
    values: fc.record(
      { ctime: time, cusec: microseconds, subkey: key, sequenceNumber: uint32 },
      { requiredKeys: ['ctime', 'cusec'] },
    ),
    extensible: true,
  },
  {
    name: 'AuthorizationData',
    decode: decodeAuthorizationData,
    encode: encodeAuthorizationData,
    values: authorizationData,
    extensible: false,
  },
  {
    name: 'KrbError',
    decode: decodeKrbError,
    encode: encodeKrbError,
    values: fc.record(
      {
        ctime: time,
        cusec: microseconds,
        stime: time,
        susec: microseconds,
        errorCode: int32,
        clientRealm: text,
        clientName: anyName,
        realm: text,
        serverName: anyName,
        eText: text,
        eData: octets,
      },
      { requiredKeys: ['stime', 'susec', 'errorCode', 'realm', 'serverName'] },
    ),
    extensible: true,
  },
  {
    name: 'KrbCred',
    decode: (bytes) => {
      const { tickets, encPart } = decodeKrbCred(bytes);
      return { tickets, encPart };
    },
    encode: encodeKrbCred,
    values: fc.record({ tickets: fc.array(ticket, { maxLength: 2 }), encPart: encrypted }),
    extensible: true,
  },
  {
    name: 'EncKrbCredPart',
    decode: decodeEncKrbCredPart,
    encode: encodeEncKrbCredPart,
    values: fc.record(
      {
        ticketInfo: fc.array(credInfo, { maxLength: 2 }),
        nonce: uint32,
        timestamp: time,
        usec: microseconds,
        senderAddress: address,
        recipientAddress: address,
      },
      { requiredKeys: ['ticketInfo'] },
    ),
    extensible: true,
  },
  {
    name: 'KerbErrorData',
    decode: decodeKerbErrorData,
    encode: encodeKerbErrorData,
    values: errorData,
    extensible: false,
  },
  {
    name: 'EtypeList',
    decode: decodeEtypeList,
    encode: encodeEtypeList,
    values: fc.array(int32, { maxLength: 8 }),
    extensible: false,
  },
  {
    name: 'Cammac',
    decode: decodeCammac,
    encode: encodeCammac,
    values: fc.record(
      {
        elements: authorizationData,
        kdcVerifier: verifier,
        serviceVerifier: verifier,
        otherVerifiers: fc.array(verifier, { minLength: 1, maxLength: 2 }),
      },
      { requiredKeys: ['elements'] },
    ),
    extensible: false,
  },
  {
    name: 'AuthenticationIndicator',
    decode: decodeAuthenticationIndicator,
    encode: encodeAuthenticationIndicator,
    values: fc.array(text, { maxLength: 3 }),
    extensible: false,
  },
  ...kdcCodecs,
];

export function codecOf(messageName: string): Codec {
  const codec = codecs.find((candidate) => candidate.name === messageName);
  if (codec === undefined) throw new TypeError(`codec: expected a known name, got ${messageName}`);
  return codec;
}
