// Over TLS a client's token is bound to the certificate: a relay cannot use it elsewhere.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { kerberos } from 'krb5-acceptor/node';

const { KEYTAB, SERVICE, PORT = 8443, TLS_CERTIFICATE, TLS_KEY } = process.env;
const tls = { cert: readFileSync(TLS_CERTIFICATE), key: readFileSync(TLS_KEY) };
const signOn = kerberos({ keytab: KEYTAB, service: SERVICE, requireTls: true });
createServer({ ...tls, maxHeaderSize: 81_920 }, async (request, response) => {
  const client = await signOn(request, response);
  if (client === undefined) return;
  const { principal, channelBound } = client.identity;
  response.end(`Hello ${principal}, ${channelBound ? 'bound' : 'not bound'} to this connection\n`);
}).listen(PORT);
