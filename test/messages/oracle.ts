/**
 * The second opinion: every message once more, decoded from a description of its ASN.1 by asn1js.
 * It shares no code with the decoders of src/.
 */
import * as asn1js from 'asn1js';

type Node = asn1js.BaseBlock;
type Type = (node: Node) => unknown;

/** What asn1js reads in the bytes. @throws Error if it is not that message. */
export function oracleDecode(messageName: string, bytes: Uint8Array): unknown {
  const type = MESSAGES[messageName];
  if (type === undefined) throw new TypeError(`no description of ${messageName}`);
  return type(parse(bytes));
}

/**
 * Whether the bytes are one of the forms that we read and do not write: a BIT STRING of other than
 * 32 bits, a negative number where UInt32 stands, a padded sequence number, an empty list that is
 * optional, an extension of a message (RFC 4120 §1.5.1), a verifier of an unknown kind (RFC 7751
 * §3); and in what is not encrypted, a length in more bytes than it needs.
 */
export function isKnownVariant(messageName: string, bytes: Uint8Array): boolean {
  const tree = parse(bytes);
  if (messageName === 'Cammac' && hasUnknownVerifier(tree)) return true;
  return someNode(tree, (node) => {
    if (NOT_ENCRYPTED.includes(messageName) && hasLongLength(node)) return true;
    if (node instanceof asn1js.BitString) {
      return node.valueBlock.unusedBits > 0 || node.valueBlock.valueHexView.length !== 4;
    }
    if (node instanceof asn1js.Integer) return node.toBigInt() < 0n || isPadded(node);
    if (!(node instanceof asn1js.Constructed)) return false;
    const [child] = node.valueBlock.value;
    if (!(child instanceof asn1js.Sequence)) return false;
    if (node.idBlock.tagClass === 3) return child.valueBlock.value.length === 0;
    const isMessage = node.idBlock.tagClass === 2;
    const lastField = LAST_FIELDS[node.idBlock.tagNumber]!;
    return isMessage && childrenOf(child).some((field) => field.idBlock.tagNumber > lastField);
  });
}

/** The messages that come from the network as they are. */
export const NOT_ENCRYPTED: readonly string[] = ['ApReq', 'ApRep'];

function hasLongLength({ lenBlock }: Node): boolean {
  const least = lenBlock.length < 0x80 ? 1 : 1 + Math.ceil(Math.log2(lenBlock.length + 1) / 8);
  return lenBlock.blockLength > least;
}

/** Sequence numbers alone are read so. */
function isPadded({ valueBlock: { valueHexView } }: asn1js.Integer): boolean {
  return valueHexView.length > 1 && valueHexView[0] === 0 && valueHexView[1]! < 0x80;
}

function hasUnknownVerifier(cammac: Node): boolean {
  const field = childrenOf(cammac).find((candidate) => candidate.idBlock.tagNumber === 3);
  return field !== undefined && childrenOf(childrenOf(field)[0]!).some((item) => !isSequence(item));
}

/** By the number of the message: the highest number of its fields. */
export const LAST_FIELDS: Readonly<Record<number, number>> = {
  1: 3,
  2: 8,
  3: 10,
  10: 4,
  11: 6,
  12: 4,
  13: 6,
  14: 4,
  15: 2,
  22: 3,
  25: 12,
  26: 12,
  27: 3,
  29: 5,
  30: 12,
};

function someNode(node: Node, test: (node: Node) => boolean): boolean {
  if (test(node)) return true;
  if (!(node instanceof asn1js.Constructed)) return false;
  return node.valueBlock.value.some((child: Node) => someNode(child, test));
}

function parse(bytes: Uint8Array): Node {
  const { offset, result } = asn1js.fromBER(bytes, { parseEmbedded: false });
  if (offset !== bytes.length) throw new Error(`asn1js: ${result.error || 'bytes left over'}`);
  return result;
}

