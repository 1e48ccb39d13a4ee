/** Keys, and what was made of them, after they were disposed of: nothing of them is left. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import type { CryptoBackend } from '../../src/crypto/backend.ts';
import { Camellia } from '../../src/crypto/camellia.ts';
import { Cmac } from '../../src/crypto/cmac.ts';
import { deriveRandom } from '../../src/crypto/derivation.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { TripleDes } from '../../src/crypto/legacy/des.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { rc4 } from '../../src/crypto/legacy/rc4.ts';
import { NobleAes } from '../../src/crypto/noble/aes.ts';
import { NobleHmac } from '../../src/crypto/noble/hmac.ts';
import type { MessagePieces } from '../../src/crypto/profile.ts';
import { nodeCrypto } from '../../src/node/crypto.ts';
import { Census } from '../support/census.ts';
import { loadVectors, seededRandom, utf8 } from '../support/vectors.ts';

const crypto = withLegacyEnctypes();
const MESSAGE = utf8('forty bytes of a message, more or less..');
const LONG = new Uint8Array(2048).fill(7);

function keyBytes(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  seededRandom(seed)(bytes);
  return bytes;
}

function pieces(key: { confounderLength: number; trailerLength: number }): MessagePieces {
  return {
    confounder: new Uint8Array(key.confounderLength),
    segments: [
      { bytes: MESSAGE.slice(), encrypted: true },
      { bytes: MESSAGE.slice(), encrypted: false },
    ],
    trailer: new Uint8Array(key.trailerLength),
  };
}

describe('the memory of a key that was disposed of', () => {
  interface DeriveVector {
    readonly enctype: number;
    readonly key: string;
    readonly constant: string;
    readonly derived: string;
  }
  // Their keys are known, and those derived for usage 2.
  const vectors = ['rfc8009', 'rfc6803', 'rfc3961'].flatMap(
    (folder) => loadVectors<DeriveVector>(`${folder}/derive.json`).vectors,
  );

  it.each([16, 19, 20, 25, 26])('holds no key and none that was derived (%i)', async (enctype) => {
    const known = vectors.filter((vector) => vector.enctype === enctype);
    const value = fromHex(known[0]!.key);
    const secrets = Object.fromEntries(
      known.map(({ constant, derived }) => [constant, fromHex(derived)]),
    );
    expect(Object.keys(secrets).length).toBe(3);
    await leavesNothing(enctype, value, secrets);
  });

  it.each([17, 18, 23])('holds no key (%i)', async (enctype) => {
    await leavesNothing(enctype, keyBytes(enctype, enctype === 18 ? 32 : 16), {});
  });

  async function leavesNothing(
    enctype: number,
    value: Uint8Array,
    derived: Readonly<Record<string, Uint8Array>>,
  ): Promise<void> {
    const census = new Census();
    const random = seededRandom(1);
    const key = await census.watch(() => new EncryptionKey(enctype, value, crypto));
    await census.watch(() => {
      const sealed = key.encrypt(2, MESSAGE, random);
      key.decrypt(2, sealed);
      key.decrypt(2, key.encrypt(2, LONG, random));
      const cut = pieces(key);
      key.sealSegments(2, cut, random);
      expect(key.openSegments(2, cut)).toBeUndefined();
      key.verifyChecksum(2, key.checksum(2, MESSAGE), MESSAGE);
      key.prf(MESSAGE);
      key.rfc1964?.encrypt(new Uint8Array(16), 1);
      const copy = key.withCrypto(crypto);
      expect(copy.equals(key)).toBe(true);
      copy.dispose();
      expect(() => key.decrypt(2, sealed.subarray(1))).toThrow(/./);
    });
    // While it is in use there is something to find.
    expect(census.left({ key: value, ...derived })).toContain('key');
    await census.watch(() => key.dispose());
    expect(census.left({ key: value, ...derived })).toEqual([]);
  }

  it.each([
    ['Camellia', () => new Camellia(keyBytes(6, 16))],
    ['Camellia', () => new Camellia(keyBytes(6, 32))],
    ['triple DES', () => new TripleDes(keyBytes(6, 24))],
    ['CMAC', () => new Cmac(new Camellia(keyBytes(6, 16)))],
  ])('holds no schedule, whole or in part (%s)', async (_, make) => {
    const census = new Census();
    const [bytes, zeros] = [new Uint8Array(32), new Uint8Array(32)];
    const iv = new Uint8Array(16);
    const made = await census.watch(() => {
      const one = make();
      if (one instanceof Cmac) return one;
      one.cbcEncrypt(bytes, 0, 32, iv);
      // Of a ciphertext of zeros, what is not zero was under the key.
      one.cbcDecrypt(zeros, 0, 32, iv);
      return one;
    });
    expect(census.holding).toBeGreaterThan(1);
    made.wipe();
    // The key itself is whose it is.
    expect(census.left({ key: keyBytes(6, 16) })).toEqual(['key']);
    expect(census.holding).toBe(1);
  });

  it('holds no key that RC4 derived for one token or message', async () => {
    const value = keyBytes(12, 16);
    const hmac = (key: Uint8Array, data: Uint8Array) =>
      createHmac('md5', key).update(data).digest();
    const zero = new Uint8Array(4);
    const checksum = keyBytes(13, 8);
    const census = new Census();
    const key = await census.watch(() => {
      const made = new EncryptionKey(23, value, crypto);
      const tokens = made.rfc1964!;
      const sealed = tokens.sealSequence({ number: 7, sender: 'acceptor' }, checksum);
      tokens.openSequence(sealed, checksum);
      tokens.encrypt(new Uint8Array(8), 0);
      return made;
    });
    const local = value.map((byte) => byte ^ 0xf0);
    const secrets = {
      local,
      kseq: hmac(value, zero),
      kcrypt: hmac(local, zero),
      sequence: hmac(hmac(value, zero), checksum),
      message: hmac(hmac(local, zero), zero),
    };
    // RFC 4757 §7: what belongs to one token is gone with it.
    expect(census.left(secrets).sort()).toEqual(['kcrypt', 'kseq']);
    key.dispose();
    expect(census.left(secrets)).toEqual([]);
  });

  it('holds no key that RC4 derived for a message as it is encrypted', async () => {
    const value = keyBytes(14, 16);
    const hmac = (key: Uint8Array, data: Uint8Array) =>
      createHmac('md5', key).update(data).digest();
    const census = new Census();
    const key = new EncryptionKey(23, value, crypto);
    const sealed = await census.watch(() => {
      const made = key.encrypt(2, MESSAGE, seededRandom(1));
      key.decrypt(2, made);
      return made;
    });
    // RFC 4757 §5: K1 for the usage, which stays until the key is disposed of; K3 for the message.
    const k1 = hmac(value, Uint8Array.of(2, 0, 0, 0));
    const secrets = { k1, k3: hmac(k1, sealed.subarray(0, 16)) };
    expect(census.left(secrets)).toEqual(['k1']);
    key.dispose();
    expect(census.left(secrets)).toEqual([]);
  });

  it('holds no state of RC4, from which its stream can be told', async () => {
    const census = new Census();
    const [key, bytes] = [keyBytes(15, 16), MESSAGE.slice()];
    await census.watch(() => rc4(key, bytes));
    expect(bytes).not.toEqual(MESSAGE);
    expect(census.contents).toEqual([]);
  });

  it.each([18, 23])('holds no key that signed HMAC-MD5 under it (%i)', async (enctype) => {
    const value = keyBytes(16, enctype === 18 ? 32 : 16);
    const key = new EncryptionKey(enctype, value, crypto);
    const ksign = createHmac('md5', value).update('signaturekey\0').digest();
    const census = new Census();
    await census.watch(() => {
      expect(key.verifyChecksumOfType(-138, 17, new Uint8Array(16), MESSAGE)).toBe(false);
      key.dispose();
    });
    expect(census.left({ ksign })).toEqual([]);
  });

  it('holds no seed that a key of triple DES was made of', async () => {
    const { vectors: seeds } = loadVectors<{ key: string; usage: string; dr: string }>(
      'rfc3961/dr-dk.json',
    );
    for (const { key, usage, dr } of seeds) {
      const census = new Census();
      const cipher = new TripleDes(fromHex(key));
      const constant = fromHex(usage);
      const seed = await census.watch(() => deriveRandom(cipher, constant, 21));
      expect(seed).toEqual(fromHex(dr));
      seed.fill(0);
      expect(census.left({ dr: fromHex(dr) })).toEqual([]);
      if (constant.length !== 5) continue;
      const whole = new EncryptionKey(16, fromHex(key), crypto);
      await census.watch(() => {
        whole.encrypt(constant[3]!, MESSAGE, seededRandom(1));
        whole.checksum(constant[3]!, MESSAGE);
      });
      expect(census.left({ dr: fromHex(dr) })).toEqual([]);
    }
  });

  it.each([17, 20])('holds none either where a block of code ends (%i)', async (enctype) => {
    const census = new Census();
    const value = keyBytes(8, enctype === 17 ? 16 : 32);
    const key = await census.watch(() => new EncryptionKey(enctype, value, crypto));
    // What `using` calls.
    key[Symbol.dispose]();
    expect(census.left({ value })).toEqual([]);
    expect(() => key.bytes()).toThrow(TypeError);
  });

  it.each([16, 32])(
    'holds nothing in what is made once for all keys (%i bytes)',
    async (length) => {
      vi.resetModules();
      const census = new Census();
      const value = keyBytes(5, length);
      await census.watch(async () => {
        const fresh = await import('../../src/crypto/noble/aes.ts');
        const cipher = new fresh.NobleAes(value);
        for (const use of CIPHER_USES) use(cipher as NobleAes);
        expect(fresh.NobleAes).not.toBe(NobleAes);
        cipher.wipe();
      });
      expect(census.left({ value })).toEqual([]);
    },
  );

  it.each(
    (['sha1', 'sha256', 'sha384'] as const).flatMap(
      (hash) =>
        [
          [hash, 'made', 20, 0],
          [hash, 'made, longer than a block', 200, 0],
          [hash, 'used', 20, 1],
          [hash, 'used, longer than a block', 200, 1],
        ] as const,
    ),
  )('holds nothing in the hash that all share (%s, key %s)', async (hash, _, length, uses) => {
    vi.resetModules();
    const census = new Census();
    const value = keyBytes(5, length);
    await census.watch(async () => {
      const codes = await import('../../src/crypto/noble/hmac.ts');
      (await import('../../src/crypto/noble/sha2.ts')).addSha2();
      const mac = new codes.NobleHmac(hash, value);
      // A code may be a key that is derived (RFC 8009 §3).
      for (let i = 0; i < uses; i++) mac.digest([MESSAGE]).fill(0);
      mac.wipe();
    });
    // RFC 2104 §2: what the hash works on is the key, a long one's hash, under ipad and opad.
    const short = length === 20 ? value : createHash(hash).update(value).digest();
    const masked = (mask: number) => short.map((byte) => byte ^ mask);
    const code = createHmac(hash, value).update(MESSAGE).digest();
    const secrets = { value, short, inner: masked(0x36), outer: masked(0x5c), code };
    expect(census.left(secrets)).toEqual([]);
  });

  it.each([16, 17, 18, 19, 20, 23, 25, 26])('holds no password (%i)', async (enctype) => {
    const census = new Census();
    const password = 'correct horse battery';
    const options = enctype === 16 || enctype === 23 ? { crypto } : { crypto, iterations: 2 };
    const alive = new Set<object>();
    const backend = watched(alive);
    const given = { ...options, crypto: { ...crypto, backend } };
    const key = await census.watch(() =>
      EncryptionKey.fromPassword(enctype, password, 'EXAMPLE.TESTalice', given),
    );
    const secrets: Record<string, Uint8Array> = {
      utf8: utf8(password),
      utf16: Buffer.from(password, 'utf16le'),
    };
    // RFC 3962 §4, RFC 6803 §4, RFC 8009 §4: what the key is derived from.
    const name = NAMES[enctype];
    if (name !== undefined) {
      const [hash, prefix] = name;
      const salt = `${prefix}EXAMPLE.TESTalice`;
      secrets.seed = pbkdf2Sync(password, salt, 2, key.bytes().length, hash);
    }
    expect(census.left(secrets)).toEqual([]);
    expect(alive.size).toBe(0);
    const value = key.bytes();
    key.dispose();
    expect(census.left({ value })).toEqual([]);
  });

  it.each([16, 17, 18, 19, 20, 23, 25, 26])('holds no seed of a new one (%i)', async (enctype) => {
    const census = new Census();
    const seeds: Uint8Array[] = [];
    const random = (target: Uint8Array) => {
      seededRandom(9)(target);
      seeds.push(target);
    };
    await census.watch(() => EncryptionKey.generate(enctype, random, crypto).dispose());
    expect(seeds.length).toBe(1);
    expect([...seeds[0]!]).toEqual([...new Uint8Array(seeds[0]!.length)]);
    const secret = keyBytes(9, seeds[0]!.length);
    expect(census.left({ secret })).toEqual([]);
  });
});

/** Hash and prefix of the salt. */
const NAMES: Readonly<Record<number, readonly [string, string]>> = {
  17: ['sha1', ''],
  18: ['sha1', ''],
  19: ['sha256', 'aes128-cts-hmac-sha256-128\0'],
  20: ['sha384', 'aes256-cts-hmac-sha384-192\0'],
  25: ['sha1', 'camellia128-cts-cmac\0'],
  26: ['sha1', 'camellia256-cts-cmac\0'],
};

