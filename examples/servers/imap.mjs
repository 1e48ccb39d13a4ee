// An IMAP server (RFC 9051) as far as the login, and a list with one mailbox.
import { createServer } from 'node:net';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { createSaslServer } from 'krb5-acceptor/sasl';
import { bindingsOf, guard, tls } from './connection.mjs';
import { authenticate, MAX_LINE } from './sasl-lines.mjs';

const { KEYTAB, SERVICE, PORT = 143, HOST = 'localhost', CHANNEL_BINDINGS } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const policy = CHANNEL_BINDINGS && { channelBindingPolicy: CHANNEL_BINDINGS };
const acceptor = createAcceptor({ credential, ...policy });
const sasl = createSaslServer({ acceptor, service: 'imap', layers: ['none'] });

createServer((socket) => guard(socket, serve)).listen(PORT, HOST);

async function serve(client) {
  const say = (line) => client.stream.write(`${line}\r\n`);
  let session;
  say(`* OK [${capabilityOf(client)}] ready`);
  while (!(await client.atEnd())) {
    const line = await client.reader.line(MAX_LINE);
    const [tag, command = '', ...words] = line.trim().split(/ +/);
    switch (command.toUpperCase()) {
      case 'CAPABILITY':
        say(`* ${capabilityOf(client)}`);
        say(`${tag} OK`);
        break;
      case 'STARTTLS':
        if (canStartTls(client)) await client.startTls(() => say(`${tag} OK begin`));
        else say(`${tag} BAD not now`);
        break;
      case 'AUTHENTICATE':
        if (session !== undefined || canStartTls(client)) {
          say(`${tag} BAD not now`);
          break;
        }
        session = await login(client, words);
        if (session !== undefined) {
          client.authenticated();
          // No layer is in use, and so the keys are of no more use.
          session.dispose();
        }
        say(session === undefined ? `${tag} NO not authenticated` : `${tag} OK authenticated`);
        break;
      case 'LIST':
        if (session !== undefined) say(`* LIST () "/" ${quoted(session.authorizationId)}`);
        say(session === undefined ? `${tag} NO authentication required` : `${tag} OK`);
        break;
      case 'NOOP':
        say(`${tag} OK`);
        break;
      case 'LOGOUT':
        say('* BYE');
        return say(`${tag} OK`);
      default:
        say(`${tag} BAD unknown command`);
    }
  }
}

async function login({ stream, reader }, [mechanism = '', initial]) {
  const exchange = sasl.begin(mechanism, bindingsOf(stream));
  stream.once('close', () => exchange.abort());
  return await authenticate(exchange, initial, (challenge) => {
    stream.write(`+ ${challenge}\r\n`);
    return reader.line(MAX_LINE);
  });
}

/** With a certificate, a login before TLS is refused, and not offered. */
function canStartTls({ secure }) {
  return tls !== undefined && !secure;
}

function capabilityOf(client) {
  if (canStartTls(client)) return 'CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED';
  const mechanisms = sasl.mechanismsFor(bindingsOf(client.stream)).map((name) => `AUTH=${name}`);
  return `CAPABILITY IMAP4rev1 SASL-IR LOGINDISABLED ${mechanisms.join(' ')}`;
}

function quoted(text) {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
