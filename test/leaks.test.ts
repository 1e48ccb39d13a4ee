/** What must not show: keys, plaintext and the right checksum, in nothing that anybody prints. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../src/bytes.ts';
import { formatRecordOf } from '../src/cli/gss-server/records.ts';
import type { CryptoBackend } from '../src/crypto/backend.ts';
import { withLegacyEnctypes } from '../src/crypto/legacy/index.ts';
import { KeyUsage } from '../src/crypto/numbers.ts';
import type { CryptoProvider } from '../src/crypto/provider.ts';
import { frameToken, TokenId } from '../src/gss/framing.ts';
import type { AcceptResult, GssError, SecurityContext } from '../src/index.ts';
import {
  acquireCredential,
  ChannelName,
  ContextFlag,
  contextNotes,
  createAcceptor,
  defaultCrypto,
  EncryptionKey,
  formatKeytab,
  importSecurityContext,
  Mechanism,
  nobleCrypto,
  parseKeytab,
  TicketFlag,
} from '../src/index.ts';
import { encodeInitiatorOptions } from '../src/krb5/authenticator-checksum.ts';
import type { Authenticator } from '../src/messages/ap-req.ts';
import { encodeApReq, encodeAuthenticator } from '../src/messages/ap-req.ts';
import { decodeEncTicketPart, encodeEncTicketPart } from '../src/messages/ticket.ts';
import { nodeCrypto } from '../src/node/crypto.ts';
import { createInitiator } from '../src/testing/index.ts';
import { listen } from './support/channels.ts';
import { encodeKrbCred } from './support/encoders.ts';
import type { ExchangeOptions } from './support/realm-kit.ts';
import {
  establish,
  makeKeytab,
  makeParties,
  NOW,
  NOW_SECONDS,
  seededRandom,
} from './support/realm-kit.ts';
import { SecretSearch } from './support/secrets.ts';

const ENCTYPES = [17, 18, 19, 20, 25, 26];

/** Stands for what only the KDC and the service may know. */
const PLAINTEXT = new Uint8Array(24).map((_, i) => 0x91 + 5 * i);

async function failed(accepting: Promise<AcceptResult>, name = 'a token') {
  const result = await accepting;
  if (result.status !== 'failed') throw new Error(`${name} was not refused: ${result.status}`);
  return result;
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at < 0 ? copy.length + at : at]! ^= 1;
  return copy;
}

/** A ticket whose contents somebody has changed, sealed with the right key. */
function changeTicket(
  { keytab, ticket }: Awaited<ReturnType<typeof makeParties>>,
  change: (plain: Uint8Array) => Uint8Array,
): Uint8Array {
  const { key } = keytab.entries[0]!;
  const plain = change(key.decrypt(KeyUsage.ticket, ticket.ticket.encPart.cipher));
  const cipher = key.encrypt(KeyUsage.ticket, plain, seededRandom(11));
  const changed = { ...ticket.ticket, encPart: { ...ticket.ticket.encPart, cipher } };
  return createInitiator({ ticket: { ...ticket, ticket: changed }, clock: () => NOW }).begin();
}

/** An AP-REQ whose authenticator says what it likes. */
function withAuthenticator(
  { ticket }: Awaited<ReturnType<typeof makeParties>>,
  plain: Uint8Array,
): Uint8Array {
  const { sessionKey } = ticket;
  const apReq = encodeApReq({
    apOptions: 0x2000_0000,
    ticket: ticket.ticket,
    authenticator: {
      enctype: sessionKey.enctype,
      cipher: sessionKey.encrypt(KeyUsage.apReqAuthenticator, plain, seededRandom(12)),
    },
  });
  return frameToken(Mechanism.krb5, TokenId.apReq, apReq);
}

function authenticator(change: Partial<Authenticator> = {}): Uint8Array {
  return encodeAuthenticator({
    clientRealm: 'EXAMPLE.TEST',
    clientName: { nameType: 1, components: ['alice'] },
    cusec: 1,
    ctime: NOW_SECONDS,
    authorizationData: [{ type: 1, data: Uint8Array.of(0x30, 0) }],
    ...change,
  });
}

