/** The messages of a KDC and its clients. */
import fc from 'fast-check';
import { DecodeError } from '../../src/errors.ts';
import type { EtypeInfo2Entry, PaData } from '../../src/messages/kdc/pa-data.ts';
import {
  decodeEtypeInfo2,
  decodeMethodData,
  decodePacRequest,
  decodePaTimestamp,
  encodeEtypeInfo2,
  encodeMethodData,
  encodePacRequest,
  encodePaTimestamp,
} from '../../src/messages/kdc/pa-data.ts';
import type { EncKdcReplyPart, KdcReply } from '../../src/messages/kdc/reply.ts';
import {
  decodeEncKdcReplyPart,
  decodeKdcReply,
  encodeEncKdcReplyPart,
  encodeKdcReply,
  KdcReplyType,
} from '../../src/messages/kdc/reply.ts';
import type { KdcRequest } from '../../src/messages/kdc/request.ts';
import {
  decodeKdcRequest,
  encodeKdcRequest,
  KdcRequestType,
} from '../../src/messages/kdc/request.ts';
import {
  addresses,
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

const paData = fc.array(fc.record({ type: int32, value: octets }), { minLength: 1, maxLength: 3 });
const body = fc.record(
  {
    options: uint32,
    clientName: name,
    realm,
    serverName: name,
    from: time,
    till: time,
    renewTill: time,
    nonce: uint32,
    enctypes: fc.array(int32, { maxLength: 5 }),
    addresses,
    authorizationData: encrypted,
    additionalTickets: fc.array(ticket, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: ['options', 'realm', 'till', 'nonce', 'enctypes'] },
);
const replyPart = fc.record(
  {
    key,
    lastRequests: fc.array(fc.record({ type: int32, time }), { maxLength: 2 }),
    nonce: uint32,
    keyExpiration: time,
    flags: uint32,
    authTime: time,
    startTime: time,
    endTime: time,
    renewTill: time,
    realm,
    serverName: name,
    addresses,
    encryptedPaData: paData,
  },
  {
    requiredKeys: [
      'key',
      'lastRequests',
      'nonce',
      'flags',
      'authTime',
      'endTime',
      'realm',
      'serverName',
    ],
  },
);

export const kdcCodecs: readonly Codec[] = [
  requestCodec('AsRequest', KdcRequestType.as),
  requestCodec('TgsRequest', KdcRequestType.tgs),
  replyCodec('AsReply', KdcReplyType.as),
  replyCodec('TgsReply', KdcReplyType.tgs),
  replyPartCodec('EncAsReplyPart', KdcReplyType.as, 0x79),
  replyPartCodec('EncTgsReplyPart', KdcReplyType.tgs, 0x7a),
  {
    name: 'MethodData',
    decode: decodeMethodData,
    encode: encodeMethodData as (list: readonly PaData[]) => Uint8Array,
    values: paData,
    extensible: false,
  },
  {
    name: 'EtypeInfo2',
    decode: decodeEtypeInfo2,
    encode: encodeEtypeInfo2 as (entries: readonly EtypeInfo2Entry[]) => Uint8Array,
    values: fc.array(
      fc.record({ enctype: int32, salt: text, parameters: octets }, { requiredKeys: ['enctype'] }),
      { maxLength: 3 },
    ),
    extensible: false,
  },
  {
    name: 'PaTimestamp',
    decode: decodePaTimestamp,
    encode: encodePaTimestamp,
    values: fc.record({ time, microseconds }, { requiredKeys: ['time'] }),
    extensible: false,
  },
  {
    name: 'PacRequest',
    decode: (bytes) => ({ include: decodePacRequest(bytes) }),
    encode: ({ include }: { include: boolean }) => encodePacRequest(include),
    values: fc.record({ include: fc.boolean() }),
    extensible: false,
  },
];

/** The message type is that of the codec; absent pre-authentication data are absent. */
function requestCodec(codecName: string, type: number): Codec {
  return {
    name: codecName,
    decode: (bytes) => {
      const { type: found, encodedBody, paData: list, ...rest } = decodeKdcRequest(bytes);
      if (found !== type) throw new DecodeError('another request');
      return list.length === 0 ? rest : { paData: list, ...rest };
    },
    encode: (value: Omit<KdcRequest, 'type'>) => encodeKdcRequest({ type, ...withPaData(value) }),
    values: fc.record({ paData, body }, { requiredKeys: ['body'] }),
    extensible: true,
  };
}

function replyCodec(codecName: string, type: number): Codec {
  return {
    name: codecName,
    decode: (bytes) => {
      const { type: _, paData: list, ...rest } = decodeKdcReply(bytes, type);
      return list.length === 0 ? rest : { paData: list, ...rest };
    },
    encode: (value: Omit<KdcReply, 'type'>) => encodeKdcReply({ type, ...withPaData(value) }),
    values: fc.record(
      { paData, clientRealm: realm, clientName: name, ticket, encPart: encrypted },
      { requiredKeys: ['clientRealm', 'clientName', 'ticket', 'encPart'] },
    ),
    extensible: true,
  };
}

function withPaData<T extends { readonly paData?: readonly PaData[] }>(value: T) {
  return { ...value, paData: value.paData ?? [] };
}

function replyPartCodec(codecName: string, type: number, tag: number): Codec {
  return {
    name: codecName,
    decode: (bytes) => {
      const part = decodeEncKdcReplyPart(bytes);
      if (bytes[0] !== tag) throw new DecodeError('the part of another reply');
      return part;
    },
    encode: (part: EncKdcReplyPart) => encodeEncKdcReplyPart(type, part),
    values: replyPart,
    extensible: true,
  };
}
