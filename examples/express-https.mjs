/**
 * A server for users: https, a session after the first ticket, users who may not enter, a log, a logout.
 *
 *   KEYTAB=/etc/krb5.keytab SESSION_KEY=… TLS_CERTIFICATE=… TLS_KEY=… PORT=8443 node express-https.mjs
 *
 * SESSION_KEY is 32 random bytes in base64: openssl rand -base64 32. LOCKED_USERS are principals, with commas between.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { env } from 'node:process';
import express from 'express';
import { kerberos } from 'krb5-acceptor/express';

const locked = new Set(env.LOCKED_USERS?.split(','));
const signOn = kerberos({
  keytab: env.KEYTAB,
  service: 'HTTP@',
  requireTls: true,
  sessions: { keys: [env.SESSION_KEY], maxAge: 8 * 3600 },
  // For each request: who is locked is out at once, in a session too.
  authorize: ({ principal }) => !locked.has(principal),
  onRefused: (error) => console.error(error.reason, error.text, error.remedies),
});

const app = express();
app.post('/logout', (request, response, next) => {
  signOn.logout(request, response).then(() => response.send('bye'), next);
});
app.use(signOn);
app.get('/', (request, response) => response.send(`Hello ${request.kerberos.principal}`));

const tls = { cert: readFileSync(env.TLS_CERTIFICATE), key: readFileSync(env.TLS_KEY) };
const server = createServer({ ...tls, maxHeaderSize: 81_920 }, app).listen(env.PORT, () => {
  console.log(`listening ${server.address().port}`);
});
