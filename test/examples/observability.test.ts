/** The examples that count sign-ons: what a collector of OpenTelemetry and Prometheus get. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { openHttp1 } from '../conformance/connection.ts';
import type { RunningServer } from '../conformance/program.ts';
import { startServer } from '../conformance/program.ts';
import { User } from '../conformance/user.ts';
import { freePort } from '../support/ports.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../examples');

async function start(
  name: string,
  env: Record<string, string> = {},
): Promise<RunningServer & AsyncDisposable> {
  const port = await freePort();
  const program = [process.execPath, join(EXAMPLES, name)];
  const server = await startServer(
    program,
    { SERVICE: 'HTTP@localhost', PORT: String(port), ...env },
    port,
  );
  return { ...server, [Symbol.asyncDispose]: server.stop };
}

/** One client is refused because its token is a replay; another one is accepted. */
async function signOnTwice({ port, keytab }: RunningServer): Promise<void> {
  const { authorization } = new User(keytab, 'alice').signOn();
  for (const status of [200, 401]) {
    const connection = await openHttp1(`http://localhost:${port}`);
    expect((await connection.send({ path: '/', headers: { authorization } })).status).toBe(status);
    connection.close();
  }
}

it('prometheus.mjs shows the counters of its acceptor', async () => {
  await using server = await start('prometheus.mjs');
  await signOnTwice(server);
  const metrics = await (await fetch(`http://localhost:${server.port}/metrics`)).text();
  for (const line of metrics.trimEnd().split('\n')) {
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"\})? \d+)$/);
  }
  expect(metrics).toContain('\nkerberos_accepted_total 1\n');
  expect(metrics).toContain('\nkerberos_refusals_total{reason="replay.repeated"} 1\n');
  expect(metrics).toContain('\nkerberos_tickets_total{enctype="aes256-cts-hmac-sha1-96"} 1\n');
  for (const key of ['session_keys', 'subkeys', 'message_keys']) {
    expect(metrics).toContain(`\nkerberos_${key}_total{enctype="aes256-cts-hmac-sha1-96"} 1\n`);
  }
  expect(metrics).toContain('\nkerberos_notes_total{reason="delegation.not-forwardable"} 1\n');
  expect(metrics).toContain('\n# TYPE kerberos_challenges_total counter\n');
  expect(metrics).toContain('\n# TYPE kerberos_warnings_total counter\n');
  expect(metrics).toContain('\nkerberos_service_accepted_total{service="HTTP/localhost@');
});

it('opentelemetry.mjs sends log records to a collector', async () => {
  const bodies: unknown[] = [];
  const collector = createServer(async (request, response) => {
    bodies.push({ url: request.url, body: JSON.parse(await text(request)) });
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { port } = collector.address() as AddressInfo;
  try {
    const endpoint = `http://127.0.0.1:${port}`;
    await using server = await start('opentelemetry.mjs', {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    });
    await signOnTwice(server);
    await expect.poll(() => JSON.stringify(bodies)).toContain('replay.repeated');
    const all = JSON.stringify(bodies);
    expect(all).toContain('"url":"/v1/logs"');
    expect(all).toContain('{"key":"enduser.id","value":{"stringValue":"alice@');
    expect(all).toContain('{"key":"kerberos.ticket.kvno","value":{"intValue":');
    expect(all).toContain('{"key":"error.type","value":{"stringValue":"replay.repeated"}}');
  } finally {
    collector.close();
  }
});