describe.each(ENCTYPES)('a refusal of enctype %i', (enctype) => {
  it('says nothing of keys, plaintext or checksums', async () => {
    const keytab = makeKeytab({ enctype });
    const options: ExchangeOptions = { keytab };
    const parties = await makeParties(options);
    const { ticket, initiator, begin, acceptor } = parties;
    const serviceKey = keytab.entries[0]!.key;
    const token = initiator.begin();
    const at = (part: Uint8Array): number => Buffer.from(token).indexOf(part);
    const search = new SecretSearch({
      'service key': serviceKey.bytes(),
      'session key': ticket.sessionKey.bytes(),
      plaintext: PLAINTEXT,
    });
    const { cipher } = ticket.ticket.encPart;
    const wrongKey = makeKeytab({ enctype, seed: 99 });
    const other = await acquireCredential({ keytab: wrongKey });
    const otherKvno = await acquireCredential({
      keytab: makeKeytab({ enctype, kvno: 9, seed: 98 }),
    });
    const bytes = { data: PLAINTEXT, type: 77 };
    const checksum = { type: 0x8003, checksum: PLAINTEXT };
    const delegation = (plain: Uint8Array): Partial<Authenticator> => {
      const encPart = {
        enctype,
        cipher: ticket.sessionKey.encrypt(KeyUsage.krbCredEncPart, plain, seededRandom(1)),
      };
      const bytesOf = encodeKrbCred({ tickets: [ticket.ticket], encPart });
      const flags = ContextFlag.delegation | ContextFlag.mutual;
      const asked = { flags, bindings: new Uint8Array(16), delegation: bytesOf };
      return { checksum: encodeInitiatorOptions(asked) };
    };
    const clockAt = (seconds: number) =>
      createAcceptor({ credential: parties.credential, clock: () => NOW + seconds * 1000 }).begin();
    const keyOf = (length: number, type = enctype) => ({
      enctype: type,
      value: PLAINTEXT.slice(0, length),
    });
    const refusals: [string, Promise<AcceptResult>][] = [
      ['ticket: first byte', begin().accept(flipped(token, at(cipher)))],
      ['ticket: last byte', begin().accept(flipped(token, at(cipher) + cipher.length - 1))],
      ['authenticator', begin().accept(flipped(token, -1))],
      [
        'wrong key',
        createAcceptor({ credential: other, clock: () => NOW })
          .begin()
          .accept(token),
      ],
      [
        'kvno',
        createAcceptor({ credential: otherKvno, clock: () => NOW })
          .begin()
          .accept(token),
      ],
      ['skew', clockAt(3600).accept(token)],
      ['expired', clockAt(86_400).accept(token)],
      ['not yet valid', clockAt(-86_400).accept(token)],
      ['truncated', begin().accept(token.subarray(0, 200))],
      ['noise', begin().accept(concatBytes(token.subarray(0, 60), PLAINTEXT))],
      [
        'unpermitted',
        createAcceptor({
          credential: parties.credential,
          clock: () => NOW,
          permittedEnctypes: [],
        })
          .begin()
          .accept(token),
      ],
      [
        'replay cache',
        createAcceptor({
          credential: parties.credential,
          clock: () => NOW,
          replayCache: {
            checkAndStore: () => {
              throw new Error('no connection');
            },
          },
        })
          .begin()
          .accept(token),
      ],
      ['authenticator: noise', acceptor.begin().accept(withAuthenticator(parties, PLAINTEXT))],
      [
        'authenticator: extension',
        acceptor
          .begin()
          .accept(withAuthenticator(parties, concatBytes(authenticator(), PLAINTEXT))),
      ],
      ...(
        [
          ['another name', { clientRealm: 'OTHER' }],
          ['critical data', { authorizationData: [bytes] }],
          ['0x8003 checksum', { checksum }],
          ['checksum', { checksum: { type: serviceKey.checksumType, checksum: PLAINTEXT } }],
          ['delegation', delegation(PLAINTEXT)],
          ['subkey of a wrong length', { subkey: keyOf(7) }],
          ['subkey of an unknown enctype', { subkey: keyOf(24, 99) }],
        ] as [string, Partial<Authenticator>][]
      ).map(([name, change]): [string, Promise<AcceptResult>] => [
        name,
        acceptor.begin().accept(withAuthenticator(parties, authenticator(change))),
      ]),
      ...(
        [
          ['ticket: noise', () => PLAINTEXT],
          ['ticket: extension', (plain) => concatBytes(plain, PLAINTEXT)],
          ['ticket: cut off', (plain) => plain.slice(0, -1)],
          [
            'ticket: session key',
            (plain) => encodeEncTicketPart({ ...decodeEncTicketPart(plain), key: keyOf(9) }),
          ],
          [
            'ticket: invalid',
            (plain) =>
              encodeEncTicketPart({ ...decodeEncTicketPart(plain), flags: TicketFlag.invalid }),
          ],
          [
            'ticket: critical data',
            (plain) =>
              encodeEncTicketPart({ ...decodeEncTicketPart(plain), authorizationData: [bytes] }),
          ],
        ] as [string, (plain: Uint8Array) => Uint8Array][]
      ).map(([name, change]): [string, Promise<AcceptResult>] => [
        name,
        acceptor.begin().accept(changeTicket(parties, change)),
      ]),
    ];
    for (const [name, refusal] of refusals) {
      const { error, outputToken } = await failed(refusal, name);
      expect(search.inValue(error), `${name}: ${inspect(error)}`).toEqual([]);
      expect(search.inBytes(outputToken ?? new Uint8Array()), name).toEqual([]);
    }
    expect(refusals.length).toBe(27);
  });

  it('of a token says nothing of keys, messages or the checksum that would be right', async () => {
    const { client, server } = await establish({ keytab: makeKeytab({ enctype }) });
    const mic = client.getMic(PLAINTEXT);
    const signed = client.wrap(PLAINTEXT, { confidential: false });
    const sealed = client.wrap(PLAINTEXT);
    const search = new SecretSearch({
      key: client.sessionKey.bytes(),
      message: PLAINTEXT,
      'right checksum': mic.slice(16),
    });
    const calls: (() => unknown)[] = [
      () => server.verifyMic(PLAINTEXT, flipped(mic, -1)),
      () => server.verifyMic(PLAINTEXT, mic.subarray(0, 20)),
      () => server.verifyMic(flipped(PLAINTEXT, 3), mic),
      () => server.unwrap(flipped(signed, -1)),
      () => server.unwrap(flipped(signed, 5)),
      () => server.unwrap(flipped(signed, 20)),
      () => server.unwrap(flipped(sealed, 20)),
      () => server.unwrap(flipped(sealed, -1)),
      () => server.unwrap(sealed.subarray(0, 40)),
      () => client.unwrap(sealed),
      () => server.processToken(sealed),
    ];
    for (const call of calls) expect(search.inValue(errorOf(call)), String(call)).toEqual([]);
    server.dispose();
    expect(search.inValue(errorOf(() => server.wrap(PLAINTEXT)))).toEqual([]);
  });
});