function expectTag(node: Node, tagClass: number, tagNumber: number): void {
  if (node.idBlock.tagClass !== tagClass || node.idBlock.tagNumber !== tagNumber) {
    throw new Error(`tag ${node.idBlock.tagClass}/${node.idBlock.tagNumber}`);
  }
}

function childrenOf(node: Node): Node[] {
  if (!(node instanceof asn1js.Constructed)) throw new Error('not constructed');
  return node.valueBlock.value;
}

interface Field {
  readonly name: string;
  readonly type: Type;
  readonly optional?: boolean;
  /** Read, but no part of the value: versions and message types. */
  readonly constant?: number;
}

/** SEQUENCE of explicitly tagged fields, by their numbers. */
function sequence(fields: Readonly<Record<number, Field>>): Type {
  return (node) => {
    expectTag(node, 1, 16);
    const found = new Map<number, Node>();
    for (const field of childrenOf(node)) {
      expectTag(field, 3, field.idBlock.tagNumber);
      const [child] = childrenOf(field);
      if (child === undefined) throw new Error('empty field');
      found.set(field.idBlock.tagNumber, child);
    }
    const value: Record<string, unknown> = {};
    for (const [number, field] of Object.entries(fields)) {
      const child = found.get(Number(number));
      if (child === undefined) {
        if (!field.optional) throw new Error(`field ${number} is missing`);
        continue;
      }
      const content = field.type(child);
      if (field.constant !== undefined) {
        if (content !== field.constant) throw new Error(`field ${number} is ${String(content)}`);
      } else if (!(field.optional && Array.isArray(content) && content.length === 0)) {
        value[field.name] = content;
      }
    }
    return value;
  };
}

function application(number: number, type: Type): Type {
  return (node) => {
    expectTag(node, 2, number);
    const [child, ...rest] = childrenOf(node);
    if (child === undefined || rest.length > 0) throw new Error('not one element');
    return type(child);
  };
}

function listOf(type: Type): Type {
  return (node) => {
    expectTag(node, 1, 16);
    return childrenOf(node).map(type);
  };
}

/** SEQUENCE OF an extensible CHOICE whose known alternatives are SEQUENCEs. */
function listOfKnown(type: Type): Type {
  return (node) => {
    expectTag(node, 1, 16);
    return childrenOf(node).filter(isSequence).map(type);
  };
}

function isSequence(node: Node): boolean {
  return node instanceof asn1js.Sequence;
}

const integer: Type = (node) => {
  if (!(node instanceof asn1js.Integer)) throw new Error('not an INTEGER');
  return Number(node.toBigInt());
};
const boolean: Type = (node) => {
  if (!(node instanceof asn1js.Boolean)) throw new Error('not a BOOLEAN');
  return node.getValue();
};
const unsigned: Type = (node) => (integer(node) as number) >>> 0;
const octets: Type = (node) => {
  if (!(node instanceof asn1js.OctetString)) throw new Error('not an OCTET STRING');
  return new Uint8Array(node.valueBlock.valueHexView);
};
const generalString: Type = (node) => {
  if (!(node instanceof asn1js.GeneralString)) throw new Error('not a GeneralString');
  return utf8(node.valueBlock.valueHexView);
};
const utf8String: Type = (node) => {
  if (!(node instanceof asn1js.Utf8String)) throw new Error('not a UTF8String');
  return utf8(node.valueBlock.valueHexView);
};
const time: Type = (node) => {
  if (!(node instanceof asn1js.GeneralizedTime)) throw new Error('not a GeneralizedTime');
  const text = utf8(node.valueBlock.valueHexView);
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const milliseconds = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(milliseconds)) throw new Error(`no time: ${text}`);
  return milliseconds / 1000;
};
const flags: Type = (node) => {
  if (!(node instanceof asn1js.BitString)) throw new Error('not a BIT STRING');
  const bytes = new Uint8Array(4);
  bytes.set(node.valueBlock.valueHexView.subarray(0, 4));
  return new DataView(bytes.buffer).getUint32(0);
};

