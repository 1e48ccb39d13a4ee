/** Lists of encryption types, in the syntax of krb5.conf's permitted_enctypes. */
import { Enctype, enctypeName, enctypeShortName, parseEnctype } from '../crypto/numbers.ts';
import { distanceOf } from '../options.ts';

/** Options of {@link parseEnctypeList}. */
export interface EnctypeListOptions {
  /** Meaning of `DEFAULT`; {@link defaultEnctypes} if absent. */
  readonly defaults?: readonly number[];
  /** Called for each word that names no enctype and no family. As in MIT krb5, the word is skipped. */
  readonly onUnknown?: (word: string) => void;
}

/** MIT krb5's meaning of `DEFAULT`, in its order: most preferred first. */
export const defaultEnctypes: readonly number[] = [
  Enctype.aes256CtsHmacSha1,
  Enctype.aes128CtsHmacSha1,
  Enctype.aes256CtsHmacSha384,
  Enctype.aes128CtsHmacSha256,
  Enctype.des3CbcSha1,
  Enctype.rc4Hmac,
  Enctype.camellia128CtsCmac,
  Enctype.camellia256CtsCmac,
];

/**
 * {@link defaultEnctypes} as an acceptor prefers them: the weak ones, which only some providers have,
 * come last, and of two Camellia enctypes the longer key comes first.
 */
export const acceptorEnctypes: readonly number[] = [
  Enctype.aes256CtsHmacSha1,
  Enctype.aes128CtsHmacSha1,
  Enctype.aes256CtsHmacSha384,
  Enctype.aes128CtsHmacSha256,
  Enctype.camellia256CtsCmac,
  Enctype.camellia128CtsCmac,
  Enctype.des3CbcSha1,
  Enctype.rc4Hmac,
];

/**
 * Reads words, separated by blanks or commas, from left to right. An enctype's name or alias, a family
 * (`aes`, `rc4`, `des3`, `camellia`; not in MIT krb5: `aes-sha1`, `aes-sha2`) or `DEFAULT` appends the
 * enctypes that the list lacks; with a leading `-` it removes them.
 *
 * @returns Enctype numbers, most preferred first; may be empty.
 */
export function parseEnctypeList(text: string, options: EnctypeListOptions = {}): number[] {
  const list: number[] = [];
  for (const word of text.split(/[\s,]+/)) {
    if (word === '') continue;
    const removes = word.startsWith('-');
    const name = word.replace(/^[+-]/, '').toLowerCase();
    const enctypes = enctypesOf(name, options.defaults ?? defaultEnctypes);
    if (enctypes === undefined) options.onUnknown?.(word);
    for (const enctype of enctypes ?? []) {
      const at = list.indexOf(enctype);
      if (removes && at >= 0) list.splice(at, 1);
      else if (!removes && at < 0) list.push(enctype);
    }
  }
  return list;
}

/** The name that was probably meant by an unknown one; undefined if none resembles it. */
export function nearestEnctype(word: string): string | undefined {
  const name = word.replace(/^[+-]/, '').toLowerCase();
  const known = [
    ...FAMILIES.keys(),
    ...acceptorEnctypes.flatMap((enctype) => [enctypeShortName(enctype), enctypeName(enctype)]),
  ];
  const [nearest] = known
    .map((other) => ({ other, distance: distanceOf(name, other) }))
    .filter(({ other, distance }) => distance <= (other.length < 7 ? 1 : 2))
    .sort((one, other) => one.distance - other.distance);
  return nearest?.other;
}

function enctypesOf(name: string, defaults: readonly number[]): readonly number[] | undefined {
  if (name === 'default') return defaults;
  const family = FAMILIES.get(name);
  if (family !== undefined) return family;
  // MIT krb5 takes names only, no numbers.
  const enctype = /^\d/.test(name) ? undefined : parseEnctype(name);
  return enctype === undefined ? undefined : [enctype];
}

const FAMILIES: ReadonlyMap<string, readonly number[]> = new Map([
  [
    'aes',
    [
      Enctype.aes256CtsHmacSha1,
      Enctype.aes128CtsHmacSha1,
      Enctype.aes256CtsHmacSha384,
      Enctype.aes128CtsHmacSha256,
    ],
  ],
  ['aes-sha1', [Enctype.aes256CtsHmacSha1, Enctype.aes128CtsHmacSha1]],
  ['aes-sha2', [Enctype.aes256CtsHmacSha384, Enctype.aes128CtsHmacSha256]],
  ['des3', [Enctype.des3CbcSha1]],
  ['rc4', [Enctype.rc4Hmac]],
  ['camellia', [Enctype.camellia256CtsCmac, Enctype.camellia128CtsCmac]],
]);
