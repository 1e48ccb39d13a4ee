// Counters of an acceptor in the text format of Prometheus, at /metrics. No further package is needed.
import { createServer } from 'node:http';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { kerberos, keytabFile } from 'krb5-acceptor/node';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential });
const signOn = kerberos({ acceptor });

createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
  // In production, serve it on a port that only Prometheus can reach: it names the service's principals.
  if (request.url === '/metrics') {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4');
    return response.end(metricsOf(acceptor.statistics));
  }
  const client = await signOn(request, response);
  if (client !== undefined) response.end(`Hello ${client.identity?.principal}\n`);
}).listen(PORT);

function metricsOf(statistics) {
  const { accepted, refused, abandoned, challenged, enctypes, bindings, services } = statistics;
  const { refusals, challenges, notes, warnings } = statistics;
  return [
    ...counter('kerberos_accepted_total', 'Established contexts', [[{}, accepted]]),
    ...counter('kerberos_refused_total', 'Refused requests', [[{}, refused]]),
    ...counter('kerberos_abandoned_total', 'Clients that went away', [[{}, abandoned]]),
    ...counter('kerberos_challenged_total', 'Clients asked for a token', [[{}, challenged]]),
    ...counter(
      'kerberos_refusals_total',
      'Refused and abandoned, by reason',
      by('reason', refusals),
    ),
    ...counter(
      'kerberos_challenges_total',
      'Challenges with something to say, by reason',
      by('reason', challenges),
    ),
    ...counter(
      'kerberos_notes_total',
      'What accepted clients lack, by reason',
      by('reason', notes),
    ),
    ...counter('kerberos_warnings_total', 'Faults of the keytab', by('reason', warnings)),
    ...counter(
      'kerberos_tickets_total',
      'Contexts by the ticket’s enctype',
      by('enctype', enctypes.tickets),
    ),
    ...counter(
      'kerberos_session_keys_total',
      'Contexts by the session key’s enctype',
      by('enctype', enctypes.sessionKeys),
    ),
    ...counter(
      'kerberos_subkeys_total',
      'Contexts by the enctype of the client’s subkey, or of the session key',
      by('enctype', enctypes.subkeys),
    ),
    ...counter(
      'kerberos_message_keys_total',
      'Contexts by the enctype that protects messages',
      by('enctype', enctypes.messages),
    ),
    ...counter(
      'kerberos_bindings_total',
      'Contexts by their channel bindings',
      by('bindings', bindings),
    ),
    ...counter(
      'kerberos_service_accepted_total',
      'Contexts by service',
      Object.entries(services).map(([service, { accepted: count }]) => [{ service }, count]),
    ),
    '',
  ].join('\n');
}

function by(label, counts) {
  return Object.entries(counts).map(([name, count]) => [{ [label]: name }, count]);
}

function counter(name, help, samples) {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs}}`} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...lines];
}

function escaped(text) {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
