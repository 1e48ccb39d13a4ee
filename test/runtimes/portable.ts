/**
 * What must work in every runtime, on the public entries alone and without a KDC. The same file runs
 * in all of them: it asks for nothing that a browser does not have.
 */
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { createAuthenticator, negotiate } from '../../src/http/index.ts';
import type {
  Acceptor,
  AcceptorOptions,
  AcceptResult,
  CryptoProvider,
  Keytab,
  SecurityContext,
} from '../../src/index.ts';
import {
  acceptorPolicy,
  acquireCredential,
  ContextFlag,
  createAcceptor,
  defaultCrypto,
  EncryptionKey,
  Enctype,
  formatKeytab,
  formatPrincipal,
  importSecurityContext,
  localName,
  Mechanism,
  nobleCrypto,
  parseKerberosConfig,
  parseKeytab,
  parsePrincipal,
  realmOfHost,
  systemRandom,
} from '../../src/index.ts';
import type { InitiatorOptions, MintTicketOptions } from '../../src/testing/index.ts';
import { createInitiator, mintTicket, OfferedMechanisms } from '../../src/testing/index.ts';
import { saslSteps } from './portable-sasl.ts';
import type { Steps } from './steps.ts';
import { equal, rejects } from './steps.ts';

export function portableSteps(): Steps {
  return {
    'writes a keytab and reads it': () => {
      const keytab = makeKeytab();
      const read = parseKeytab(formatKeytab(keytab));
      equal(read.entries.length, ENCTYPES.length);
      equal(formatPrincipal(read.entries[0]!.principal), SERVICE);
      equal(read.entries[0]!.key.bytes(), keytab.entries[0]!.key.bytes());
    },

    'acquires a credential, and says what the keytab lacks': async () => {
      const keytab = makeKeytab();
      const credential = await acquireCredential({ keytab, service: 'host@server.example.com' });
      equal(credential.service, 'host/server.example.com@');
      const error = await rejects(acquireCredential({ keytab, service: 'ftp@here' }));
      equal(error.code, 'GSS_S_NO_CRED');
      equal(error.hint?.includes(SERVICE), true);
    },

    ...everyEnctype(),

    'exports a context and imports it': async () => {
      const { client, server } = await establish();
      const imported = importSecurityContext(server.export());
      equal(String(imported.initiator), CLIENT);
      equal(imported.unwrap(client.wrap(MESSAGE)).message, MESSAGE);
    },

    'wraps in buffers, and makes keys of the context': async () => {
      const { client, server } = await establish();
      equal(server.unwrapAead(client.wrapAead(MESSAGE, LONG), LONG).message, MESSAGE);
      const input = encode('label');
      equal(server.pseudoRandom('full', input, 48), client.pseudoRandom('full', input, 48));
    },

    'notices a message that was altered': async () => {
      const { client, server } = await establish();
      const token = client.wrap(MESSAGE);
      token[token.length - 1]! ^= 1;
      equal((await rejects(() => server.unwrap(token))).code, 'GSS_S_BAD_MIC');
    },

    'accepts once: a replay is refused': async () => {
      const { acceptor, initiator } = await makeParties();
      const token = initiator.begin();
      equal((await acceptor.begin().accept(token)).status, 'complete');
      equal(refusal(await acceptor.begin().accept(token)).minor?.code, 'KRB_AP_ERR_REPEAT');
    },

    'refuses an altered ticket, another clock and a wrong service': async () => {
      const { acceptor, initiator } = await makeParties();
      const token = initiator.begin();
      token[token.length - 1]! ^= 1;
      equal(refusal(await acceptor.begin().accept(token)).minor?.code, 'KRB_AP_ERR_BAD_INTEGRITY');
      const late = await makeParties({ initiator: { clock: () => Date.now() - 3_600_000 } });
      equal(
        refusal(await late.acceptor.begin().accept(late.initiator.begin())).minor?.code,
        'KRB_AP_ERR_SKEW',
      );
      const other = makeKeytab('HTTP/www.example.com@EXAMPLE.COM');
      const stranger = await makeParties({ ticket: { keytab: other } });
      const error = refusal(await stranger.acceptor.begin().accept(stranger.initiator.begin()));
      equal(error.minor?.code, 'KRB_AP_ERR_NOT_US');
      equal(error.hint !== undefined, true);
    },

    'refuses what is no token': async () => {
      const { acceptor } = await makeParties();
      for (const token of [Uint8Array.of(0x60), encode('GET / HTTP/1.1'), new Uint8Array(4000)]) {
        equal(refusal(await acceptor.begin().accept(token)).code, 'GSS_S_DEFECTIVE_TOKEN');
      }
    },

    'negotiates with SPNEGO, in one leg': async () => {
      const { acceptor, initiator } = await makeParties({ initiator: { spnego: true } });
      const result = await acceptor.begin().accept(initiator.begin());
      if (result.status !== 'complete') throw refusal(result);
      equal(result.context.mechanism, Mechanism.krb5);
      initiator.finish(result.outputToken);
    },

    'negotiates with SPNEGO, in several legs, exported in between': async () => {
      const { acceptor, initiator } = await makeParties({ initiator: { spnego: NTLM_FIRST } });
      let handshake = acceptor.begin();
      let result = await handshake.accept(initiator.begin());
      let legs = 1;
      while (result.status === 'continue') {
        handshake = acceptor.resume(handshake.export());
        result = await handshake.accept(initiator.step(result.outputToken).outputToken!);
        legs++;
      }
      equal([result.status, legs], ['complete', 3]);
    },

    'verifies a PAC and gives its groups': async () => {
      const domain = 'S-1-5-21-1-2-3';
      const groupIds = Array.from({ length: 1500 }, (_, index) => ({
        relativeId: 2000 + index,
        attributes: 7,
      }));
      const { server } = await establish({
        ticket: { pac: { logonInfo: { logonDomainId: domain, groupIds } } },
      });
      equal(server.pac?.signatures.server, 'verified');
      equal(server.pac?.groupSids?.length, 1500 + 1);
      equal(server.pac?.groupSids?.includes(`${domain}-3499`), true);
    },

    'takes channel bindings': async () => {
      const channelBindings = { applicationData: encode('tls-server-end-point:certificate') };
      const { acceptor, initiator } = await makeParties({
        acceptor: { channelBindingPolicy: 'required' },
        initiator: { channelBindings },
      });
      const token = initiator.begin();
      equal((await acceptor.begin({ channelBindings }).accept(token)).status, 'complete');
      const relayed = acceptor.begin({ channelBindings: { applicationData: encode('other') } });
      equal(refusal(await relayed.accept(initiator.begin())).code, 'GSS_S_BAD_BINDINGS');
    },

    'challenges, admits and refuses over HTTP': async () => {
      const { acceptor, initiator } = await makeParties({ initiator: { spnego: true } });
      const challenged = await negotiate(acceptor, null);
      equal(challenged.status, 401);
      equal(challenged.headers, { 'WWW-Authenticate': 'Negotiate' });
      const admitted = await negotiate(acceptor, `Negotiate ${base64(initiator.begin())}`);
      if (admitted.status !== 200) throw admitted.error;
      equal(String(admitted.context.initiator), CLIENT);
      equal(admitted.headers['WWW-Authenticate']?.startsWith('Negotiate oYG'), true);
      equal((await negotiate(acceptor, 'Negotiate ?')).status, 400);
      const ntlm = await negotiate(acceptor, 'NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA=');
      if (ntlm.status !== 401) throw new Error(`NTLM was answered with ${ntlm.status}`);
      equal(ntlm.error?.hint !== undefined, true);
    },

    'authenticates under a policy, and keeps a session': async () => {
      const { acceptor, initiator } = await makeParties({ initiator: { spnego: true } });
      const keys = [crypto.getRandomValues(new Uint8Array(32))];
      const authenticator = createAuthenticator({ acceptor, sessions: { keys } });
      const request = { authorization: null, host: 'www.example.com', secure: true };
      const challenged = await authenticator.authenticate(request);
      equal([challenged.outcome, challenged.headers], CHALLENGED);
      const authorization = `Negotiate ${base64(initiator.begin())}`;
      const first = await authenticator.authenticate({ ...request, authorization });
      if (first.outcome !== 'authenticated') throw new Error(first.outcome);
      equal([first.identity.principal, first.via], [CLIENT, 'ticket']);
      const cookie = first.headers.find(([name]) => name === 'Set-Cookie')![1].split(';')[0]!;
      const second = await authenticator.authenticate({ ...request, cookie });
      if (second.outcome !== 'authenticated') throw new Error(second.outcome);
      equal([second.identity.principal, second.via], [CLIENT, 'session']);
      const middle = Math.floor(cookie.length / 2);
      const altered = cookie.slice(0, middle) + (cookie[middle] === 'A' ? 'B' : 'A');
      const forged = { ...request, cookie: altered + cookie.slice(middle + 1) };
      equal((await authenticator.authenticate(forged)).outcome, 'challenged');
      const elsewhere = { ...request, host: 'other.example.com', cookie };
      equal((await authenticator.authenticate(elsewhere)).outcome, 'challenged');
    },

    ...saslSteps(makeKeytab),

    'computes with the runtime’s own crypto where it has one, or with noble': async () => {
      const { acceptor } = await makeParties();
      const { process } = globalThis as {
        process?: { getBuiltinModule?: (id: string) => unknown };
      };
      const own = process?.getBuiltinModule?.('node:crypto') !== undefined;
      equal(acceptor.crypto.backend.name, own ? 'node' : 'noble');
      const { client, server } = await establish({ crypto: nobleCrypto });
      equal(server.unwrap(client.wrap(LONG)).message, LONG);
    },

    'reads a krb5.conf': () => {
      const config = parseKerberosConfig(KRB5_CONF);
      equal(config.defaultRealm, 'EXAMPLE.COM');
      equal(realmOfHost('www.example.org', config), 'EXAMPLE.ORG');
      equal(localName(parsePrincipal('root/admin@EXAMPLE.COM'), config), 'root-admin');
      equal(acceptorPolicy(config).maxSkew, 60);
    },

    'tells misuse by its name': async () => {
      const { acceptor } = await makeParties();
      equal((await rejects(acceptor.begin().accept('token' as never))).name, 'TypeError');
      equal((await rejects(() => createAcceptor({} as never))).name, 'TypeError');
    },
  };
}

