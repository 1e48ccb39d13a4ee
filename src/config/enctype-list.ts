/** Lists of encryption types, as krb5.conf's permitted_enctypes has them. */
import { Enctype, parseEnctype } from '../crypto/numbers.ts';

export interface EnctypeListOptions {
  /** What `DEFAULT` stands for; {@link defaultEnctypes} if absent. */
  readonly defaults?: readonly number[];
  /** Called for each word that is neither a family nor an encryption type; MIT krb5 skips it. */
  readonly onUnknown?: (word: string) => void;
}

/** What `DEFAULT` stands for in MIT krb5, in its order. */
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
 * Reads words between blanks and commas from the left: a name, alias or family (`aes`, `rc4`,
 * `des3`, `camellia`, and ours: `aes-sha1`, `aes-sha2`) adds what is not there yet, with `-` before
 * it takes away; `DEFAULT` is the default list.
 *
 * @returns Enctype numbers, best first; empty if nothing is left.
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

function enctypesOf(name: string, defaults: readonly number[]): readonly number[] | undefined {
  if (name === 'default') return defaults;
  const family = FAMILIES.get(name);
  if (family !== undefined) return family;
  // MIT krb5 knows enctypes by their names only.
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
