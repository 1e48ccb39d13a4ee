// An LDAP server with one entry. `ldapjs` is the directory; Kerberos, TLS and layers are in front of it, since it knows
// simple binds only.
import { createServer } from 'node:net';
import { duplexPair } from 'node:stream';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { createSaslServer } from 'krb5-acceptor/sasl';
import ldap from 'ldapjs';
import { guard } from './connection.mjs';
import { serveLdap } from './ldap-front.mjs';

const { KEYTAB, SERVICE, PORT = 389, HOST = 'localhost', CHANNEL_BINDINGS } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const policy = CHANNEL_BINDINGS && { channelBindingPolicy: CHANNEL_BINDINGS };
const acceptor = createAcceptor({ credential, ...policy });
const mechanisms = ['GSSAPI', 'GSS-SPNEGO'];
const sasl = createSaslServer({ acceptor, mechanisms, service: 'ldap' });

createServer((socket) => guard(socket, (client) => serveLdap(client, sasl, open))).listen(
  PORT,
  HOST,
);

const directory = ldap.createServer();
directory.on('error', (error) => console.error(error.message));

// The root is for everybody: it has what a client must know before it binds.
directory.search('', (request, response, next) => {
  if (request.dn.toString() !== '' || request.scopeName !== 'base') {
    return next(new ldap.NoSuchObjectError());
  }
  const attributes = { objectClass: ['top'], supportedSASLMechanisms: mechanisms };
  response.send({ dn: '', attributes });
  response.end();
});

// Who am I? (RFC 4532)
directory.exop('1.3.6.1.4.1.4203.1.11.3', ({ connection: { session } }, response) => {
  response.responseValue = session === undefined ? '' : `u:${session.authorizationId}`;
  response.end();
});

/** Connects a client to the directory, whose handlers find its session as `request.connection.session`. */
function open(session) {
  const [near, far] = duplexPair();
  directory.newConnection(Object.assign(far, { session }));
  far.once('close', () => near.push(null));
  return near;
}