/** The exchange that matters, once for each encryption type. */
function everyEnctype(): Steps {
  const steps = [...ENCTYPES, ...LEGACY].map((enctype) => [
    `accepts a client with etype ${enctype}, and wraps, signs and verifies`,
    async () => {
      const crypto = LEGACY.includes(enctype) ? withLegacyEnctypes() : defaultCrypto;
      const { client, server } = await establish({ enctype, crypto });
      equal(String(server.initiator), CLIENT);
      equal((server.flags & ContextFlag.mutual) !== 0, true);
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        for (const message of [MESSAGE, LONG, new Uint8Array(0)]) {
          for (const confidential of [true, false]) {
            const token = from.wrap(message, { confidential });
            const { message: received, ...rest } = to.unwrap(token);
            equal(received, message);
            equal(rest.confidential, confidential);
          }
          equal(to.verifyMic(message, from.getMic(message)).sequence, 'ok');
        }
      }
    },
  ]);
  return Object.fromEntries(steps);
}

interface PartyOptions {
  readonly enctype?: number;
  readonly crypto?: CryptoProvider;
  readonly ticket?: Partial<MintTicketOptions>;
  readonly initiator?: Partial<InitiatorOptions>;
  readonly acceptor?: Partial<AcceptorOptions>;
}

/** A client with a ticket, and an acceptor that has its key. */
async function makeParties(options: PartyOptions = {}) {
  const { enctype = Enctype.aes256CtsHmacSha1, crypto = defaultCrypto } = options;
  const keytab = makeKeytab(SERVICE, [enctype], crypto);
  const credential = await acquireCredential({ keytab });
  const acceptor: Acceptor = createAcceptor({
    credential,
    permittedEnctypes: [enctype],
    ...options.acceptor,
  });
  const ticket = mintTicket({ keytab, client: CLIENT, ...options.ticket });
  return { acceptor, initiator: createInitiator({ ticket, ...options.initiator }) };
}