function errorOf(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error(`not refused: ${call}`);
}

describe('a keytab', () => {
  const keytab = makeKeytab(
    { enctype: 18, seed: 1 },
    { enctype: 17, kvno: 2, seed: 2 },
    { enctype: 20, kvno: 3, seed: 3 },
  );
  const file = formatKeytab(keytab);
  const search = new SecretSearch(
    Object.fromEntries(keytab.entries.map(({ key }) => [`key ${key.enctype}`, key.bytes()])),
  );

  it('shows no key in errors, wherever it is damaged', () => {
    let refused = 0;
    for (let at = 0; at < file.length; at++) {
      for (const damaged of [file.subarray(0, at), flipped(file, at), set(file, at, 0xff)]) {
        const error = errorOrNothing(() => parseKeytab(damaged));
        if (error === undefined) continue;
        refused++;
        // Inspection with all its options takes a millisecond: a part of them, and all messages.
        const shown = refused % 7 === 0 ? search.inValue(error) : search.inText(inspect(error));
        expect(shown, toHex(damaged)).toEqual([]);
      }
    }
    expect(refused).toBeGreaterThan(200);
  });

  it('shows no key when it is inspected, nor does what has it', async () => {
    const credential = await acquireCredential({ keytab });
    const acceptor = createAcceptor({ credential });
    const handshake = acceptor.begin();
    const values = { keytab, parsed: parseKeytab(file), credential, acceptor, handshake };
    expect(search.inValue(values)).toEqual([]);
    expect(search.inValue(keytab.entries[0]!.key)).toEqual([]);
    expect(`${keytab.entries[0]!.key}`).toBe('EncryptionKey(aes256-cts-hmac-sha1-96)');
    // What is searched for would be found.
    expect(search.inValue({ key: keytab.entries[0]!.key.bytes() })).toEqual(['key 18']);
    for (const encoding of ['hex', 'base64', 'latin1'] as const) {
      const text = Buffer.from(`..${Buffer.from(file).toString('latin1')}`, 'latin1');
      expect(search.inText(text.toString(encoding)), encoding).toHaveLength(3);
    }
  });
});

