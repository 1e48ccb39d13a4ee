/** Clients that come again with the same ticket: served as the first time, with less work. */
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { unframeToken } from '../../src/gss/framing.ts';
import type {
  AcceptResult,
  CryptoProvider,
  ReplayCache,
  SecurityContext,
} from '../../src/index.ts';
import {
  acquireCredential,
  ContextFlag,
  createAcceptor,
  DecodeError,
  defaultCrypto,
  importSecurityContext,
  MemoryReplayCache,
} from '../../src/index.ts';
import { encodeInitiatorOptions } from '../../src/krb5/authenticator-checksum.ts';
import { decodeApReq, decodeAuthenticator } from '../../src/messages/ap-req.ts';
import type { InitiatorOptions, PacContents } from '../../src/testing/index.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { Census } from '../support/census.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { makeKeytab, makeParties, NOW, seededRandom } from '../support/realm-kit.ts';
import { collectWarnings } from '../support/warnings.ts';

const MESSAGE = encodeUtf8('a message');

/** A client with one ticket, and what it takes to come again. */
async function makeClient(options: ExchangeOptions = {}) {
  const { ticket, begin, acceptor, credential } = await makeParties(options);
  const random = seededRandom(11);
  const request = (more: Partial<InitiatorOptions> = {}) =>
    createInitiator({ ticket, clock: () => NOW, random, ...options.initiator, ...more });
  return { ticket, begin, acceptor, credential, request };
}

function contextOf(result: AcceptResult): SecurityContext {
  if (result.status !== 'complete') throw new Error(`not established: ${result.status}`);
  return result.context;
}

/** Major and minor code of a failure. */
function codesOf(result: AcceptResult): (string | undefined)[] {
  if (result.status !== 'failed') throw new Error(`not refused: ${result.status}`);
  return [result.error.code, result.error.minor?.code];
}

/** What does not depend on chance. */
function summaryOf(result: AcceptResult): unknown {
  const replyLength = result.outputToken?.length;
  if (result.status === 'failed') {
    const { message, hint, minor } = result.error;
    return { replyLength, message, hint, codes: codesOf(result), detail: minor?.detail };
  }
  const { initiator, acceptor, flags, ticket, pac } = contextOf(result);
  const names = [String(initiator), String(acceptor)];
  return { replyLength, names, flags, ticket, pac: pac?.toJSON() };
}

/** Messages of both, each read by the other. */
function talk(client: SecurityContext, server: SecurityContext): void {
  expect(server.unwrap(client.wrap(MESSAGE)).message).toEqual(MESSAGE);
  expect(client.unwrap(server.wrap(MESSAGE)).message).toEqual(MESSAGE);
}

/** Counts the ciphers and codes that are made, and the bytes that are decrypted. */
function counting(provider: CryptoProvider) {
  const made = { ciphers: 0, codes: 0, decrypted: 0 };
  const { backend } = provider;
  const crypto: CryptoProvider = {
    ...provider,
    backend: {
      ...backend,
      aes: (key) => {
        made.ciphers++;
        const cipher = backend.aes(key);
        return {
          blockSize: cipher.blockSize,
          cbcEncrypt: (...args) => cipher.cbcEncrypt(...args),
          cbcDecrypt: (bytes, start, end, iv) => {
            made.decrypted += end - start;
            cipher.cbcDecrypt(bytes, start, end, iv);
          },
          wipe: () => cipher.wipe(),
        };
      },
      hmac: (hash, key) => {
        made.codes++;
        return backend.hmac(hash, key);
      },
    },
  };
  return { crypto, made };
}

