/** What the operator of a site reads about clients that are refused: with the hooks, and a log line in each. */
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import type { ReasonedError } from '../../src/errors.ts';
import type { GssError } from '../../src/gss/status.ts';
import { encodeBase64 } from '../../src/http/base64.ts';
import { acquireCredential, createAcceptor, formatKeytab, parseKeytab } from '../../src/index.ts';
import { kerberos } from '../../src/node/kerberos.ts';
import { until } from '../support/until.ts';
import { CLIENT_WORDS, MIT_WORDS } from './format-page.ts';
import type { RefusedClient } from './refused-clients.ts';
import { clientOf, goodClientOf, keytabOf, REFUSED_CLIENTS, serviceOf } from './refused-clients.ts';

const CAUSES = REFUSED_CLIENTS.filter((cause) => cause.http !== false && !cause.messages);

it.each(CAUSES)('$name: the log has reason, text and remedy', async (cause) => {
  const site = await serve(cause);
  const client = clientOf(cause);
  const token = (cause.change ?? ((same: Uint8Array) => same))(client.begin());
  if (cause.before === 'same') expect(await site.ask(negotiate(token))).toBe(200);
  if (cause.before === 'another') {
    expect(await site.ask(negotiate(goodClientOf(cause).begin()))).toBe(200);
  }
  expect([400, 401, 503]).toContain(await site.ask(cause.header ?? negotiate(token)));
  const { reason, text, remedies, message, minor } = (await site.told()) as GssError;
  expect(reason).toBe(cause.reason);
  expect(text).toMatch(cause.text);
  expect(remedies[0]).toMatch(cause.remedy);
  // docs/errors.md is found by the words of MIT krb5, too.
  const found = Object.entries(MIT_WORDS).filter(([words]) => message.includes(words));
  for (const [, reasons] of found) expect(reasons.split(' ')).toContain(reason);
  // And by those that a client prints for the number that it gets; SPNEGO refuses without one.
  if (reason.startsWith('negotiate.')) return;
  const [, led = reason] = CLIENT_WORDS[minor?.errorCode ?? 0] ?? [];
  expect(led.split(' ')).toContain(reason);
});

function negotiate(token: Uint8Array): string {
  return `Negotiate ${encodeBase64(token)}`;
}

/** A site as in the README; each line is what its operator would log. */
async function serve(cause: RefusedClient) {
  const lines: string[] = [];
  const log = (error: ReasonedError | undefined): void => {
    if (error !== undefined) lines.push(JSON.stringify(error));
  };
  const credential = await acquireCredential({
    // Without the weak enctypes that made it.
    keytab: parseKeytab(formatKeytab(keytabOf(cause.keytab))),
    service: serviceOf(cause),
  });
  const clock = (): number => Date.now() + (cause.clocks?.server ?? 0) * 1000;
  const { channel } = cause;
  const signOn = kerberos({
    acceptor: createAcceptor({ credential, clock, ...cause.acceptor }),
    ...(channel !== undefined && {
      channelBindings: () => ({ applicationData: encodeUtf8(channel) }),
    }),
    onRefused: log,
    onChallenged: (_, why) => log(why),
    onWarning: () => {},
  });
  const server = createServer(async (request, response) => {
    if ((await signOn(request, response)) !== undefined) response.end('hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask = async (authorization: string): Promise<number> => {
    const headers = { authorization };
    const request = httpRequest({ port, host: '127.0.0.1', headers, agent: false }).end();
    const [response] = await once(request, 'response');
    response.resume();
    return response.statusCode;
  };
  const told = async (): Promise<ReasonedError> => {
    const line = await until(
      () => lines[0],
      () => 'nothing was logged',
    );
    return JSON.parse(line);
  };
  return { ask, told };
}
