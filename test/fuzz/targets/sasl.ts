/** SASL: responses of an exchange, headers of GS2, and frames of a layer, in any pieces. */
import { bytesEqual } from '../../../src/bytes.ts';
import { importSecurityContext, tlsExporter } from '../../../src/index.ts';
import { encodeGs2Header, parseGs2 } from '../../../src/sasl/gs2-header.ts';
import type { SaslMechanism, SaslResult } from '../../../src/sasl/index.ts';
import { createSaslServer, SaslSession } from '../../../src/sasl/index.ts';
import { createSaslClient } from '../../../src/testing/index.ts';
import { establish } from '../../support/realm-kit.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { joinBytes } from '../mutate/tlv.ts';
import { freshAcceptor } from './accept.ts';
import { CLIENT, clock, mint, seededRandom } from './realm.ts';

export async function saslTargets(): Promise<Target[]> {
  const exchanges = await Promise.all(MECHANISMS.map(responsesOf));
  return [
    ...MECHANISMS.map(
      (mechanism, i): Target => ({
        name: `sasl-${mechanism.toLowerCase()}`,
        shape: 'binary',
        seeds: [exchanges[i]!],
        run: (input) => runExchange(mechanism, input),
      }),
    ),
    {
      name: 'sasl-gs2-header',
      shape: 'text',
      seeds: headers(),
      run: ([header]) => readHeader(header),
    },
    await framesTarget(),
  ];
}

const MECHANISMS: readonly SaslMechanism[] = ['GSSAPI', 'GSS-SPNEGO', 'GS2-KRB5', 'GS2-KRB5-PLUS'];
const BINDINGS = tlsExporter(new Uint8Array(32).fill(1));

/** The random choices of both sides repeat, so that each run takes the responses of the first. */
function serverOf() {
  return createSaslServer({ acceptor: freshAcceptor() });
}

async function responsesOf(mechanism: SaslMechanism): Promise<Case> {
  const client = createSaslClient(mechanism, {
    ticket: mint(),
    clock,
    random: seededRandom(41),
    ...(mechanism === 'GS2-KRB5-PLUS' && { channelBindings: BINDINGS }),
  });
  const responses = [client.begin()];
  const exchange = serverOf().begin(mechanism, { channelBindings: optionOf(mechanism) });
  let result = await exchange.step(responses[0]);
  while (result.status === 'continue') {
    responses.push(client.step(result.challenge).response);
    result = await exchange.step(responses.at(-1));
  }
  if (result.status === 'failed') throw result.error;
  return responses;
}

function optionOf(mechanism: SaslMechanism) {
  return mechanism === 'GS2-KRB5-PLUS' ? BINDINGS : [];
}

async function runExchange(mechanism: SaslMechanism, input: Case): Promise<string> {
  const exchange = serverOf().begin(mechanism, { channelBindings: optionOf(mechanism) });
  const outcomes: string[] = [];
  for (const response of input) {
    const result: SaslResult = await exchange.step(response);
    outcomes.push(result.status);
    if (result.status === 'continue') continue;
    if (result.status === 'failed') throw result.error;
    const { authenticationId, authorizationId } = result.session;
    if (authenticationId !== CLIENT || authorizationId !== CLIENT) {
      throw new Breach(`admitted ${authenticationId} as ${authorizationId}`);
    }
    break;
  }
  exchange.abort();
  return outcomes.join(', ');
}

function headers(): Case[] {
  const made = [
    encodeGs2Header('n'),
    encodeGs2Header('y', '', 'alice'),
    encodeGs2Header('p', 'tls-exporter', 'a=b,c'),
  ];
  return made.flatMap((header) => [[header], [joinBytes([Uint8Array.of(0x46, 0x2c), header])]]);
}

/** What was read is written the same. */
function readHeader(bytes: Uint8Array = new Uint8Array()): string {
  const { bindings, header, requestedId } = parseGs2(bytes);
  const flag = { unsupported: 'n', unoffered: 'y', used: 'p' } as const;
  const type = bindings.use === 'used' ? bindings.type : '';
  if (!bytesEqual(encodeGs2Header(flag[bindings.use], type, requestedId), header)) {
    throw new Breach('a header is written in two ways');
  }
  return bindings.use;
}

/** However frames are altered, only messages of the client come out, in their order. */
async function framesTarget(): Promise<Target> {
  const { client, server } = await establish();
  const state = server.export();
  const facts = {
    mechanism: 'GSSAPI',
    authenticationId: CLIENT,
    authorizationId: CLIENT,
    layer: 'confidentiality',
    peerMaxBuffer: 4096,
    maxBuffer: 4096,
  } as const;
  const messages = [1, 100, 3000, 20].map((length) => new Uint8Array(length).fill(length));
  const sender = new SaslSession(client, facts);
  const frames = messages.map((message) => sender.wrap(message));
  const stream = joinBytes(frames);
  const run = (chunks: Case): string => {
    const session = new SaslSession(importSecurityContext(state), facts);
    let count = 0;
    const take = (message: Uint8Array): void => {
      if (!bytesEqual(message, messages[count] ?? new Uint8Array())) {
        throw new Breach('a message came out that the client has not sent at this place');
      }
      count++;
    };
    for (const chunk of chunks) session.unwrapInto(chunk, take);
    session.end();
    return `${count} messages`;
  };
  const cut = [stream.slice(0, 3), stream.slice(3, 200), stream.slice(200)];
  return {
    name: 'sasl-frames',
    shape: 'binary',
    seeds: [frames, [stream], cut],
    manyCalls: true,
    run,
  };
}
