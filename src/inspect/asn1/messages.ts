/** AP-REQ, AP-REP and KRB-CRED with what is encrypted in them (RFC 4120 §5.5, §5.8). */
import { KeyUsage } from '../../crypto/numbers.ts';
import { KerberosError } from '../../errors.ts';
import { decodeApRep, decodeEncApRepPart } from '../../messages/ap-rep.ts';
import { decodeApReq, decodeAuthenticator } from '../../messages/ap-req.ts';
import { decodeEncKrbCredPart, decodeKrbCred } from '../../messages/krb-cred.ts';
import type { Make } from '../cursor.ts';
import { publicData, structure } from '../cursor.ts';
import { AP_OPTIONS, CONTEXT_FLAGS, namedFlags, TICKET_FLAGS } from '../names/flags.ts';
import type { Names } from '../names/numbers.ts';
import { CHECKSUM_TYPES, named } from '../names/numbers.ts';
import { strictly } from '../scope.ts';
import {
  checksum,
  encryptedData,
  hostAddress,
  hostAddresses,
  keyValue,
  messageType,
  principalName,
  pvno,
} from './common.ts';
import { authorizationData, carriedTicket, ticket } from './ticket.ts';
import type { Contents, Seen } from './types.ts';
import {
  asn1,
  flags,
  integer,
  listOf,
  octets,
  sequence,
  string,
  tagged,
  time,
  uint32,
} from './types.ts';

const microseconds = integer((value) => `${value} µs`);

const CRED_INFO = sequence({
  0: ['key', keyValue],
  1: ['prealm?', string],
  2: ['pname?', principalName],
  3: ['flags?', flags(TICKET_FLAGS)],
  4: ['authtime?', time],
  5: ['starttime?', time],
  6: ['endtime?', time],
  7: ['renew-till?', time],
  8: ['srealm?', string],
  9: ['sname?', principalName],
  10: ['caddr?', hostAddresses],
});

const ENC_CRED_PART = tagged(
  'application',
  29,
  sequence({
    0: ['ticket-info', listOf('ticket', CRED_INFO)],
    1: ['nonce?', uint32],
    2: ['timestamp?', time],
    3: ['usec?', microseconds],
    4: ['s-address?', hostAddress],
    5: ['r-address?', hostAddress],
  }),
  'RFC 4120 §5.8.1',
);

/** EncKrbCredPart: the session keys of delegated tickets. */
export const encCredPart: Contents = (scope, start, end, label) => {
  const item = asn1(scope, start, end, label, ENC_CRED_PART);
  strictly(item, () => decodeEncKrbCredPart(scope.bytes.subarray(start, end)));
  return item;
};

const KRB_CRED = tagged(
  'application',
  22,
  sequence({
    0: ['pvno', pvno],
    1: ['msg-type', messageType],
    // The tickets are for other services, whose keys are not in the keytab.
    2: ['tickets', listOf('ticket', carriedTicket)],
    3: [
      'enc-part',
      encryptedData(
        (exchange, etype, cipher) =>
          etype === 0
            ? { plain: cipher.slice(), by: 'null enctype: it is not encrypted' }
            : exchange.open([KeyUsage.krbCredEncPart], etype, cipher),
        'EncKrbCredPart',
        encCredPart,
      ),
    ],
  }),
  'RFC 4120 §5.8.1',
);

/** KRB-CRED: a delegated credential. */
export const krbCred: Contents = (scope, start, end, label) => {
  const item = asn1(scope, start, end, label, KRB_CRED);
  strictly(item, () => decodeKrbCred(scope.bytes.subarray(start, end)));
  return item;
};

/** The checksum of GSS-API: flags, channel bindings, delegation (RFC 4121 §4.1.1). */
const gssChecksum: Contents = (scope, start, end, label) => {
  const place = { label, start, end, clause: 'RFC 4121 §4.1.1', littleEndian: true };
  return structure(scope, place, (cursor) => {
    const length = cursor.u32('Lgth');
    if (length !== 16) cursor.stop(`channel bindings of ${length} bytes, expected 16`);
    cursor.take('Bnd', 16, (inner, from, to, name) => {
      const none = inner.bytes.subarray(from, to).every((byte) => byte === 0);
      if (none) return inner.item(name, from, to, { value: 'zeros: no channel bindings' });
      return publicData(inner, from, to, name);
    });
    const asked = cursor.u32(
      'Flags',
      (value) => namedFlags(CONTEXT_FLAGS, value),
      'RFC 4121 §4.1.1.1',
    );
    scope.report.exchange.flags = asked;
    if ((asked & CONTEXT_FLAGS.delegation!) !== 0 && cursor.left >= 4) {
      cursor.u16('DlgOpt');
      const credential = cursor.u16('Dlgth', (value) => `${value} bytes`);
      cursor.take('Deleg', credential, (inner, from, to, name) =>
        krbCred(inner, from, to, name, NOTHING),
      );
    }
    while (cursor.left >= 8) {
      cursor.take('extension', 8 + bigEndian(scope.bytes, cursor.at + 4), extension);
    }
  });
};

