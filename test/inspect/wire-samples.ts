/** What an operator meets on the wire beside plain Kerberos: relays, fallbacks, SASL, and what carries them. */
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import { frameToken } from '../../src/gss/framing.ts';
import { Mechanism } from '../../src/gss/mechanism.ts';
import { acquireCredential, createAcceptor, formatKeytab, tlsExporter } from '../../src/index.ts';
import { encodeKdcProxyMessage, withLength } from '../../src/messages/kdc/kdc-proxy.ts';
import { encodeKrbError } from '../../src/messages/krb-error.ts';
import type { NegotiatorOptions } from '../../src/testing/index.ts';
import {
  createIakerbInitiator,
  createInitiator,
  createNegotiator,
  createRealm,
  mintTicket,
} from '../../src/testing/index.ts';
import { exchange, makeSaslParties } from '../sasl/support.ts';
import { makeKeytab, makeParties, NOW, NOW_SECONDS, seededRandom } from '../support/realm-kit.ts';

/** The tokens of one exchange in their order, or a single input. */
export interface WireSample {
  readonly inputs: readonly Uint8Array[];
  readonly keytab?: Uint8Array;
}

export type WireSamples = Readonly<Record<string, WireSample>>;

/** All samples, made anew. */
export async function wireSamples(): Promise<WireSamples> {
  const { tokens, keytab, messages } = await relayed();
  const [request] = messages;
  const { initiator } = await makeParties();
  const framed = initiator.begin();
  return {
    iakerb: { inputs: tokens, keytab },
    'iakerb, old': { inputs: (await relayed('old-mit')).tokens, keytab },
    ...Object.fromEntries(
      messages.map((message, i) => [`KDC message ${i}`, { inputs: [message], keytab }]),
    ),
    'KDC message on TCP': { inputs: [withLength(request!)] },
    'KDC-PROXY-MESSAGE': {
      inputs: [
        encodeKdcProxyMessage({ message: withLength(request!), targetDomain: 'EXAMPLE.TEST' }),
      ],
    },
    'late fallback': await fallback(),
    'user-to-user request': { inputs: [userToUser(0x0400, TGT_REQUEST)] },
    'user-to-user reply': { inputs: [userToUser(0x0401, tgtReply(framed))] },
    ...(await sasl()),
    'bind of LDAP': { inputs: [ldapBind(framed)], keytab: formatKeytab(makeKeytab()) },
    'a token in other bytes': {
      inputs: [concatBytes(encodeUtf8('\0\x01\x02service\0'), framed, Uint8Array.of(1, 2))],
      keytab: formatKeytab(makeKeytab()),
    },
    'FAST request': { inputs: [FAST_REQUEST] },
    'KDC error': { inputs: [KDC_ERROR] },
    ...(await exported()),
  };
}

/** An IAKERB exchange, and the messages that it carries. */
async function relayed(dialect: 'draft' | 'old-mit' = 'draft') {
  const random = seededRandom(5);
  const realm = createRealm({ services: [SERVICE], clock, random });
  const messages: Uint8Array[] = [];
  const acceptor = createAcceptor({
    credential: await acquireCredential({ keytab: realm.keytab }),
    clock,
    random,
    iakerb: {
      kdc: async (name, message) => {
        const answer = await realm.kdc(name, message);
        messages.push(message.slice(), answer.slice());
        return answer;
      },
    },
  });
  const handshake = acceptor.begin();
  const initiator = iakerbInitiator(dialect);
  const tokens: Uint8Array[] = [];
  for (let step = initiator.begin(); step.outputToken !== undefined; ) {
    const result = await handshake.accept(step.outputToken);
    tokens.push(step.outputToken.slice());
    if (result.status === 'failed') throw result.error;
    tokens.push(result.outputToken!.slice());
    if (result.status === 'complete') break;
    step = initiator.step(result.outputToken);
  }
  return { tokens, messages, keytab: formatKeytab(realm.keytab) };
}

function iakerbInitiator(dialect: 'draft' | 'old-mit' = 'draft') {
  return createIakerbInitiator({
    client: 'alice@EXAMPLE.TEST',
    password: 'alice-password',
    service: SERVICE,
    dialect,
    clock,
    random: seededRandom(6),
  });
}