/** A backend that notes what it made until that is wiped. */
function watched(alive: Set<object>): CryptoBackend {
  const watch = <T extends { wipe(): void }>(made: T): T => {
    const wipe = made.wipe.bind(made);
    alive.add(made);
    made.wipe = () => {
      alive.delete(made);
      wipe();
    };
    return made;
  };
  return {
    ...crypto.backend,
    aes: (key) => watch(crypto.backend.aes(key)),
    hmac: (hash, key) => watch(crypto.backend.hmac(hash, key)),
  };
}

/** Two objects of different keys, told apart by what they do. */
function indistinguishable<T extends { wipe(): void }>(
  make: (seed: number) => T,
  uses: readonly ((made: T) => unknown)[],
): void {
  const [one, two] = [make(1), make(2)];
  for (const use of uses) expect(use(one)).not.toEqual(use(two));
  one.wipe();
  two.wipe();
  for (const use of uses) expect(use(one)).toEqual(use(two));
}

/** Each direction by itself: what does not work in one any more may still in the other. */
const CIPHER_USES = (['cbcEncrypt', 'cbcDecrypt'] as const).flatMap((direction) =>
  [16, 1600].map((length) => (cipher: NobleAes | Camellia | TripleDes) => {
    const bytes = new Uint8Array(length).fill(3);
    cipher[direction](bytes, 0, length, new Uint8Array(16));
    return bytes;
  }),
);

