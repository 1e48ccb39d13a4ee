import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { kerberos } from 'krb5-acceptor/node';

const { KEYTAB, SERVICE, PORT = 8443, TLS_CERTIFICATE, TLS_KEY } = process.env;
const tls = { cert: readFileSync(TLS_CERTIFICATE), key: readFileSync(TLS_KEY) };
const signOn = kerberos({ keytab: KEYTAB, service: SERVICE });
// Clients that need several requests to sign on fall back to HTTP/1.1.
createSecureServer({ ...tls, allowHTTP1: true }, async (request, response) => {
  const client = await signOn(request, response);
  if (client !== undefined) response.end(`Hello ${client.identity?.principal}\n`);
}).listen(PORT);