async function establish(
  options: PartyOptions = {},
): Promise<{ readonly client: SecurityContext; readonly server: SecurityContext }> {
  const { acceptor, initiator } = await makeParties(options);
  const result = await acceptor.begin().accept(initiator.begin());
  if (result.status !== 'complete') throw refusal(result);
  return { client: initiator.finish(result.outputToken), server: result.context };
}

function makeKeytab(
  service = SERVICE,
  enctypes: readonly number[] = ENCTYPES,
  crypto?: CryptoProvider,
): Keytab {
  return {
    version: 2,
    entries: enctypes.map((enctype) => ({
      principal: parsePrincipal(service),
      kvno: 1,
      timestamp: 1_700_000_000,
      key: EncryptionKey.generate(enctype, systemRandom, crypto),
    })),
  };
}

function refusal(result: AcceptResult) {
  if (result.status !== 'failed') throw new Error(`not refused, but ${result.status}`);
  return result.error;
}

export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export const CLIENT = 'alice@EXAMPLE.COM';
const SERVICE = 'host/server.example.com@EXAMPLE.COM';
const MESSAGE: Uint8Array = encode('a message');
// More than a short-data path of any backend.
const LONG: Uint8Array = new Uint8Array(10_000).map((_, index) => index);
const ENCTYPES: readonly number[] = [
  Enctype.aes256CtsHmacSha1,
  Enctype.aes128CtsHmacSha1,
  Enctype.aes128CtsHmacSha256,
  Enctype.aes256CtsHmacSha384,
  Enctype.camellia128CtsCmac,
  Enctype.camellia256CtsCmac,
];
const LEGACY: readonly number[] = [Enctype.des3CbcSha1, Enctype.rc4Hmac];

const CHALLENGED = ['challenged', [['WWW-Authenticate', 'Negotiate']]];
const NTLM_FIRST = { mechanisms: OfferedMechanisms.windowsNtlm };

const KRB5_CONF = `
[libdefaults]
  default_realm = EXAMPLE.COM
  clockskew = 60
[realms]
  EXAMPLE.COM = {
    auth_to_local = RULE:[2:$1-$2](.*-admin)
    auth_to_local = DEFAULT
  }
[domain_realm]
  .example.org = EXAMPLE.ORG
`;