describe('what was wiped does the same whatever its key was', () => {
  it.each([16, 32])('AES and Camellia with %i bytes', (length) => {
    indistinguishable((seed) => new NobleAes(keyBytes(seed, length)), CIPHER_USES);
    indistinguishable((seed) => new NobleAes(keyBytes(seed, length)), [CIPHER_USES[2]!]);
    indistinguishable((seed) => new Camellia(keyBytes(seed, length)), CIPHER_USES);
  });

  it('triple DES', () => {
    indistinguishable((seed) => new TripleDes(keyBytes(seed, 24)), CIPHER_USES);
  });

  it('AES that never worked', () => {
    const [one, two] = [1, 2].map((seed) => new NobleAes(keyBytes(seed, 16)));
    one!.wipe();
    two!.wipe();
    expect(CIPHER_USES[0]!(one!)).toEqual(CIPHER_USES[0]!(two!));
  });

  it('CMAC and HMAC', () => {
    const uses = [0, 15, 16, 17, 300].map(
      (length) => (mac: Cmac | NobleHmac) => mac.digest([new Uint8Array(length)]),
    );
    indistinguishable((seed) => new Cmac(new Camellia(keyBytes(seed, 16))), uses);
    for (const hash of ['sha1', 'sha256', 'sha384'] as const) {
      indistinguishable((seed) => new NobleHmac(hash, keyBytes(seed, 20)), uses);
      indistinguishable((seed) => new NobleHmac(hash, keyBytes(seed, 200)), uses);
    }
  });

  it.each([...crypto.profiles.values()])('keys of enctype $enctype', (profile) => {
    const keyed = (seed: number) => {
      const key = profile.randomToKey(keyBytes(seed, profile.seedLength));
      const made = profile.keyed(crypto.backend, key);
      // The key is its owner's to wipe; what it holds beside must not need it.
      return { key, made };
    };
    const before = profile.confounderLength;
    const message = () => new Uint8Array(before + 40 + profile.trailerLength);
    indistinguishable(
      (seed) => keyed(seed).made.sealer(2),
      [
        (sealer) => {
          const bytes = message();
          sealer.seal(bytes, () => {});
          const sealed = bytes.slice();
          return [sealed, sealer.open(bytes), bytes];
        },
      ],
    );
    indistinguishable((seed) => keyed(seed).made.checksum(2), [(mac) => mac.digest([MESSAGE])]);
    const withAll = (seed: number) => {
      const { key, made } = keyed(seed);
      const { rfc1964 } = made;
      return {
        made,
        rfc1964,
        wipe: () => {
          made.wipe();
          key.fill(0);
        },
      };
    };
    indistinguishable(withAll, [
      ({ made }) => made.checksum(3).digest([MESSAGE]),
      // Last, for it may keep what the others drop.
      ({ made }) => made.prf(MESSAGE),
    ]);
    if (withAll(1).rfc1964 === undefined) return;
    indistinguishable(withAll, [
      ({ rfc1964 }) => rfc1964!.checksum('mic', MESSAGE),
      ({ rfc1964 }) => rfc1964!.checksum('wrap', MESSAGE),
      ({ rfc1964 }) => rfc1964!.sealSequence({ number: 1, sender: 'acceptor' }, MESSAGE),
      ({ rfc1964 }) => {
        const bytes = new Uint8Array(16);
        rfc1964!.encrypt(bytes, 1);
        return bytes;
      },
      ({ rfc1964 }) => {
        const bytes = new Uint8Array(16);
        rfc1964!.decrypt(bytes, 1);
        return bytes;
      },
    ]);
  });

  it.each([16, 17, 18, 19, 20, 23])('nothing is kept for a pseudo-random function (%i)', (type) => {
    const alive = new Set<object>();
    const spied = { ...crypto, backend: watched(alive) };
    const key = EncryptionKey.generate(type, seededRandom(1), spied);
    key.prf(MESSAGE);
    // The base key's own state at most, which the key wipes.
    expect(alive.size).toBeLessThanOrEqual(type === 16 || type === 23 ? 0 : 1);
    key.dispose();
    expect(alive.size).toBe(0);
  });

  it('keys of node:crypto', () => {
    const census = new Census();
    const value = keyBytes(4, 32);
    return census
      .watch(() => {
        const key = new EncryptionKey(20, value, nodeCrypto);
        key.decrypt(2, key.encrypt(2, MESSAGE, seededRandom(1)));
        key.dispose();
      })
      .then(() => expect(census.left({ value })).toEqual([]));
  });
});

