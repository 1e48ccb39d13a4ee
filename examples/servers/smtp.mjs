// A submission server (RFC 6409) that takes mail of those who have a ticket, and prints it. In production begin
// with TLS (`createServer` of node:tls): SMTP cannot use a layer of SASL in practice, and STARTTLS is left out.
import { createServer } from 'node:net';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { createSaslServer } from 'krb5-acceptor/sasl';
import { guard } from './connection.mjs';
import { authenticate, readWords } from './sasl-lines.mjs';

const { KEYTAB, SERVICE, PORT = 587, HOST = 'localhost' } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential });
const sasl = createSaslServer({ acceptor, service: 'smtp', layers: ['none'] });
const MAX_MAIL = 10_000_000;

createServer((socket) => guard(socket, serve)).listen(PORT, HOST);

async function serve(socket, reader, authenticated) {
  const say = (line) => socket.write(`${line}\r\n`);
  let session;
  let recipients = [];
  say('220 submission ready');
  while (!(await reader.atEnd())) {
    const [command, ...words] = await readWords(reader);
    switch (command.toUpperCase()) {
      case 'EHLO':
        say('250-submission');
        say(`250 AUTH ${sasl.mechanismsFor().join(' ')}`);
        break;
      case 'AUTH': {
        if (session !== undefined) {
          say('503 5.5.1 authenticated already');
          break;
        }
        const [mechanism = '', initial] = words;
        const exchange = sasl.begin(mechanism);
        session = await authenticate(reader, exchange, initial, (text) => say(`334 ${text}`));
        if (session !== undefined) authenticated();
        say(session === undefined ? '535 5.7.8 not authenticated' : '235 2.7.0 authenticated');
        break;
      }
      case 'MAIL':
        recipients = [];
        // The sender is whom the client acts as, whatever the mail says.
        say(session === undefined ? '530 5.7.0 authentication required' : '250 2.1.0 go on');
        break;
      case 'RCPT':
        if (session !== undefined && recipients.length < 100) recipients.push(words.join(' '));
        say(session === undefined ? '530 5.7.0 authentication required' : '250 2.1.5 go on');
        break;
      case 'DATA': {
        if (recipients.length === 0) {
          say('503 5.5.1 no recipients');
          break;
        }
        say('354 the mail, and a line with a dot');
        const mail = await readMail(reader);
        console.log(
          `${session.authorizationId} to ${JSON.stringify(recipients)}: ${mail.length} lines`,
        );
        recipients = [];
        say(`250 2.0.0 taken from ${session.authorizationId}`);
        break;
      }
      case 'RSET':
      case 'NOOP':
        recipients = [];
        say('250 2.0.0 done');
        break;
      case 'QUIT':
        return say('221 2.0.0 bye');
      default:
        say('502 5.5.1 unknown command');
    }
  }
}

async function readMail(reader) {
  const lines = [];
  let size = 0;
  for (;;) {
    const line = await reader.line(1000);
    if (line === '.') return lines;
    size += line.length;
    if (size > MAX_MAIL) throw new Error('a mail is too long');
    lines.push(line.startsWith('.') ? line.slice(1) : line);
  }
}
