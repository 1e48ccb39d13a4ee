/** SASL in every runtime: a layer that encrypts, and channel bindings. */
import type { Keytab } from '../../src/index.ts';
import { acquireCredential, createAcceptor } from '../../src/index.ts';
import type { SaslExchangeOptions, SaslMechanism, SaslSession } from '../../src/sasl/index.ts';
import { createSaslServer, saslStreams } from '../../src/sasl/index.ts';
import type { SaslClientOptions } from '../../src/testing/index.ts';
import { createSaslClient, mintTicket } from '../../src/testing/index.ts';
import type { Steps } from './steps.ts';
import { equal, rejects } from './steps.ts';

/** @param makeKeytab - With a key of the service `host`. */
export function saslSteps(makeKeytab: () => Keytab): Steps {
  return {
    'speaks SASL: GSSAPI, and frames that are encrypted, through streams in any pieces':
      async () => {
        const { client, server } = await saslSessions(makeKeytab(), 'GSSAPI', {});
        equal([server.authorizationId, server.layer], [CLIENT, 'confidentiality']);
        const { wrap, unwrap } = saslStreams(server);
        const pieces = new ReadableStream<Uint8Array>({
          start: (controller) => {
            const frames = client.wrap(LONG);
            for (let at = 0; at < frames.length; at += 999) {
              controller.enqueue(frames.subarray(at, at + 999));
            }
            controller.close();
          },
        });
        const echoed = pieces.pipeThrough(unwrap).pipeThrough(wrap);
        const received: number[] = [];
        for (const reader = echoed.getReader(); ; ) {
          const { done, value } = await reader.read();
          if (done) break;
          for (const message of client.unwrap(value)) received.push(...message);
        }
        equal(received, [...LONG]);
        const altered = client.wrap(MESSAGE);
        altered[altered.length - 1]! ^= 1;
        equal((await rejects(() => server.unwrap(altered))).code, 'GSS_S_BAD_MIC');
      },

    'speaks SASL: GS2 with channel bindings, and not with others': async () => {
      const channelBindings = { applicationData: encode('tls-exporter:channel') };
      const { server } = await saslSessions(
        makeKeytab(),
        'GS2-KRB5-PLUS',
        { channelBindings },
        { channelBindings },
      );
      equal([server.mechanism, server.layer], ['GS2-KRB5-PLUS', 'none']);
      const other = { applicationData: encode('tls-exporter:another') };
      const relayed = saslSessions(
        makeKeytab(),
        'GS2-KRB5-PLUS',
        { channelBindings },
        { channelBindings: other },
      );
      equal((await rejects(relayed)).code, 'GSS_S_BAD_BINDINGS');
    },
  };
}

/** Both sides of a connection with SASL. @throws What refuses the client. */
async function saslSessions(
  keytab: Keytab,
  mechanism: SaslMechanism,
  options: Omit<SaslClientOptions, 'ticket'>,
  begin: SaslExchangeOptions = {},
) {
  const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });
  const ticket = mintTicket({ keytab, client: CLIENT });
  const client = createSaslClient(mechanism, { ticket, ...options });
  const exchange = createSaslServer({ acceptor, service: 'host' }).begin(mechanism, begin);
  let result = await exchange.step(client.begin());
  let session: SaslSession | undefined;
  while (result.status === 'continue') {
    const step = client.step(result.challenge);
    session = step.session;
    result = await exchange.step(step.response);
  }
  if (result.status === 'failed') throw result.error;
  if (session === undefined) throw new Error('the client has not finished');
  return { client: session, server: result.session };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const CLIENT = 'alice@EXAMPLE.COM';
const MESSAGE: Uint8Array = encode('a message');
// Of several chunks of a stream.
const LONG: Uint8Array = new Uint8Array(10_000).map((_, index) => index);