describe('what does not open', () => {
  it.each([...crypto.profiles.keys()])('leaves no plaintext (enctype %i)', async (enctype) => {
    const key = EncryptionKey.generate(enctype, seededRandom(3), crypto);
    const plain = keyBytes(77, 64);
    const sealed = key.encrypt(2, plain, seededRandom(4));
    sealed[sealed.length - 1]! ^= 1;
    if (enctype === 23) sealed[0]! ^= 1;
    const census = new Census();
    const read = await census.watch(() => {
      expect(() => key.decrypt(2, sealed)).toThrowError(
        expect.objectContaining({ code: 'KRB_AP_ERR_BAD_INTEGRITY' }),
      );
    });
    expect(read).toBeUndefined();
    expect(census.left({ plain })).toEqual([]);
  });

  it.each([...crypto.profiles.keys()])(
    'is wiped where it lay in pieces (enctype %i)',
    async (enctype) => {
      const key = EncryptionKey.generate(enctype, seededRandom(3), crypto);
      const plain = keyBytes(77, 64);
      for (const good of [true, false]) {
        const cut = {
          confounder: new Uint8Array(key.confounderLength),
          segments: [16, 48].map((length, at) => ({
            bytes: plain.slice(16 * at, 16 * at + length),
            encrypted: true,
          })),
          trailer: new Uint8Array(key.trailerLength),
        };
        key.sealSegments(2, cut, seededRandom(4));
        if (!good) cut.segments[1]!.bytes[47]! ^= 1;
        const census = new Census();
        await census.watch(() => {
          if (good) key.openSegments(2, cut);
          else expect(() => key.openSegments(2, cut)).toThrow(/./);
        });
        // No copy beside the caller's own arrays, and these only if it opened.
        expect(census.left({ plain })).toEqual([]);
        for (const { bytes } of cut.segments) expect(bytes.some((byte) => byte !== 0)).toBe(good);
        expect(cut.confounder.every((byte) => byte === 0)).toBe(!good);
      }
    },
  );
});

