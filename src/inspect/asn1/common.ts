/** The types that many messages have (RFC 4120 §5.2). */
import type { Exchange, Opened } from '../exchange.ts';
import {
  ADDRESS_TYPES,
  CHECKSUM_TYPES,
  MESSAGE_TYPES,
  NAME_TYPES,
  named,
  namedEnctype,
} from '../names/numbers.ts';
import type { Scope } from '../scope.ts';
import { addPart, summary } from '../scope.ts';
import type { Element } from './element.ts';
import type { Contents, Type } from './types.ts';
import {
  integer,
  isOctets,
  listOf,
  octets,
  publicOctets,
  secretOctets,
  sequence,
  signed,
  string,
  uint32,
} from './types.ts';

export const pvno: Type = integer(
  (value) => `${value}${value === 5 ? '' : ', expected 5'}`,
  'RFC 4120 §5.10',
);

export const messageType: Type = integer((value) => named(MESSAGE_TYPES, value), 'RFC 4120 §5.10');

export const enctype: Type = integer(namedEnctype, 'RFC 3961 §8');

/** PrincipalName; the item shows the name as one text. */
export const principalName: Type = (scope, element, label, seen) => {
  const item = NAME(scope, element, label, seen);
  const [type, names] = item.parts ?? [];
  const components = names?.parts?.map(({ value = '?' }) => value) ?? [];
  if (components.length > 0)
    item.value = `${summary(components.join('/'))}, ${type?.value ?? 'no type'}`;
  return item;
};

const NAME = sequence(
  {
    0: ['name-type', integer((value) => named(NAME_TYPES, value), 'RFC 4120 §6.2')],
    1: ['name-string', listOf('component', string)],
  },
  'RFC 4120 §5.2.2',
);

/** An address as text: IPv4, IPv6, NetBIOS. */
const address: Type = octets((scope, start, end, label, seen) => {
  const bytes = scope.bytes.subarray(start, end);
  const type = seen.get(0);
  if (type === 2 && bytes.length === 4) {
    return scope.item(label, start, end, { value: bytes.join('.') });
  }
  if (type === 24 && bytes.length === 16) {
    const groups = Array.from({ length: 8 }, (_, i) =>
      ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16),
    );
    return scope.item(label, start, end, { value: groups.join(':') });
  }
  if (type === 20) return scope.item(label, start, end, scope.text(start, end));
  return scope.publicData(label, start, end);
});

export const hostAddress: Type = sequence(
  {
    0: ['addr-type', integer((value) => named(ADDRESS_TYPES, value), 'RFC 4120 §7.5.3')],
    1: ['address', address],
  },
  'RFC 4120 §5.2.5',
);

export const hostAddresses: Type = listOf('address', hostAddress, 'RFC 4120 §5.2.5');

export const checksum: Type = sequence(
  {
    0: ['cksumtype', integer((value) => named(CHECKSUM_TYPES, value), 'RFC 3961 §8')],
    1: ['checksum', publicOctets],
  },
  'RFC 4120 §5.2.9',
);

/** EncryptionKey: the key itself is secret. */
export const keyValue: Type = sequence(
  { 0: ['keytype', enctype], 1: ['keyvalue', secretOctets] },
  'RFC 4120 §5.2.9',
);

/** Decrypts. @returns Why it cannot, if so. */
export type Open = (
  exchange: Exchange,
  enctype: number,
  cipher: Uint8Array,
  kvno: number | undefined,
) => Opened | string;

/** EncryptedData, and what is in it if it can be decrypted. */
export function encryptedData(open: Open, plaintext: string, inner: Contents): Type {
  return (scope, element, label, seen) => {
    const item = ENCRYPTED(scope, element, label, seen);
    const etype = numberOf(scope, fieldOf(element, 0));
    const cipher = cipherOf(scope, element);
    if (etype === undefined || cipher === undefined) return item;
    const kvno = numberOf(scope, fieldOf(element, 1));
    const opened = open(scope.report.exchange, etype, cipher, kvno);
    if (typeof opened === 'string') {
      addPart(item, { label: plaintext, value: `not decrypted: ${opened}` });
      return item;
    }
    const { plain, by } = opened;
    const made = inner(scope.derived(plain, true), 0, plain.length, plaintext, new Map());
    made.space = `the ${plain.length} bytes of plaintext, decrypted with the ${by}`;
    addPart(item, made);
    return item;
  };
}

/** With enctype 0 it is the plaintext, and as secret. */
const cipherText: Type = octets((scope, start, end, label, seen) =>
  seen.get(0) === 0 ? scope.secretData(label, start, end) : scope.publicData(label, start, end),
);

const ENCRYPTED = sequence(
  { 0: ['etype', enctype], 1: ['kvno?', uint32], 2: ['cipher', cipherText] },
  'RFC 4120 §5.2.9',
);

/** An encrypted part that nothing here can open. */
export function sealed(reason: string): Type {
  return encryptedData(
    () => reason,
    'plaintext',
    (scope, start, end, label) => scope.data(label, start, end),
  );
}

function cipherOf({ bytes }: Scope, element: Element): Uint8Array | undefined {
  const value = fieldOf(element, 2);
  if (value === undefined || !isOctets(value) || value.constructed) return undefined;
  return bytes.subarray(value.contents, value.contentsEnd);
}

function numberOf({ bytes }: Scope, element: Element | undefined): number | undefined {
  if (element === undefined || element.tagNumber !== 2) return undefined;
  return signed(bytes, element.contents, element.contentsEnd);
}

function fieldOf({ children }: Element, number: number): Element | undefined {
  return children.find((child) => child.tagClass === 'context' && child.tagNumber === number)
    ?.children[0];
}