/** In the layout of RFC 6542 §3.1. */
const extension: Make = (scope, start, end, label) =>
  structure(scope, { label, start, end, clause: 'RFC 6542 §3.1' }, (cursor) => {
    const type = cursor.u32('type', (value) => named(EXTENSIONS, value));
    cursor.u32('length');
    const isFinished = EXTENSIONS.has(type);
    cursor.rest('data', (inner, from, to, name) =>
      isFinished ? asn1(inner, from, to, name, FINISHED) : publicData(inner, from, to, name),
    );
  });

// draft-ietf-kitten-iakerb-03 §4; MIT krb5 before 1.22 has another number.
const EXTENSIONS: Names = new Map([
  [1, 'GSS_EXTS_FINISHED of old MIT krb5'],
  [2, 'GSS_EXTS_FINISHED'],
]);

const FINISHED = sequence({ 1: ['gss-mic', checksum] }, 'draft-ietf-kitten-iakerb-03 §4');

function bigEndian(bytes: Uint8Array, at: number): number {
  return bytes.subarray(at, at + 4).reduce((value, byte) => value * 256 + byte, 0);
}

const authenticatorChecksum = sequence(
  {
    0: ['cksumtype', integer((value) => named(CHECKSUM_TYPES, value), 'RFC 3961 §8')],
    1: [
      'checksum',
      octets((scope, start, end, label, seen) =>
        seen.get(0) === GSS_CHECKSUM
          ? gssChecksum(scope, start, end, label, seen)
          : scope.publicData(label, start, end),
      ),
    ],
  },
  'RFC 4120 §5.2.9',
);

const AUTHENTICATOR = tagged(
  'application',
  2,
  sequence({
    0: ['authenticator-vno', pvno],
    1: ['crealm', string],
    2: ['cname', principalName],
    3: ['cksum?', authenticatorChecksum],
    4: ['cusec', microseconds],
    5: ['ctime', time],
    6: ['subkey?', keyValue],
    7: ['seq-number?', uint32],
    8: ['authorization-data?', authorizationData],
  }),
  'RFC 4120 §5.5.1',
);

/** Authenticator: its subkey joins the keys of the exchange. */
export const authenticator: Contents = (scope, start, end, label) => {
  const { exchange } = scope.report;
  const read = attempt(() => decodeAuthenticator(scope.bytes.subarray(start, end)));
  if (read?.subkey !== undefined) exchange.initiatorSubkey = exchange.importKey(read.subkey);
  if (read !== undefined) exchange.clientTime = read.ctime;
  const item = asn1(scope, start, end, label, AUTHENTICATOR);
  strictly(item, () => decodeAuthenticator(scope.bytes.subarray(start, end)));
  return item;
};

const AP_REQ = tagged(
  'application',
  14,
  sequence({
    0: ['pvno', pvno],
    1: ['msg-type', messageType],
    2: ['ap-options', flags(AP_OPTIONS)],
    3: ['ticket', ticket],
    4: [
      'authenticator',
      encryptedData(
        (exchange, etype, cipher) => exchange.open(AUTHENTICATOR_USAGES, etype, cipher),
        'Authenticator',
        authenticator,
      ),
    ],
  }),
  'RFC 4120 §5.5.1',
);

/** AP-REQ, which begins an exchange. */
export const apReq: Contents = (scope, start, end, label) => {
  const item = asn1(scope, start, end, label, AP_REQ);
  strictly(item, () => decodeApReq(scope.bytes.subarray(start, end)));
  return item;
};

const ENC_AP_REP_PART = tagged(
  'application',
  27,
  sequence({
    0: ['ctime', time],
    1: ['cusec', microseconds],
    2: ['subkey?', keyValue],
    3: ['seq-number?', uint32],
  }),
  'RFC 4120 §5.5.2',
);

/** EncAPRepPart: its subkey joins the keys of the exchange. */
export const encApRepPart: Contents = (scope, start, end, label) => {
  const { exchange } = scope.report;
  const read = attempt(() => decodeEncApRepPart(scope.bytes.subarray(start, end)));
  if (read?.subkey !== undefined) exchange.acceptorSubkey = exchange.importKey(read.subkey);
  const item = asn1(scope, start, end, label, ENC_AP_REP_PART);
  strictly(item, () => decodeEncApRepPart(scope.bytes.subarray(start, end)));
  return item;
};

const AP_REP = tagged(
  'application',
  15,
  sequence({
    0: ['pvno', pvno],
    1: ['msg-type', messageType],
    2: [
      'enc-part',
      encryptedData(
        (exchange, etype, cipher) => exchange.open([KeyUsage.apRepEncPart], etype, cipher),
        'EncAPRepPart',
        encApRepPart,
      ),
    ],
  }),
  'RFC 4120 §5.5.2',
);

/** AP-REP. */
export const apRep: Contents = (scope, start, end, label) => {
  const item = asn1(scope, start, end, label, AP_REP);
  strictly(item, () => decodeApRep(scope.bytes.subarray(start, end)));
  return item;
};

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof KerberosError) return undefined;
    throw error;
  }
}

const NOTHING: Seen = new Map();
// RFC 4121 §4.1.1.
const GSS_CHECKSUM = 0x8003;
// RFC 4120 §7.5.1: 7 is that of a TGS-REQ.
const AUTHENTICATOR_USAGES: readonly number[] = [KeyUsage.apReqAuthenticator, 7];