function set(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

function errorOrNothing(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a context', () => {
  it('shows no key when it is inspected', async () => {
    const pac = { logonInfo: {} };
    const parties = await makeParties({ ticket: { pac } });
    const { initiator, ticket, keytab } = parties;
    const handshake = parties.begin();
    const result = await handshake.accept(initiator.begin());
    if (result.status !== 'complete') throw new Error('not established');
    const { context } = result;
    const client = initiator.finish(result.outputToken);
    const search = new SecretSearch({
      'service key': keytab.entries[0]!.key.bytes(),
      'session key': ticket.sessionKey.bytes(),
      'acceptor subkey': context.sessionKey.bytes(),
    });
    expect(search.inValue({ context, handshake, client })).toEqual([]);
    context.wrap(PLAINTEXT);
    context.getMic(PLAINTEXT);
    expect(search.inValue({ context, client })).toEqual([]);
  });

  it('shows no key in the errors of what was exported and damaged', async () => {
    const { server } = await establish();
    const key = server.sessionKey.bytes();
    const exported = server.export();
    const search = new SecretSearch({ key });
    expect(search.inBytes(exported)).toEqual(['key']);
    const body = exported.slice(0, -32);
    for (let at = 0; at < body.length; at++) {
      const damaged = set(body, at, body[at]! ^ 0xff);
      const digest = defaultCrypto.backend.hash('sha256', damaged);
      for (const bytes of [exported.subarray(0, at), concatBytes(damaged, digest)]) {
        const error = errorOrNothing(() => importSecurityContext(bytes).dispose());
        if (error !== undefined) expect(search.inText(inspect(error)), String(at)).toEqual([]);
      }
    }
  });
});

describe.each(ENCTYPES)('what is observed of exchanges of enctype %i', (enctype) => {
  it('says nothing of keys, plaintext or checksums', async () => {
    const steps: string[] = [];
    const listening = Object.values(ChannelName).map(listen);
    const trace = (message: string): void => void steps.push(message);
    const keytab = makeKeytab({ enctype });
    const parties = await makeParties({ keytab, acceptor: { trace } });
    const { acceptor, initiator, ticket, begin } = parties;
    const token = initiator.begin();
    const accepted = await begin().accept(token);
    if (accepted.status !== 'complete') throw new Error('not established');
    const server = accepted.context;
    const client = initiator.finish(accepted.outputToken);
    const mic = client.getMic(PLAINTEXT);
    const sealed = client.wrap(PLAINTEXT);
    server.unwrap(sealed);
    server.unwrap(sealed);
    server.verifyMic(PLAINTEXT, mic);
    server.wrap(PLAINTEXT);
    errorOf(() => server.verifyMic(PLAINTEXT, flipped(mic, -1)));
    errorOf(() => server.unwrap(flipped(sealed, -1)));
    const records: string[] = [];
    for (let at = 0; at < token.length; at += 7) {
      const { error, request = {} } = await failed(
        begin().accept(flipped(token, at)),
        `byte ${at}`,
      );
      const event = { type: 'gss-error', stage: 'accepting context', error, request } as const;
      const connection = { id: at, remoteAddress: '::1', remotePort: 1 };
      for (const format of ['text', 'json'] as const) {
        const [block] = formatRecordOf({ ...event, connection }, { format, accepted: true });
        records.push(Buffer.from(block!.bytes).toString());
      }
    }
    await failed(begin().accept(token), 'a replay');
    const messages = listening.flatMap((one) => one.messages);
    for (const one of listening) one[Symbol.dispose]();
    const search = new SecretSearch({
      'service key': keytab.entries[0]!.key.bytes(),
      'session key': ticket.sessionKey.bytes(),
      'acceptor subkey': server.sessionKey.bytes(),
      'right checksum': mic.slice(16),
      plaintext: PLAINTEXT,
    });
    expect(messages.length).toBeGreaterThan(100);
    expect(steps.length).toBeGreaterThan(100);
    const { statistics } = acceptor;
    const seen = { steps, statistics, report: acceptor.report(), notes: contextNotes(server) };
    expect(search.inValue(seen)).toEqual([]);
    for (const record of records) expect(search.inText(record), record).toEqual([]);
    for (const { attributes, error } of messages) {
      expect(search.inText(JSON.stringify(attributes) ?? '')).toEqual([]);
      if (error !== undefined) expect(search.inText(inspect(error))).toEqual([]);
    }
  });
});