/** A negotiation in which an expired ticket fails, and IAKERB takes over. */
async function fallback(): Promise<WireSample> {
  const random = seededRandom(7);
  const realm = createRealm({ services: [SERVICE], clock, random });
  const acceptor = createAcceptor({
    credential: await acquireCredential({ keytab: realm.keytab }),
    clock,
    random,
    iakerb: { kdc: realm.kdc },
    lateFallback: true,
  });
  const ticket = mintTicket({
    keytab: realm.keytab,
    client: 'alice',
    authTime: NOW_SECONDS - 36_000,
    endTime: NOW_SECONDS - 7200,
  });
  const mechanisms: NegotiatorOptions['mechanisms'] = [
    { mechanism: Mechanism.krb5, initiator: createInitiator({ ticket, clock }) },
    { mechanism: Mechanism.iakerb, initiator: iakerbInitiator() },
  ];
  const initiator = createNegotiator({ mechanisms });
  const handshake = acceptor.begin();
  const inputs: Uint8Array[] = [];
  for (let step = initiator.begin(); step.outputToken !== undefined; ) {
    inputs.push(step.outputToken.slice());
    const result = await handshake.accept(step.outputToken);
    if (result.status === 'failed') throw result.error;
    if (result.outputToken !== undefined) inputs.push(result.outputToken.slice());
    if (result.status === 'complete') break;
    step = initiator.step(result.outputToken);
  }
  return { inputs, keytab: formatKeytab(realm.keytab) };
}

/** Exchanges of SASL with a message under its layer, and how protocols write their tokens. */
async function sasl(): Promise<WireSamples> {
  const keytab = formatKeytab(makeKeytab());
  const samples: Record<string, WireSample> = {};
  const plus = {
    client: { channelBindings: tlsExporter(new Uint8Array(32).fill(5)), authorizationId: 'a,b=c' },
    begin: { channelBindings: tlsExporter(new Uint8Array(32).fill(5)) },
    server: { authorize: () => true },
  };
  for (const mechanism of ['GSSAPI', 'GS2-KRB5', 'GS2-KRB5-PLUS', 'GSS-SPNEGO'] as const) {
    const parties = await makeSaslParties({
      mechanism,
      ...(mechanism === 'GS2-KRB5-PLUS' && plus),
    });
    const responses: Uint8Array[] = [];
    const outcome = await exchange(parties, (response) => {
      responses.push(response.slice());
      return response;
    });
    if (outcome.result.status === 'failed') throw outcome.result.error;
    const { client } = outcome;
    const frame =
      client?.layer === 'none' ? undefined : client?.wrap(encodeUtf8('hunter2 hunter2'));
    const inputs = responses.flatMap((response, i) => [response, outcome.challenges[i] ?? EMPTY]);
    samples[`SASL ${mechanism}`] = {
      inputs: [...inputs.filter(({ length }) => length > 0), ...(frame ? [frame] : [])],
      keytab,
    };
  }
  const [first] = samples['SASL GSSAPI']!.inputs;
  const base64 = Buffer.from(first!).toString('base64');
  for (const [name, text] of [
    ['SMTP', `C: EHLO x\r\nS: 250 AUTH GSSAPI\r\nC: AUTH GSSAPI ${base64}\r\nS: 334 \r\n`],
    ['IMAP', `a1 AUTHENTICATE GSSAPI ${base64}\r\n`],
    ['XMPP', `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='GSSAPI'>${base64}</auth>`],
  ] as const) {
    samples[name] = { inputs: [encodeUtf8(text)], keytab };
  }
  return samples;
}

/** What a process hands to another one: keys are in it. */
async function exported(): Promise<WireSamples> {
  const { initiator, begin } = await makeParties();
  const result = await begin().accept(initiator.begin());
  if (result.status !== 'complete') throw new Error(result.status);
  return { 'exported context': { inputs: [result.context.export()] } };
}

/** draft-swift-win2k-krb-user2user §3. */
function userToUser(tokenId: number, message: Uint8Array): Uint8Array {
  return frameToken(Mechanism.userToUser, tokenId, message);
}