describe('what is left in memory', () => {
  const salt = 'EXAMPLE.TESTalice';

  it.each([...crypto.profiles.keys()])('is the same whatever a password was (%i)', async (type) => {
    const options = type === 16 || type === 23 ? { crypto } : { crypto, iterations: 2 };
    // A length at which MD4 and the folding of triple DES need more than one block.
    const leftOf = async (password: string): Promise<string[]> => {
      const census = new Census();
      await census.watch(() => EncryptionKey.fromPassword(type, password, salt, options).dispose());
      return census.contents.map(toHex);
    };
    const left = await leftOf('correct horse battery staple, one');
    expect(left).toEqual(await leftOf('wrong cow accumulator nail, three'));
    // What is public is there to be found.
    expect(left).toContain(toHex(utf8(salt)));
  });

  it.each([...crypto.profiles.values()])(
    'is what a pseudo-random function gave, and no more of its key ($enctype)',
    async ({ enctype, seedLength, randomToKey }) => {
      const leftOf = async (seed: number): Promise<string[]> => {
        const census = new Census();
        const value = randomToKey(keyBytes(seed, seedLength));
        const output = await census.watch(() => {
          const key = new EncryptionKey(enctype, value, crypto);
          const made = key.prf(MESSAGE);
          key.dispose();
          return made;
        });
        output.fill(0);
        return census.contents.map(toHex);
      };
      expect(await leftOf(1)).toEqual(await leftOf(2));
    },
  );
});