describe('what is misused', () => {
  it('says nothing of the key', () => {
    const key = EncryptionKey.generate(18, seededRandom(5));
    const search = new SecretSearch({ key: key.bytes(), password: Buffer.from('correct horse') });
    const value = key.bytes();
    const calls: (() => unknown)[] = [
      () => new EncryptionKey(18, value.subarray(1)),
      () => new EncryptionKey(99, value).encrypt(1, PLAINTEXT, seededRandom()),
      () => key.seal(1, new Uint8Array(3), seededRandom()),
      () => EncryptionKey.fromPassword(18, 'correct horse', 'salt', { iterations: -1 }),
      () => EncryptionKey.fromPassword(99, 'correct horse', 'salt'),
      () => key.decrypt(2, PLAINTEXT),
      () => {
        key.dispose();
        key.bytes();
      },
    ];
    for (const call of calls) expect(search.inValue(errorOf(call)), String(call)).toEqual([]);
  });
});

/** Remembers all keys that a backend was given, and whether what it made of them was wiped. */
class SpyBackend {
  readonly keys: Uint8Array[] = [];
  alive = 0;
  made = 0;

  over(backend: CryptoBackend): CryptoBackend {
    return {
      ...backend,
      aes: (key) => this.#watch(key, backend.aes(key)),
      hmac: (hash, key) => this.#watch(key, backend.hmac(hash, key)),
    };
  }

