/** KRB-ERROR and its e-data (RFC 4120 §5.9.1, MS-KILE §2.2.1). */
import { decodeKrbError } from '../../messages/krb-error.ts';
import type { Draft } from '../item.ts';
import { krbErrorText, ntStatusName } from '../names/errors.ts';
import { named, PRE_AUTHENTICATION } from '../names/numbers.ts';
import { strictly } from '../scope.ts';
import { enctype, messageType, principalName, pvno } from './common.ts';
import { readElement } from './element.ts';
import { PA_DATA } from './pa-data.ts';
import type { Contents, Type } from './types.ts';
import {
  anything,
  asn1,
  integer,
  listOf,
  octets,
  publicOctets,
  sequence,
  string,
  tagged,
  time,
} from './types.ts';

const microseconds = integer((value) => `${value} µs`);

const ETYPE_INFO2 = listOf(
  'entry',
  sequence({ 0: ['etype', enctype], 1: ['salt?', string], 2: ['s2kparams?', publicOctets] }),
  'RFC 4120 §5.2.7.5',
);

const ETYPE_INFO = listOf(
  'entry',
  sequence({
    0: ['etype', enctype],
    1: [
      'salt?',
      octets((scope, start, end, label) => scope.item(label, start, end, scope.text(start, end))),
    ],
  }),
  'RFC 4120 §5.2.7.4',
);

const preAuthentication: Contents = (scope, start, end, label, seen) => {
  const type = seen.get(1);
  if (type === 19) return asn1(scope, start, end, label, ETYPE_INFO2);
  if (type === 11) return asn1(scope, start, end, label, ETYPE_INFO);
  if (type === 3) return scope.item(label, start, end, scope.text(start, end));
  const known = scope.tooDeep ? undefined : PA_DATA.get(type);
  return known?.(scope, start, end, label, seen) ?? scope.data(label, start, end);
};

/** PA-DATA (RFC 4120 §5.2.7). */
export const paData: Type = sequence(
  {
    1: ['padata-type', integer((value) => named(PRE_AUTHENTICATION, value), 'RFC 4120 §7.5.2')],
    2: ['padata-value', octets(preAuthentication)],
  },
  'RFC 4120 §5.2.7',
);

const METHOD_DATA = listOf('PA-DATA', paData, 'RFC 4120 §5.9.1');

const TYPED_DATA = listOf(
  'data',
  sequence({
    0: ['data-type', integer((value) => named(PRE_AUTHENTICATION, value))],
    1: ['data-value?', octets()],
  }),
  'RFC 4120 §5.9.1',
);

/** KERB_EXT_ERROR: an NTSTATUS, and two numbers without meaning. */
const extendedError: Contents = (scope, start, end, label, seen) => {
  const item = scope.data(label, start, end);
  if (seen.get(1) === 3 && end - start >= 4) {
    const { bytes } = scope;
    const status =
      (bytes[start]! |
        (bytes[start + 1]! << 8) |
        (bytes[start + 2]! << 16) |
        (bytes[start + 3]! << 24)) >>>
      0;
    const name = ntStatusName(status) ?? 'NTSTATUS';
    item.value = `${name} (0x${status.toString(16).padStart(8, '0')})`;
    item.clause = 'MS-KILE §2.2.2';
  }
  return item;
};

const KERB_ERROR_DATA = sequence(
  {
    1: [
      'data-type',
      integer((value) =>
        named(
          new Map([
            [2, 'skew recovery'],
            [3, 'extended error'],
          ]),
          value,
        ),
      ),
    ],
    2: ['data-value?', octets(extendedError)],
  },
  'MS-KILE §2.2.1',
);

/** e-data has one of three types, which only its own fields show. */
const errorData: Contents = (scope, start, end, label) => {
  if (scope.tooDeep || start === end) return scope.data(label, start, end);
  const inner = scope.deeper();
  const { children } = readElement(scope.report, scope.bytes, start, end);
  const numbers = children.map(({ tagClass, tagNumber }) =>
    tagClass === 'context' ? tagNumber : -1,
  );
  if (numbers.includes(1)) return asn1(inner, start, end, label, KERB_ERROR_DATA);
  const firstFields = children[0]?.children.map(({ tagNumber }) => tagNumber) ?? [];
  if (firstFields.includes(0)) return asn1(inner, start, end, label, TYPED_DATA);
  if (firstFields.includes(2)) return asn1(inner, start, end, label, METHOD_DATA);
  return asn1(inner, start, end, label, anything);
};

const KRB_ERROR = tagged(
  'application',
  30,
  sequence({
    0: ['pvno', pvno],
    1: ['msg-type', messageType],
    2: ['ctime?', time],
    3: ['cusec?', microseconds],
    4: ['stime', time],
    5: ['susec', microseconds],
    6: ['error-code', integer(errorText, 'RFC 4120 §7.5.9')],
    7: ['crealm?', string],
    8: ['cname?', principalName],
    9: ['realm', string],
    10: ['sname', principalName],
    11: ['e-text?', string],
    12: ['e-data?', octets(errorData)],
  }),
  'RFC 4120 §5.9.1',
);

function errorText(code: number): string {
  const [name, text] = krbErrorText(code) ?? ['not assigned', ''];
  return text === '' ? `${name} (${code})` : `${name} (${code}): ${text}`;
}

/** KRB-ERROR; the item reads it out. */
export const krbError: Contents = (scope, start, end, label) => {
  const item = asn1(scope, start, end, label, KRB_ERROR);
  const said = sayError(item);
  if (said !== '') item.value = said;
  strictly(item, () => decodeKrbError(scope.bytes.subarray(start, end)));
  return item;
};

/** The code, the e-text and the times in a sentence. */
function sayError({ parts = [] }: Draft): string {
  const value = (label: string) => parts.find((part) => part.label === label)?.value;
  const text = value('e-text');
  const [stime, ctime] = [value('stime'), value('ctime')];
  return [
    value('error-code'),
    text && `e-text "${text}"`,
    stime && `at ${stime} by the sender's clock`,
    ctime && `the request was made at ${ctime} by the client's clock`,
  ]
    .filter(Boolean)
    .join('; ');
}