function utf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

const name = sequence({
  0: { name: 'nameType', type: integer },
  1: { name: 'components', type: listOf(generalString) },
});
const encryptedData = sequence({
  0: { name: 'enctype', type: integer },
  1: { name: 'kvno', type: unsigned, optional: true },
  2: { name: 'cipher', type: octets },
});
const typed = (type: string, value: string, first = 0, optional = false): Type =>
  sequence({
    [first]: { name: type, type: integer },
    [first + 1]: { name: value, type: octets, optional },
  });
const key = typed('enctype', 'value');
const checksum = typed('type', 'checksum');
const address = typed('type', 'address');
const authorizationData = listOf(typed('type', 'data'));
const version: Field = { name: 'version', type: integer, constant: 5 };
const messageType = (constant: number): Field => ({ name: 'type', type: integer, constant });
const optional = (fieldName: string, type: Type): Field => ({
  name: fieldName,
  type,
  optional: true,
});

const ticket = application(
  1,
  sequence({
    0: version,
    1: { name: 'realm', type: generalString },
    2: { name: 'serverName', type: name },
    3: { name: 'encPart', type: encryptedData },
  }),
);
const verifierMac = sequence({
  0: optional('identifier', name),
  1: optional('kvno', unsigned),
  2: optional('enctype', integer),
  3: { name: 'mac', type: checksum },
});
const credInfo = sequence({
  0: { name: 'key', type: key },
  1: optional('clientRealm', generalString),
  2: optional('clientName', name),
  3: optional('flags', flags),
  4: optional('authTime', time),
  5: optional('startTime', time),
  6: optional('endTime', time),
  7: optional('renewTill', time),
  8: optional('realm', generalString),
  9: optional('serverName', name),
  10: optional('addresses', listOf(address)),
});
const paData = listOf(typed('type', 'value', 1));
const requestBody = sequence({
  0: { name: 'options', type: flags },
  1: optional('clientName', name),
  2: { name: 'realm', type: generalString },
  3: optional('serverName', name),
  4: optional('from', time),
  5: { name: 'till', type: time },
  6: optional('renewTill', time),
  7: { name: 'nonce', type: unsigned },
  8: { name: 'enctypes', type: listOf(integer) },
  9: optional('addresses', listOf(address)),
  10: optional('authorizationData', encryptedData),
  11: optional('additionalTickets', listOf(ticket)),
});
const request = (type: number): Type =>
  application(
    type,
    sequence({
      1: version,
      2: messageType(type),
      3: optional('paData', paData),
      4: { name: 'body', type: requestBody },
    }),
  );
const reply = (type: number): Type =>
  application(
    type,
    sequence({
      0: version,
      1: messageType(type),
      2: optional('paData', paData),
      3: { name: 'clientRealm', type: generalString },
      4: { name: 'clientName', type: name },
      5: { name: 'ticket', type: ticket },
      6: { name: 'encPart', type: encryptedData },
    }),
  );
const replyPart = sequence({
  0: { name: 'key', type: key },
  1: {
    name: 'lastRequests',
    type: listOf(sequence({ 0: { name: 'type', type: integer }, 1: { name: 'time', type: time } })),
  },
  2: { name: 'nonce', type: unsigned },
  3: optional('keyExpiration', time),
  4: { name: 'flags', type: flags },
  5: { name: 'authTime', type: time },
  6: optional('startTime', time),
  7: { name: 'endTime', type: time },
  8: optional('renewTill', time),
  9: { name: 'realm', type: generalString },
  10: { name: 'serverName', type: name },
  11: optional('addresses', listOf(address)),
  12: optional('encryptedPaData', paData),
});

