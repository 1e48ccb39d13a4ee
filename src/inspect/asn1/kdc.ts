/** Messages between client and KDC (RFC 4120 §5.4), and KRB-SAFE and KRB-PRIV (§5.6, §5.7). */
import { KDC_OPTIONS } from '../names/flags.ts';
import {
  checksum,
  enctype,
  hostAddress,
  hostAddresses,
  messageType,
  principalName,
  pvno,
  sealed,
} from './common.ts';
import { paData } from './errors.ts';
import { carriedTicket } from './ticket.ts';
import type { Contents, Type } from './types.ts';
import { asn1, flags, listOf, octets, sequence, string, tagged, time, uint32 } from './types.ts';

/** RFC 4120 §5.4.1: a request for as long as the KDC allows. */
const till: Type = (scope, element, label, seen) => {
  const item = time(scope, element, label, seen);
  if (item.value?.startsWith('1970-01-01')) item.value += ', as long as possible';
  return item;
};

const REQ_BODY = sequence(
  {
    0: ['kdc-options', flags(KDC_OPTIONS)],
    1: ['cname?', principalName],
    2: ['realm', string],
    3: ['sname?', principalName],
    4: ['from?', time],
    5: ['till', till],
    6: ['rtime?', time],
    7: ['nonce', uint32],
    8: ['etype', listOf('enctype', enctype)],
    9: ['addresses?', hostAddresses],
    10: ['enc-authorization-data?', sealed('needs the key of the client')],
    11: ['additional-tickets?', listOf('ticket', carriedTicket)],
  },
  'RFC 4120 §5.4.1',
);

function request(number: number): Type {
  return tagged(
    'application',
    number,
    sequence({
      1: ['pvno', pvno],
      2: ['msg-type', messageType],
      3: ['padata?', listOf('PA-DATA', paData)],
      4: ['req-body', REQ_BODY],
    }),
    'RFC 4120 §5.4.1',
  );
}

function reply(number: number): Type {
  return tagged(
    'application',
    number,
    sequence({
      0: ['pvno', pvno],
      1: ['msg-type', messageType],
      2: ['padata?', listOf('PA-DATA', paData)],
      3: ['crealm', string],
      4: ['cname', principalName],
      5: ['ticket', carriedTicket],
      6: ['enc-part', sealed('needs the key of the client')],
    }),
    'RFC 4120 §5.4.2',
  );
}

const SAFE_BODY = sequence({
  0: ['user-data', octets()],
  1: ['timestamp?', time],
  2: ['usec?', uint32],
  3: ['seq-number?', uint32],
  4: ['s-address', hostAddress],
  5: ['r-address?', hostAddress],
});

const SAFE = tagged(
  'application',
  20,
  sequence({
    0: ['pvno', pvno],
    1: ['msg-type', messageType],
    2: ['safe-body', SAFE_BODY],
    3: ['cksum', checksum],
  }),
  'RFC 4120 §5.6.1',
);

const PRIV = tagged(
  'application',
  21,
  sequence({
    0: ['pvno', pvno],
    1: ['msg-type', messageType],
    3: ['enc-part', sealed('is not a message of GSS-API')],
  }),
  'RFC 4120 §5.7.1',
);

/** A message by the number of its tag. */
const MESSAGES: ReadonlyMap<number, readonly [name: string, type: Type]> = new Map([
  [10, ['AS-REQ', request(10)]],
  [11, ['AS-REP', reply(11)]],
  [12, ['TGS-REQ', request(12)]],
  [13, ['TGS-REP', reply(13)]],
  [20, ['KRB-SAFE', SAFE]],
  [21, ['KRB-PRIV', PRIV]],
] as [number, [string, Type]][]);

/** The name and the layout of a message that no acceptor takes; undefined for an unknown tag. */
export function otherMessage(
  number: number,
): readonly [name: string, contents: Contents] | undefined {
  const known = MESSAGES.get(number);
  if (known === undefined) return undefined;
  const [name, type] = known;
  return [name, (scope, start, end, label) => asn1(scope, start, end, label, type)];
}
