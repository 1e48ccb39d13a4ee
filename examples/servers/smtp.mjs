// A submission server (RFC 6409) that takes mail of those who have a ticket, and prints it. `smtp-server` speaks the
// protocol, with STARTTLS and limits.
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { createSaslServer } from 'krb5-acceptor/sasl';
import { SMTPServer } from 'smtp-server';
// The package looks for the mechanism of the name X as SASL_X of this object.
import mechanisms from 'smtp-server/lib/sasl.js';
import { bindingsOf, tls } from './connection.mjs';
import { authenticate, MAX_LINE } from './sasl-lines.mjs';

const { KEYTAB, SERVICE, PORT = 587, HOST = 'localhost' } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential });
const sasl = createSaslServer({ acceptor, service: 'smtp', layers: ['none'] });
for (const name of sasl.mechanisms) mechanisms[`SASL_${name}`] = mechanism(name);

// With a certificate, logins are refused before TLS, and so GS2-KRB5-PLUS may be in the list.
const withoutTls = { hideSTARTTLS: true, allowInsecureAuth: true };
const server = new SMTPServer({
  ...(tls ?? withoutTls),
  authMethods: tls ? sasl.mechanisms : sasl.mechanismsFor(),
  banner: 'submission',
  // A ticket for a user in many groups is one line.
  maxCommandLength: MAX_LINE,
  size: 10_000_000,
  async onData(stream, { user, envelope }, callback) {
    const chunks = [];
    // The reply is due at the end; what is too long is read until then, and not kept.
    for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk);
    const mail = Buffer.concat(chunks).toString();
    if (stream.sizeExceeded) return callback(new Error('the mail is too long'));
    const recipients = envelope.rcptTo.map(({ address }) => address);
    console.log(`${user} to ${JSON.stringify(recipients)}: ${mail.split('\n').length} lines`);
    // The sender is whom the client acts as, whatever the mail says.
    callback(null, `taken from ${user}`);
  },
});
server.on('error', (error) => console.error(error.code ?? 'error', error.message));
server.listen(PORT, HOST);

/** A function as `smtp-server` calls it, with the connection as `this`. It calls `done` once for each line. */
function mechanism(name) {
  return async function (words, done) {
    const exchange = sasl.begin(name, bindingsOf(this._socket));
    this._socket.once('close', () => exchange.abort());
    const session = await authenticate(exchange, words[0], (challenge) => {
      this.send(334, challenge);
      return new Promise((resolve) => {
        this._nextHandler = (line, next) => {
          done = next;
          resolve(line.toString());
        };
        done();
      });
    });
    if (session === undefined) this.send(535, 'not authenticated');
    else {
      // No layer is in use, and so the keys are of no more use.
      session.dispose();
      this.session.user = session.authorizationId;
      this.session.transmissionType = this._transmissionType();
      this.send(235, 'authenticated');
    }
    done();
  };
}
