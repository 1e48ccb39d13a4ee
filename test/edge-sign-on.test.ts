/** The files that single sign-on loads in an edge runtime, and their size. */
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ContextFlag, formatKeytab } from '../src/index.ts';
import type { InitiatorOptions, MintTicketOptions } from '../src/testing/index.ts';
import { createInitiator, mintTicket, testKeytab } from '../src/testing/index.ts';
import type { Chunk, Outcome, SignOn } from './support/edge-bundle.ts';
import { bundle, loadedAtStart, signOn, signOnJob, sizeOf } from './support/edge-bundle.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from './support/encoders.ts';

/** Bytes after gzip that a worker loads before its first client, and for nearly every client. */
const MOST = 63_500;

/** noble's primitives, and its SHA-2. */
const NOBLE: readonly string[] = ['backend', 'hmac', 'legacy'];
const PURE: readonly string[] = [...NOBLE, 'sha2'];

interface Client {
  readonly enctype?: number;
  readonly ticket?: Partial<MintTicketOptions>;
  readonly initiator?: Partial<InitiatorOptions>;
  /** How often it signs on. */
  readonly times?: number;
}

let chunks: readonly Chunk[];

beforeAll(async () => {
  chunks = await bundle(signOnJob(resolve('src/index.ts'), resolve('src/http/index.ts')));
});

/** A client of Active Directory unless it says otherwise: AES with SHA-1, SPNEGO, a PAC. */
function clientOf({ enctype = 18, ticket = {}, initiator = {}, times = 1 }: Client): SignOn {
  const keytab = testKeytab('HTTP/www.example.com@EXAMPLE.COM', { enctypes: [enctype] });
  const client = { name: 'alice', groups: [512] };
  const tokens = Array.from({ length: times }, () => {
    const minted = mintTicket({ keytab, client, ...ticket });
    return createInitiator({ ticket: minted, spnego: true, ...initiator }).begin();
  });
  const { channelBindings } = initiator;
  return {
    keytab: formatKeytab(keytab),
    token: tokens.at(-1)!,
    earlier: tokens.slice(0, -1),
    now: Date.now(),
    ...(channelBindings?.applicationData && { bindings: channelBindings.applicationData }),
  };
}

/** The files beyond those of the start, without the helper of the bundler. */
function laterOf({ loaded }: Outcome): string[] {
  const start = loadedAtStart(chunks);
  return loaded
    .filter((chunk) => !start.includes(chunk))
    .map(({ fileName }) => fileName.replace('.mjs', ''))
    .filter((name) => name !== 'rolldown-runtime')
    .sort();
}

describe('a client of Active Directory', () => {
  it.each([17, 18])('signs on with what was loaded at the start (enctype %i)', (enctype) => {
    const outcome = signOn(chunks, clientOf({ enctype }));
    expect(outcome).toMatchObject({ status: 200, client: 'alice@EXAMPLE.COM', pac: true });
    expect(laterOf(outcome)).toEqual([]);
  });

  it('signs on where the runtime has no crypto, with the primitives of noble', () => {
    const outcome = signOn(chunks, { ...clientOf({}), pure: true });
    expect(outcome).toMatchObject({ status: 200, pac: true });
    expect(laterOf(outcome)).toEqual(PURE);
  });

  it('has noble loaded once a process has had several, for short data', () => {
    expect(laterOf(signOn(chunks, clientOf({ times: 2 })))).toEqual([]);
    const outcome = signOn(chunks, clientOf({ times: 20 }));
    expect(outcome.status).toBe(200);
    expect(laterOf(outcome)).toEqual(NOBLE);
  });

  it(`needs at most ${MOST} bytes after gzip`, () => {
    const { loaded } = signOn(chunks, clientOf({}));
    expect(sizeOf(loaded).gzip).toBeLessThanOrEqual(MOST);
  });
});

describe('what few clients have is loaded when it is met', () => {
  const claims = [
    { id: 'ad://ext/department', type: 'string', source: 1, values: ['it'] },
  ] as const;
  const delegation = encodeKrbCred({
    tickets: [
      {
        realm: 'EXAMPLE.COM',
        serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.COM'] },
        encPart: { enctype: 18, cipher: new Uint8Array(40) },
      },
    ],
    encPart: {
      enctype: 0,
      cipher: encodeEncKrbCredPart({
        ticketInfo: [{ key: { enctype: 20, value: new Uint8Array(32).fill(7) } }],
      }),
    },
  });
  const cases: readonly (readonly [string, Client, readonly string[]])[] = [
    ['AES with SHA-2', { enctype: 20 }, ['more-enctypes']],
    ['AES with SHA-2, shorter', { enctype: 19 }, ['more-enctypes']],
    ['Camellia', { enctype: 26 }, ['more-enctypes']],
    ['a session key of another enctype', { ticket: { sessionEnctype: 25 } }, ['more-enctypes']],
    ['a subkey of another enctype', { initiator: { subkeyEnctype: 20 } }, ['more-enctypes']],
    ['a path of realms', { ticket: { client: 'bob@SUB.EXAMPLE.COM' } }, ['transited']],
    [
      'channel bindings',
      { initiator: { channelBindings: { applicationData: new Uint8Array([1]) } } },
      ['bindings-hash', 'legacy'],
    ],
    ['claims', { ticket: { client: 'bob', pac: { claims } } }, ['rare-buffers']],
    [
      'a delegated credential',
      { initiator: { delegation, flags: ContextFlag.mutual | ContextFlag.delegation } },
      ['delegated-credential', 'more-enctypes', 'open-delegation'],
    ],
  ];

  it.each(cases)('%s', (_, client, expected) => {
    for (const pure of [false, true]) {
      const outcome = signOn(chunks, { ...clientOf(client), pure });
      expect(outcome.error).toBeUndefined();
      expect(outcome.status).toBe(200);
      expect(outcome.exported).toBeGreaterThan(100);
      const noble = pure || expected.includes('more-enctypes') ? PURE : [];
      expect(laterOf(outcome)).toEqual([...new Set([...expected, ...noble])].sort());
    }
  });

  it('the words for the operator, by the first refusal', () => {
    const outcome = signOn(chunks, { ...clientOf({}), now: Date.now() + 1000 * 86_400_000 });
    expect(outcome.status).toBe(401);
    expect(outcome.error).toMatch(/Ticket expired/);
    expect(laterOf(outcome)).toEqual(['catalogue']);
  });

  it('a keytab that may change', () => {
    const outcome = signOn(chunks, { ...clientOf({}), isFollowed: true });
    expect(outcome.status).toBe(200);
    expect(laterOf(outcome)).toEqual(['key-source']);
  });

  it('why no key opens a ticket', () => {
    const { token } = clientOf({});
    const outcome = signOn(chunks, { ...clientOf({}), token });
    expect(outcome.status).toBe(401);
    expect(outcome.error).toMatch(/found in keytab but cannot decrypt ticket/);
    expect(laterOf(outcome)).toEqual(['catalogue', 'explain']);
  });
});