const MESSAGES: Readonly<Record<string, Type>> = {
  Ticket: ticket,
  EncTicketPart: application(
    3,
    sequence({
      0: { name: 'flags', type: flags },
      1: { name: 'key', type: key },
      2: { name: 'clientRealm', type: generalString },
      3: { name: 'clientName', type: name },
      4: { name: 'transited', type: typed('type', 'contents') },
      5: { name: 'authTime', type: time },
      6: optional('startTime', time),
      7: { name: 'endTime', type: time },
      8: optional('renewTill', time),
      9: optional('addresses', listOf(address)),
      10: optional('authorizationData', authorizationData),
    }),
  ),
  ApReq: application(
    14,
    sequence({
      0: version,
      1: messageType(14),
      2: { name: 'apOptions', type: flags },
      3: { name: 'ticket', type: ticket },
      4: { name: 'authenticator', type: encryptedData },
    }),
  ),
  Authenticator: application(
    2,
    sequence({
      0: version,
      1: { name: 'clientRealm', type: generalString },
      2: { name: 'clientName', type: name },
      3: optional('checksum', checksum),
      4: { name: 'cusec', type: integer },
      5: { name: 'ctime', type: time },
      6: optional('subkey', key),
      7: optional('sequenceNumber', unsigned),
      8: optional('authorizationData', authorizationData),
    }),
  ),
  ApRep: application(
    15,
    sequence({ 0: version, 1: messageType(15), 2: { name: 'encPart', type: encryptedData } }),
  ),
  EncApRepPart: application(
    27,
    sequence({
      0: { name: 'ctime', type: time },
      1: { name: 'cusec', type: integer },
      2: optional('subkey', key),
      3: optional('sequenceNumber', unsigned),
    }),
  ),
  AuthorizationData: authorizationData,
  KrbError: application(
    30,
    sequence({
      0: version,
      1: messageType(30),
      2: optional('ctime', time),
      3: optional('cusec', integer),
      4: { name: 'stime', type: time },
      5: { name: 'susec', type: integer },
      6: { name: 'errorCode', type: integer },
      7: optional('clientRealm', generalString),
      8: optional('clientName', name),
      9: { name: 'realm', type: generalString },
      10: { name: 'serverName', type: name },
      11: optional('eText', generalString),
      12: optional('eData', octets),
    }),
  ),
  KrbCred: application(
    22,
    sequence({
      0: version,
      1: messageType(22),
      2: { name: 'tickets', type: listOf(ticket) },
      3: { name: 'encPart', type: encryptedData },
    }),
  ),
  EncKrbCredPart: application(
    29,
    sequence({
      0: { name: 'ticketInfo', type: listOf(credInfo) },
      1: optional('nonce', unsigned),
      2: optional('timestamp', time),
      3: optional('usec', integer),
      4: optional('senderAddress', address),
      5: optional('recipientAddress', address),
    }),
  ),
  KerbErrorData: typed('type', 'value', 1, true),
  EtypeList: listOf(integer),
  Cammac: sequence({
    0: { name: 'elements', type: authorizationData },
    1: optional('kdcVerifier', verifierMac),
    2: optional('serviceVerifier', verifierMac),
    3: optional('otherVerifiers', listOfKnown(verifierMac)),
  }),
  AuthenticationIndicator: listOf(utf8String),
  AsRequest: request(10),
  TgsRequest: request(12),
  AsReply: reply(11),
  TgsReply: reply(13),
  EncAsReplyPart: application(25, replyPart),
  EncTgsReplyPart: application(26, replyPart),
  MethodData: paData,
  EtypeInfo2: listOf(
    sequence({
      0: { name: 'enctype', type: integer },
      1: optional('salt', generalString),
      2: optional('parameters', octets),
    }),
  ),
  PaTimestamp: sequence({
    0: { name: 'time', type: time },
    1: optional('microseconds', integer),
  }),
  PacRequest: sequence({ 0: { name: 'include', type: boolean } }),
};
