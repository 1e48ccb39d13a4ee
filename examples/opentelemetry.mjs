// Sign-ons as log records of OpenTelemetry, sent to a collector with OTLP over HTTP in JSON. The attributes
// of the channels have OpenTelemetry's names already, so that no further package is needed; with
// @opentelemetry/api it is counter.add(1, attributes), or span.setAttributes(attributes).
import { subscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { ChannelName } from 'krb5-acceptor';
import { kerberos } from 'krb5-acceptor/node';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const { OTEL_EXPORTER_OTLP_ENDPOINT = 'http://localhost:4318' } = process.env;
const { OTEL_SERVICE_NAME = 'krb5-acceptor-example' } = process.env;

let records = [];
for (const [name, severityText, severityNumber] of [
  [ChannelName.accept, 'INFO', 9],
  [ChannelName.refuse, 'WARN', 13],
]) {
  subscribe(name, ({ attributes }) => {
    // What cannot be sent in time is dropped: a flood must not fill the memory.
    if (records.length === 1000) return;
    records.push({
      timeUnixNano: `${Date.now()}000000`,
      severityText,
      severityNumber,
      eventName: name,
      body: { stringValue: attributes['error.message'] ?? 'signed on' },
      attributes: toOtlp(attributes),
    });
  });
}

setInterval(async () => {
  if (records.length === 0) return;
  const logRecords = records;
  records = [];
  const resource = { attributes: toOtlp({ 'service.name': OTEL_SERVICE_NAME }) };
  const scopeLogs = [{ scope: { name: 'krb5-acceptor' }, logRecords }];
  try {
    await fetch(`${OTEL_EXPORTER_OTLP_ENDPOINT}/v1/logs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ resourceLogs: [{ resource, scopeLogs }] }),
      signal: AbortSignal.timeout(5000),
    });
  } catch (error) {
    console.error(`the collector does not answer: ${error.message}`);
  }
}, 500).unref();

const signOn = kerberos({ keytab: KEYTAB, service: SERVICE });
createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
  const client = await signOn(request, response);
  if (client !== undefined) response.end(`Hello ${client.identity?.principal}\n`);
}).listen(PORT);

function toOtlp(attributes) {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: String(value) },
  }));
}
