// An IMAP server (RFC 9051) as far as the login, and a list with one mailbox. In production begin with TLS
// (`createServer` of node:tls), as for smtp.mjs.
import { createServer } from 'node:net';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { createSaslServer } from 'krb5-acceptor/sasl';
import { guard } from './connection.mjs';
import { authenticate, readWords } from './sasl-lines.mjs';

const { KEYTAB, SERVICE, PORT = 143, HOST = 'localhost' } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential });
const sasl = createSaslServer({ acceptor, service: 'imap', layers: ['none'] });
const mechanisms = sasl.mechanismsFor().map((name) => `AUTH=${name}`);
const CAPABILITY = `CAPABILITY IMAP4rev1 SASL-IR ${mechanisms.join(' ')}`;

createServer((socket) => guard(socket, serve)).listen(PORT, HOST);

async function serve(socket, reader, authenticated) {
  const say = (line) => socket.write(`${line}\r\n`);
  let session;
  say(`* OK [${CAPABILITY}] ready`);
  while (!(await reader.atEnd())) {
    const [tag, command = '', ...words] = await readWords(reader);
    switch (command.toUpperCase()) {
      case 'CAPABILITY':
        say(`* ${CAPABILITY}`);
        say(`${tag} OK`);
        break;
      case 'AUTHENTICATE': {
        if (session !== undefined) {
          say(`${tag} BAD authenticated already`);
          break;
        }
        const [mechanism = '', initial] = words;
        const exchange = sasl.begin(mechanism);
        session = await authenticate(reader, exchange, initial, (text) => say(`+ ${text}`));
        if (session !== undefined) authenticated();
        say(session === undefined ? `${tag} NO not authenticated` : `${tag} OK authenticated`);
        break;
      }
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

function quoted(text) {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