/** A KERB-TGT-REPLY with the ticket of an AP-REQ, which any parser finds by its tag. */
function tgtReply(token: Uint8Array): Uint8Array {
  const at = token.findIndex((byte, i) => byte === 0x61 && token[i + 1] === 0x82);
  const ticket = token.subarray(at, at + 4 + ((token[at + 2]! << 8) | token[at + 3]!));
  return der(0x30, der(0xa0, INT(5)), der(0xa1, INT(17)), der(0xa2, ticket));
}

/** A bind request of LDAP (RFC 4511 §4.2) with a token of GSS-SPNEGO. */
function ldapBind(token: Uint8Array): Uint8Array {
  const mechanism = der(4, encodeUtf8('GSSAPI'));
  return der(0x30, INT(1), der(0x60, INT(3), der(4), der(0xa3, mechanism, der(4, token))));
}

export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concatBytes(...parts);
  const { length } = contents;
  const header = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length];
  return concatBytes(Uint8Array.from(header), contents);
}

const INT = (value: number): Uint8Array => der(2, Uint8Array.of(value));
const TEXT = (value: string): Uint8Array => der(0x1b, encodeUtf8(value));
const EMPTY = new Uint8Array();
const SERVICE = 'host/www.example.test';
const clock = () => NOW;

const NAME = der(0x30, der(0xa0, INT(2)), der(0xa1, der(0x30, TEXT('host'), TEXT('www'))));
const TGT_REQUEST = der(
  0x30,
  der(0xa0, INT(5)),
  der(0xa1, INT(16)),
  der(0xa2, NAME),
  der(0xa3, TEXT('EXAMPLE.TEST')),
);

const SEALED = der(0x30, der(0xa0, INT(18)), der(0xa2, der(4, new Uint8Array(40).fill(7))));
const CHECKSUM = der(0x30, der(0xa0, INT(16)), der(0xa1, der(4, new Uint8Array(12).fill(8))));
const PA = (type: readonly number[], value: Uint8Array): Uint8Array =>
  der(0x30, der(0xa1, der(2, Uint8Array.from(type))), der(0xa2, der(4, value)));
const BODY = der(
  0x30,
  der(0xa0, der(3, Uint8Array.of(0, 0x40, 0, 0, 0x10))),
  der(0xa1, NAME),
  der(0xa2, TEXT('EXAMPLE.TEST')),
  der(0xa3, NAME),
  der(0xa5, der(0x18, encodeUtf8('20260601220000Z'))),
  der(0xa7, INT(7)),
  der(0xa8, der(0x30, INT(18), INT(17))),
);

/** An AS-REQ with what clients of MIT krb5 and Windows send before it (RFC 6113, MS-KILE, MS-SFU). */
const FAST_REQUEST = der(
  0x6a,
  der(
    0x30,
    der(0xa1, INT(5)),
    der(0xa2, INT(10)),
    der(
      0xa3,
      der(
        0x30,
        PA([0, 136], der(0xa0, der(0x30, der(0xa1, CHECKSUM), der(0xa2, SEALED)))),
        PA([0, 138], SEALED),
        PA([0, 128], der(0x30, der(0xa0, der(1, Uint8Array.of(255))))),
        PA([0, 149], EMPTY),
        PA([0, 167], der(0x30, der(0xa0, der(3, Uint8Array.of(0, 0x10, 0, 0, 0))))),
        PA(
          [0, 129],
          der(
            0x30,
            der(0xa0, NAME),
            der(0xa1, TEXT('EXAMPLE.TEST')),
            der(0xa2, CHECKSUM),
            der(0xa3, TEXT('Kerberos')),
          ),
        ),
      ),
    ),
    der(0xa4, BODY),
  ),
);

/** KDC_ERR_PREAUTH_REQUIRED with METHOD-DATA. */
const KDC_ERROR = encodeKrbError({
  stime: NOW_SECONDS,
  susec: 0,
  errorCode: 25,
  realm: 'EXAMPLE.TEST',
  serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] },
  eText: 'NEEDED_PREAUTH',
  eData: der(
    0x30,
    PA([19], der(0x30, der(0x30, der(0xa0, INT(18)), der(0xa1, TEXT('EXAMPLE.TESTalice'))))),
    PA([2], EMPTY),
    PA([0, 136], EMPTY),
    PA([0, 133], encodeUtf8('MIT\0cookie')),
    PA([0, 165], Uint8Array.of(0x1c, 0, 0, 0)),
  ),
});
