/** What clients and KDCs say to each other beside their messages (RFC 4120 §5.2.7, RFC 6113, MS-KILE, MS-SFU). */
import type { FlagNames } from '../names/flags.ts';
import { namedFlags } from '../names/flags.ts';
import { named } from '../names/numbers.ts';
import { checksum, principalName, sealed } from './common.ts';
import { apReq } from './messages.ts';
import type { Contents, Type } from './types.ts';
import {
  asn1,
  boolean,
  flags,
  integer,
  octets,
  sequence,
  string,
  tagged,
  uint32,
} from './types.ts';

function ofType(type: Type): Contents {
  return (scope, start, end, label) =>
    start === end ? scope.data(label, start, end) : asn1(scope.deeper(), start, end, label, type);
}

const ENCRYPTED = sealed('needs the key of the client');

const ARMOR = sequence(
  {
    0: ['armor-type', integer((value) => named(new Map([[1, 'FX_FAST_ARMOR_AP_REQUEST']]), value))],
    1: [
      'armor-value',
      octets((scope, start, end, label, seen) =>
        seen.get(0) === 1
          ? apReq(scope.deeper(), start, end, 'AP-REQ', seen)
          : scope.publicData(label, start, end),
      ),
    ],
  },
  'RFC 6113 §5.4.1',
);

const FAST_REQUEST = tagged(
  'context',
  0,
  sequence({ 0: ['armor?', ARMOR], 1: ['req-checksum', checksum], 2: ['enc-fast-req', ENCRYPTED] }),
  'RFC 6113 §5.4.2',
);

const FAST_REPLY = tagged(
  'context',
  0,
  sequence({ 0: ['enc-fast-rep', ENCRYPTED] }),
  'RFC 6113 §5.4.3',
);

/** Only a request has the field [1]. */
const fast: Type = (scope, element, label, seen) => {
  const isRequest = element.children[0]?.children.some(({ tagNumber }) => tagNumber === 1);
  return (isRequest ? FAST_REQUEST : FAST_REPLY)(scope, element, label, seen);
};

const PAC_REQUEST = sequence({ 0: ['include-pac', boolean] }, 'MS-KILE §2.2.3');

const FOR_USER = sequence(
  {
    0: ['userName', principalName],
    1: ['userRealm', string],
    2: ['cksum', checksum],
    3: ['auth-package', string],
  },
  'MS-SFU §2.2.1',
);

const USER_ID = sequence({
  0: ['nonce', uint32],
  1: ['cname?', principalName],
  2: ['crealm', string],
  3: ['subject-certificate?', octets()],
  4: ['options?', flags({})],
});

const FOR_X509_USER = sequence(
  { 0: ['user-id', USER_ID], 1: ['checksum', checksum] },
  'MS-SFU §2.2.2',
);

const PAC_OPTIONS: FlagNames = {
  claims: 0x8000_0000,
  branchAware: 0x4000_0000,
  forwardToFullDc: 0x2000_0000,
  resourceBasedConstrainedDelegation: 0x1000_0000,
};

const ENCTYPE_BITS: FlagNames = {
  'des-cbc-crc': 0x1,
  'des-cbc-md5': 0x2,
  'arcfour-hmac': 0x4,
  'aes128-cts-hmac-sha1-96': 0x8,
  'aes256-cts-hmac-sha1-96': 0x10,
  'aes256-cts-hmac-sha1-96-sk': 0x20,
  fast: 0x1_0000,
  compoundIdentity: 0x2_0000,
  claims: 0x4_0000,
  noSidCompression: 0x8_0000,
};

const supportedEnctypes: Contents = (scope, start, end, label) => {
  if (end - start !== 4) return scope.publicData(label, start, end);
  const bits = scope.bytes.subarray(start, end).reduceRight((value, byte) => value * 256 + byte, 0);
  const clause = 'MS-KILE §2.2.7';
  return scope.item(label, start, end, { value: namedFlags(ENCTYPE_BITS, bits), clause });
};

/** The contents of a padata-value, by its type. */
export const PA_DATA: ReadonlyMap<number | undefined, Contents> = new Map([
  [1, (scope, start, end, _label, seen) => apReq(scope.deeper(), start, end, 'AP-REQ', seen)],
  [2, ofType(ENCRYPTED)],
  [128, ofType(PAC_REQUEST)],
  [129, ofType(FOR_USER)],
  [130, ofType(FOR_X509_USER)],
  [136, ofType(fast)],
  [138, ofType(ENCRYPTED)],
  [165, supportedEnctypes],
  [167, ofType(sequence({ 0: ['flags', flags(PAC_OPTIONS)] }, 'MS-KILE §2.2.10'))],
] as [number, Contents][]);