  #watch<T extends { wipe(): void }>(key: Uint8Array, made: T): T {
    this.keys.push(key);
    this.alive++;
    this.made++;
    let wiped = false;
    return new Proxy(made, {
      get: (target, name) => {
        if (name === 'wipe') {
          return () => {
            if (!wiped) this.alive--;
            wiped = true;
            target.wipe();
          };
        }
        const member = Reflect.get(target, name, target) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }
}

describe.each([
  ['default', defaultCrypto],
  ['noble', nobleCrypto],
  ['node', nodeCrypto],
])('keys of %s', (_, provider) => {
  it.each([17, 18, 19, 20])('of enctype %i are wiped with all that was made of them', (enctype) => {
    const spy = new SpyBackend();
    const crypto = { ...provider, backend: spy.over(provider.backend) };
    const key = EncryptionKey.generate(enctype, seededRandom(1), crypto);
    for (const usage of [2, 11, 24]) {
      key.decrypt(usage, key.encrypt(usage, PLAINTEXT, seededRandom(2)));
      key.verifyChecksum(usage, key.checksum(usage, PLAINTEXT), PLAINTEXT);
    }
    key.prf(PLAINTEXT);
    expect(spy.made).toBeGreaterThan(6);
    key.dispose();
    expect(spy.alive).toBe(0);
    expect(spy.keys.filter((bytes) => bytes.some((byte) => byte !== 0))).toEqual([]);
  });

  it('of a context are wiped with it, and those of a handshake that failed are not its own', async () => {
    const spy = new SpyBackend();
    const crypto: CryptoProvider = { ...provider, backend: spy.over(provider.backend) };
    const keytab = makeKeytab({ crypto });
    const exchange = { keytab };
    const { client, server } = await establish(exchange);
    use(client, server);
    server.dispose();
    client.dispose();
    const { sessionKey, ticket } = await ticketOf(exchange);
    sessionKey.dispose();
    void ticket;
    // What the service's own key has made stays with it.
    keytab.entries[0]!.key.dispose();
    const left = spy.keys.filter((bytes) => bytes.some((byte) => byte !== 0));
    // The minted ticket's session key is the test's.
    expect(left.length).toBeLessThanOrEqual(2);
  });
});

async function ticketOf(options: ExchangeOptions) {
  const { ticket } = await makeParties(options);
  return ticket;
}

function use(client: SecurityContext, server: SecurityContext): void {
  server.unwrap(client.wrap(PLAINTEXT));
  client.unwrap(server.wrap(PLAINTEXT, { confidential: false }));
  server.verifyMic(PLAINTEXT, client.getMic(PLAINTEXT));
}

describe('to the peer', () => {
  it.each([...ENCTYPES, 16, 23])(
    'all failures to decrypt look alike: enctype %i',
    async (enctype) => {
      const crypto = enctype === 16 || enctype === 23 ? withLegacyEnctypes() : defaultCrypto;
      const keytab = makeKeytab({ enctype, crypto });
      const acceptor = { permittedEnctypes: [enctype] };
      const { initiator, ticket, begin } = await makeParties({ keytab, acceptor });
      const token = initiator.begin();
      const { cipher } = ticket.ticket.encPart;
      const start = Buffer.from(token).indexOf(cipher);
      const places = [0, 7, 16, 17, cipher.length >> 1, cipher.length - 13, cipher.length - 1];
      const tokens = [
        ...places.map((at) => flipped(token, start + at)),
        // The authenticator's, whose ciphertext ends the token.
        ...[-1, -12, -40, -90].map((at) => flipped(token, at)),
        withWrongSessionKey(ticket, enctype, crypto),
      ];
      const replies = await Promise.all(
        tokens.map(async (altered) => {
          const { error, outputToken } = await failed(begin().accept(altered));
          expect((error as GssError).minor?.code).toBe('KRB_AP_ERR_BAD_INTEGRITY');
          return toHex(outputToken!);
        }),
      );
      expect(new Set(replies).size).toBe(1);
      expect(replies).toHaveLength(12);
    },
  );

  function withWrongSessionKey(
    ticket: Awaited<ReturnType<typeof ticketOf>>,
    enctype: number,
    crypto: CryptoProvider,
  ): Uint8Array {
    const sessionKey = EncryptionKey.generate(enctype, seededRandom(77), crypto);
    return createInitiator({ ticket: { ...ticket, sessionKey }, clock: () => NOW }).begin();
  }
});

describe('comparisons', () => {
  const root = resolve(import.meta.dirname, '../src');
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [path, readFileSync(join(root, path), 'utf8')] as const);

  it('that leak through time are of public bytes only', () => {
    const users = sources
      .filter(([path, text]) => path !== 'bytes.ts' && /\bbytesEqual\(/.test(text))
      .map(([path]) => path);
    // Each was looked at: OIDs, magic numbers, frames, our own AP-REP, the ciphertext of a ticket,
    // the header of a token whose checksum was good, two fields of one token, a log of hashes.
    expect(users.filter((path) => !PUBLIC_COMPARISONS.includes(path))).toEqual([]);
  });

  it('of checksums take constant time', () => {
    for (const path of ['crypto/key.ts', 'tokens/rfc1964.ts', 'context/export.ts']) {
      const text = sources.find(([name]) => name.startsWith(path.replace('.ts', '')))?.[1];
      expect(text, path).toBeDefined();
    }
    const direct = sources.flatMap(([path, text]) =>
      text
        .split('\n')
        .filter((line) =>
          /(===|!==)[^'"]*\b(checksum|mac|digest|code|signature)s?\b(?!\.)/i.test(line),
        )
        .filter((line) => !/length|type|undefined|error|typeof|null/i.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(direct.filter((line) => !/errorCode|\.code\b|code ===|=== code/.test(line))).toEqual([]);
  });

  it('are written without a way out of the loop', () => {
    for (const [file, name] of [
      ['bytes.ts', 'constantTimeEqual'],
      ['crypto/sealers.ts', 'macMatches'],
    ] as const) {
      const text = sources.find(([path]) => path === file)![1];
      const start = text.indexOf(`function ${name}(`);
      expect(start, name).toBeGreaterThan(0);
      const body = text.slice(start).split('\n}\n')[0]!;
      const loop = body.slice(body.indexOf('for ('));
      expect(loop, name).toMatch(/difference \|= [^;]* \^ /);
      expect(loop.match(/\b(return|break|continue|if)\b/g), name).toEqual(['return']);
    }
  });
});

const PUBLIC_COMPARISONS: readonly string[] = [
  'ap/opened-tickets.ts',
  'gss/mechanism.ts',
  'krb5/handshake.ts',
  'tokens/cfx.ts',
  'tokens/cfx-header.ts',
  'context/export-format.ts',
  'tokens/rfc1964-iov.ts',
  'node/replay-cache/log.ts',
  'spnego/neg-token.ts',
];