describe('a client that comes again with its ticket', () => {
  it.each([16, 17, 18, 19, 20, 23, 25, 26])('is served each time (enctype %i)', async (enctype) => {
    const keytab = makeKeytab({ enctype, crypto: withLegacyEnctypes() });
    const { begin, request } = await makeClient({ keytab });
    const contexts: (readonly [SecurityContext, SecurityContext])[] = [];
    for (let time = 0; time < 5; time++) {
      const initiator = request();
      const result = await begin().accept(initiator.begin());
      contexts.push([initiator.finish(result.outputToken), contextOf(result)]);
      // Of five contexts, two are gone before the next client comes.
      if (time % 2 === 1) contexts.at(-1)![1].dispose();
    }
    for (const time of [0, 2, 4]) talk(...contexts[time]!);
  });

  it('has its ticket decrypted and its PAC verified twice at most', async () => {
    const { crypto, made } = counting(defaultCrypto);
    const options = { keytab: makeKeytab({ crypto }), ticket: { pac: PAC } };
    const { begin, request } = await makeClient(options);
    const counts: (typeof made)[] = [];
    const pacs = new Set<unknown>();
    for (let time = 0; time < 5; time++) {
      Object.assign(made, { ciphers: 0, codes: 0, decrypted: 0 });
      const context = contextOf(await begin().accept(request().begin()));
      expect(context.pac?.samAccountName).toBe('alice');
      pacs.add(context.pac);
      context.dispose();
      counts.push({ ...made });
    }
    // RFC 3961 §5.3: of a key, a cipher to derive with; for each usage, of which there are two
    // (RFC 4120 §7.5.1: 11 and 12), one with Ke and a code with Ki.
    expect(counts[1]).toMatchObject({ ciphers: 3, codes: 2 });
    const [, second, third] = counts.map(({ decrypted }) => decrypted);
    expect(third).toBeGreaterThan(0);
    expect(second! - third!).toBeGreaterThan(PAC_SIZE);
    const less = { ciphers: 0, codes: 0, decrypted: third };
    expect(counts.slice(2)).toEqual([less, less, less]);
    // Each has its own: what one server does with it is nothing to the next.
    expect(pacs.size).toBe(5);
  });

  it('is told the same as by an acceptor that has never seen it, whatever it sends', async () => {
    const keytab = makeKeytab({}, { kvno: 2, seed: 8 }, { principal: OTHER_SERVICE, seed: 9 });
    const options = { keytab, ticket: { kvno: 1, pac: PAC } };
    const { acceptor, credential, request } = await makeClient(options);
    const good = request().begin();
    for (let time = 0; time < 3; time++) {
      contextOf(await acceptor.begin().accept(request().begin())).dispose();
    }
    for (let at = 0; at < good.length; at++) {
      const altered = request().begin();
      // Sequence numbers differ in length.
      altered[at % altered.length]! ^= 1 << (at % 8);
      const stranger = createAcceptor({ credential, clock: () => NOW, random: seededRandom(5) });
      const [known, unknown] = [
        await acceptor.begin().accept(altered),
        await stranger.begin().accept(altered),
      ];
      expect(summaryOf(known), `byte ${at}`).toEqual(summaryOf(unknown));
      contextOf(await acceptor.begin().accept(request().begin())).dispose();
    }
  });

  it('is refused as soon as its ticket has ended', async () => {
    let now = NOW;
    const clock = () => now;
    const { begin, request } = await makeClient({ acceptor: { clock } });
    for (let time = 0; time < 3; time++) {
      contextOf(await begin().accept(request({ clock }).begin()));
    }
    now += 48 * 3_600_000;
    expect(codesOf(await begin().accept(request({ clock }).begin()))).toContain(
      'KRB_AP_ERR_TKT_EXPIRED',
    );
  });

  it('is refused as soon as the keytab has lost the key of its ticket', async () => {
    const old = makeKeytab({ kvno: 1 });
    const next = makeKeytab({ kvno: 2, seed: 8 });
    let keytab = old;
    const credential = await acquireCredential({ keytab: () => keytab });
    const { acceptor, request, begin } = await makeClient({
      keytab: old,
      acceptor: { credential },
    });
    for (let time = 0; time < 3; time++) contextOf(await begin().accept(request().begin()));
    keytab = next;
    // Somebody who has a new ticket makes the acceptor look.
    const newcomer = await makeClient({ keytab: next, initiator: { random: seededRandom(12) } });
    contextOf(await acceptor.begin().accept(newcomer.request().begin()));
    expect(codesOf(await begin().accept(request().begin()))).toContain('KRB_AP_ERR_BADKEYVER');
    // And the same key in another keytab is another entry, with a key object of its own.
    keytab = makeKeytab({ kvno: 1 }, { kvno: 2, seed: 8 });
    for (let time = 0; time < 4; time++) {
      const initiator = request();
      const result = await begin().accept(initiator.begin());
      talk(initiator.finish(result.outputToken), contextOf(result));
    }
  });

  it('is refused once the key of its ticket was wiped, and harms nobody', async () => {
    const keytab = makeKeytab({});
    const { acceptor, request, begin } = await makeClient({ keytab });
    for (let time = 0; time < 3; time++) contextOf(await begin().accept(request().begin()));
    keytab.entries[0]!.key.dispose();
    for (let time = 0; time < 3; time++) {
      const result = await acceptor.begin().accept(request().begin());
      expect(codesOf(result)).toContain('KRB_ERR_GENERIC');
    }
  });

  it('is known again after its keytab had no key for a while', async () => {
    const { crypto, made } = counting(defaultCrypto);
    const full = makeKeytab({ crypto });
    const other = makeKeytab({ kvno: 2, seed: 8, crypto });
    let candidates = full.entries;
    const { request, credential } = await makeClient({ keytab: full });
    const acceptor = createAcceptor({
      credential: new Proxy(credential, {
        get: (target, name) => {
          if (name === 'candidates') return () => candidates;
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      }),
      clock: () => NOW,
    });
    for (let time = 0; time < 3; time++) {
      contextOf(await acceptor.begin().accept(request().begin()));
    }
    // Twice: the first time it must have come back, or the second time nothing was taken.
    for (let time = 0; time < 2; time++) {
      candidates = other.entries;
      expect(codesOf(await acceptor.begin().accept(request().begin()))).toHaveLength(2);
    }
    candidates = full.entries;
    made.codes = 0;
    contextOf(await acceptor.begin().accept(request().begin()));
    expect(made.codes).toBe(0);
  });

  it('is refused each time where its PAC is required and not good', async () => {
    const { begin, request } = await makeClient({
      ticket: { pac: { ...PAC, buffers: [{ type: CLIENT_INFO, data: MESSAGE }] } },
      acceptor: { pacPolicy: 'required' },
    });
    for (let time = 0; time < 4; time++) {
      expect(codesOf(await begin().accept(request().begin()))).toContain('KRB5_PARSE_MALFORMED');
    }
  });

  it('is told each time why its PAC is not shown, whatever was done with that', async () => {
    const ticket = { pac: { ...PAC, buffers: [{ type: CLIENT_INFO, data: MESSAGE }] } };
    const { begin, request } = await makeClient({ ticket });
    for (let time = 0; time < 4; time++) {
      const { pacError, pac } = contextOf(await begin().accept(request().begin()));
      expect(pac).toBeUndefined();
      expect(pacError).toBeInstanceOf(DecodeError);
      expect(() => Object.assign(pacError!, { message: 'mutated' })).toThrow(TypeError);
      expect(() => Object.assign(pacError!.detail, { x: 1 })).toThrow(TypeError);
    }
  });

  it('finds what the KDC says unaltered, whatever was done with it before', async () => {
    const { begin, request } = await makeClient({ ticket: { pac: PAC } });
    const seen: object[] = [];
    for (let time = 0; time < 4; time++) {
      const context = contextOf(await begin().accept(request().begin()));
      seen.push({
        pac: structuredClone(context.pac?.toJSON()),
        bytes: context.pac?.bytes(),
        data: context.authorizationData,
        ticket: context.ticket,
        indicators: [...context.authenticationIndicators],
        name: context.initiator.principal?.components.join(),
      });
      const pac = context.pac!;
      pac.bytes().fill(0);
      expect(() => Object.assign(context.acceptor.principal!, { realm: 'EVIL' })).toThrow(
        TypeError,
      );
      expect(() => (context.acceptor.principal!.components as string[]).push('x')).toThrow(
        TypeError,
      );
      for (const { data } of context.authorizationData) data.fill(0);
      (pac.groupSids as string[]).push('S-1-5-32-544');
      (pac.logonInfo!.groupIds as object[]).push({ relativeId: 512, attributes: 7 });
      Object.assign(pac.client, { name: 'mallory' });
      (context.authenticationIndicators as string[]).push('mfa');
      (context.initiator.principal?.components as string[])[0] = 'mallory';
      const moved = importSecurityContext(context.export());
      expect(moved.pac?.toJSON()).toEqual((seen.at(-1) as { pac: object }).pac);
      moved.dispose();
    }
    expect(seen.slice(1)).toEqual([seen[0], seen[0], seen[0]]);
  });

  it('is served at the same time as itself', async () => {
    const memory = new MemoryReplayCache({ clock: () => NOW });
    const waiting: (() => void)[] = [];
    const replayCache: ReplayCache = {
      checkAndStore: async (record) => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return memory.checkAndStore(record);
      },
    };
    const { begin, request } = await makeClient({ acceptor: { replayCache } });
    for (let round = 0; round < 4; round++) {
      const initiators = [request(), request(), request()];
      const results = initiators.map((initiator) => begin().accept(initiator.begin()));
      while (waiting.length < 3) await new Promise((resolve) => setImmediate(resolve));
      // The last to come is the first to go on.
      for (const resume of waiting.splice(0).reverse()) resume();
      for (const [at, initiator] of initiators.entries()) {
        const result = await results[at]!;
        talk(initiator.finish(result.outputToken), contextOf(result));
      }
    }
  });

  it('is served after whatever refused it', async () => {
    const { begin, request, acceptor } = await makeClient();
    const good = async () => {
      const initiator = request();
      const token = initiator.begin();
      const result = await begin().accept(token);
      talk(initiator.finish(result.outputToken), contextOf(result));
      return token;
    };
    const used = await good();
    await good();
    const noCredential = encodeInitiatorOptions({
      flags: ContextFlag.mutual | ContextFlag.delegation,
      bindings: new Uint8Array(16),
      delegation: Uint8Array.of(1, 2, 3),
    });
    const bound = { channelBindings: { applicationData: Uint8Array.of(1) } };
    const refusals: (readonly [string, () => Promise<AcceptResult>])[] = [
      ['KRB_AP_ERR_REPEAT', () => begin().accept(used)],
      ['KRB_AP_ERR_SKEW', () => begin().accept(request({ clock: () => NOW - 1e6 }).begin())],
      [
        'KRB_AP_ERR_BADMATCH',
        () => begin().accept(request({ authenticator: { clientRealm: 'OTHER.TEST' } }).begin()),
      ],
      [
        'KRB5_PARSE_MALFORMED',
        () => begin().accept(request({ authenticator: { checksum: noCredential } }).begin()),
      ],
      ['GSS_S_BAD_BINDINGS', () => acceptor.begin(bound).accept(request(OTHER_CHANNEL).begin())],
    ];
    for (const [code, refused] of refusals) {
      for (let time = 0; time < 3; time++) {
        const result = await refused();
        expect(result.status).toBe('failed');
        if (result.status === 'failed') {
          expect([result.error.code, result.error.minor?.code]).toContain(code);
        }
      }
      await good();
      await good();
    }
  });

  it('is served where its session key becomes that of the context', async () => {
    const { begin, request } = await makeClient();
    for (let time = 0; time < 4; time++) {
      const initiator = request({ flags: ContextFlag.integrity, subkeyEnctype: null });
      const result = await begin().accept(initiator.begin());
      const server = contextOf(result);
      talk(initiator.finish(result.outputToken), server);
      server.dispose();
      const next = request();
      const answer = await begin().accept(next.begin());
      talk(next.finish(answer.outputToken), contextOf(answer));
    }
  });

  it('is served in DCE style', async () => {
    const flags = ContextFlag.dceStyle | ContextFlag.mutual | ContextFlag.integrity;
    const { begin, request } = await makeClient({ initiator: { flags } });
    for (let time = 0; time < 4; time++) {
      const initiator = request();
      const handshake = begin();
      const second = await handshake.accept(initiator.begin());
      const server = contextOf(await handshake.accept(initiator.confirm(second.outputToken!)));
      talk(initiator.finish(second.outputToken), server);
    }
  });

  it('is served though the one who is told of its weak ticket throws', async () => {
    let throws = true;
    const { begin, request } = await makeClient({
      keytab: makeKeytab({ enctype: 23, crypto: withLegacyEnctypes() }),
      acceptor: {
        onWeakEnctype: () => {
          if (throws) throw new Error('not today');
        },
      },
    });
    for (let time = 0; time < 4; time++) {
      throws = true;
      expect(await begin().accept(request().begin())).toMatchObject({
        status: 'failed',
        error: { minor: { message: 'onWeakEnctype threw', cause: { message: 'not today' } } },
      });
      throws = false;
      const initiator = request();
      const result = await begin().accept(initiator.begin());
      talk(initiator.finish(result.outputToken), contextOf(result));
    }
  });
});

