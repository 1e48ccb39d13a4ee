/** Tickets and what is in them (RFC 4120 §5.3). */
import { decodeAuthorizationData } from '../../messages/authorization-data.ts';
import { decodeCammac } from '../../messages/cammac.ts';
import { decodeEncTicketPart, decodeTicket } from '../../messages/ticket.ts';
import { layOutPac } from '../formats/pac.ts';
import { TICKET_FLAGS } from '../names/flags.ts';
import { AUTHORIZATION_DATA, named, TRANSITED_TYPES } from '../names/numbers.ts';
import { strictly, summary } from '../scope.ts';
import type { Open } from './common.ts';
import {
  checksum,
  encryptedData,
  enctype,
  hostAddresses,
  keyValue,
  principalName,
  pvno,
} from './common.ts';
import type { Contents, Type } from './types.ts';
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

/** The contents of an element of AuthorizationData, by its type. */
const authorizationElement: Contents = (scope, start, end, label, seen) => {
  const type = seen.get(0);
  if (scope.tooDeep) return scope.data(label, start, end);
  const inner = scope.deeper();
  if (type === 1 || type === 5 || type === 8) {
    return asn1(inner, start, end, label, authorizationData);
  }
  if (type === 97)
    return asn1(inner, start, end, label, listOf('indicator', string, 'RFC 8129 §4'));
  if (type === 96) {
    const item = asn1(inner, start, end, label, CAMMAC);
    strictly(item, () => decodeCammac(scope.bytes.subarray(start, end)));
    return item;
  }
  if (type === 128) return layOutPac(inner, start, end, `${label}: PAC`);
  if (type === 129)
    return asn1(inner, start, end, label, listOf('enctype', enctype, 'RFC 4537 §3'));
  if (type === 143) {
    // MS-KILE §3.2.5.8: KERB_AP_OPTIONS_CBT.
    const item = scope.publicData(label, start, end);
    if (scope.bytes[start + 1] === 0x40) item.value += ': the client supports channel bindings';
    return item;
  }
  return scope.data(label, start, end);
};

/** AuthorizationData. */
export const authorizationData: Type = (scope, element, label, seen) =>
  ELEMENTS(scope, element, label, seen);

const ELEMENTS = listOf(
  'element',
  (scope, element, _label, seen) => {
    const item = ELEMENT(scope, element, 'element', seen);
    const type = item.parts?.[0]?.value;
    if (type !== undefined) item.label = type;
    return item;
  },
  'RFC 4120 §5.2.6',
);

const ELEMENT = sequence({
  0: ['ad-type', integer((value) => named(AUTHORIZATION_DATA, value), 'RFC 4120 §7.5.4')],
  1: ['ad-data', octets(authorizationElement)],
});

const VERIFIER = sequence({
  0: ['identifier?', principalName],
  1: ['kvno?', uint32],
  2: ['enctype?', enctype],
  3: ['mac', checksum],
});

const CAMMAC = sequence(
  {
    0: ['elements', authorizationData],
    1: ['kdc-verifier?', VERIFIER],
    2: ['svc-verifier?', VERIFIER],
    3: ['other-verifiers?', listOf('verifier', VERIFIER)],
  },
  'RFC 7751 §3',
);

const ENC_TICKET_PART = tagged(
  'application',
  3,
  sequence({
    0: ['flags', flags(TICKET_FLAGS)],
    1: ['key', keyValue],
    2: ['crealm', string],
    3: ['cname', principalName],
    4: [
      'transited',
      sequence(
        {
          0: ['tr-type', integer((value) => named(TRANSITED_TYPES, value))],
          1: [
            'contents',
            octets((scope, start, end, label) =>
              scope.item(
                label,
                start,
                end,
                start === end ? { value: 'none' } : scope.text(start, end),
              ),
            ),
          ],
        },
        'RFC 4120 §3.3.3.2',
      ),
    ],
    5: ['authtime', time],
    6: ['starttime?', time],
    7: ['endtime', time],
    8: ['renew-till?', time],
    9: ['caddr?', hostAddresses],
    10: ['authorization-data?', authorizationData],
  }),
  'RFC 4120 §5.3',
);

/** EncTicketPart. */
export const encTicketPart: Contents = (scope, start, end, label) => {
  const item = asn1(scope, start, end, label, ENC_TICKET_PART);
  strictly(item, () => decodeEncTicketPart(scope.bytes.subarray(start, end)));
  return item;
};

function ticketOf(open: Open): Type {
  const type = tagged(
    'application',
    1,
    sequence({
      0: ['tkt-vno', pvno],
      1: ['realm', string],
      2: ['sname', principalName],
      3: ['enc-part', encryptedData(open, 'EncTicketPart', encTicketPart)],
    }),
    'RFC 4120 §5.3',
  );
  return (scope, element, label, seen) => {
    const item = type(scope, element, label, seen);
    const [, realm, name] = item.parts ?? [];
    const components = name?.value?.replace(/, [^,]*$/, '');
    if (components !== undefined && realm?.value !== undefined) {
      item.value = summary(`${components}@${realm.value}`);
    }
    return item;
  };
}

/** The ticket of an exchange: its session key opens what follows. */
export const ticket: Type = ticketOf((exchange, etype, cipher, kvno) => {
  exchange.restart();
  return exchange.openTicket(etype, kvno, cipher, true);
});

/** A ticket that is only carried along, for another service. */
export const carriedTicket: Type = ticketOf((exchange, etype, cipher, kvno) =>
  exchange.openTicket(etype, kvno, cipher, false),
);

/** A ticket alone. */
export const ticketAlone: Contents = (scope, start, end, label) => {
  const item = asn1(scope, start, end, label, ticket);
  strictly(item, () => decodeTicket(scope.bytes.subarray(start, end)));
  return item;
};

/** AuthorizationData alone. */
export const authorizationDataAlone: Contents = (scope, start, end, label) => {
  const item = asn1(scope, start, end, label, authorizationData);
  strictly(item, () => decodeAuthorizationData(scope.bytes.subarray(start, end)));
  return item;
};