describe('a client whose enctype is weak', () => {
  it('is served though the promise of the one who is told of it rejects', async () => {
    using warnings = collectWarnings();
    const { begin, request } = await makeClient({
      keytab: makeKeytab({ enctype: 23, crypto: withLegacyEnctypes() }),
      acceptor: { onWeakEnctype: () => Promise.reject(new Error('not today')) },
    });
    for (let time = 0; time < 2; time++) {
      expect((await begin().accept(request().begin())).status).toBe('complete');
    }
    expect(await warnings.seen()).toEqual([
      {
        code: 'KRB5_ACCEPTOR_HOOK',
        message: expect.stringMatching(/^onWeakEnctype failed: not today\./),
      },
    ]);
  });
});

describe('a client that came once and was refused', () => {
  it.each([
    ['by a check of the request', { clock: () => NOW - 1e6 }],
    ['by its checksum', { authenticator: { checksum: { type: 7, checksum: MESSAGE } } }],
  ] as [string, Partial<InitiatorOptions>][])('leaves no key (%s)', async (_, initiator) => {
    const { begin, request, ticket } = await makeClient({ initiator });
    const token = request().begin();
    const { subkey } = decodeAuthenticator(
      ticket.sessionKey.decrypt(
        KeyUsage.apReqAuthenticator,
        decodeApReq(unframeToken(token).inner.subarray(2)).authenticator.cipher,
      ),
    );
    const census = new Census();
    const { status } = await census.watch(() => begin().accept(token));
    expect(status).toBe('failed');
    expect(census.holding).toBeGreaterThan(0);
    const secrets = { session: ticket.sessionKey.bytes(), subkey: subkey!.value };
    expect(census.left(secrets)).toEqual([]);
  });
});

const PAC_SIZE = 500;
const PAC: PacContents = {
  logonInfo: { effectiveName: 'alice' },
  buffers: [{ type: 99, data: new Uint8Array(PAC_SIZE) }],
};
// MS-PAC §2.4: a PAC has one.
const CLIENT_INFO = 10;
const OTHER_SERVICE = 'HTTP/server.example.test@EXAMPLE.TEST';
const OTHER_CHANNEL = { channelBindings: { applicationData: Uint8Array.of(2) } };
