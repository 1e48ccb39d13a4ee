/**
 * Single sign-on once, then a session of @fastify/secure-session, which keeps it in a sealed cookie.
 *
 *   KEYTAB=/etc/krb5.keytab SESSION_KEY=… TLS_CERTIFICATE=… TLS_KEY=… PORT=8443 node fastify-secure-session.mjs
 *
 * SESSION_KEY is 32 random bytes in hex: openssl rand -hex 32.
 */
import { readFileSync } from 'node:fs';
import { env } from 'node:process';
import secureSession from '@fastify/secure-session';
import fastify from 'fastify';
import { kerberos } from 'krb5-acceptor/node';

const https = { cert: readFileSync(env.TLS_CERTIFICATE), key: readFileSync(env.TLS_KEY) };
const app = fastify({ https: { ...https, maxHeaderSize: 81_920 } });
const signOn = kerberos({ keytab: env.KEYTAB, service: 'HTTP@', requireTls: true });

await app.register(secureSession, {
  key: Buffer.from(env.SESSION_KEY, 'hex'),
  cookieName: '__Host-session',
  cookie: { path: '/', secure: true, httpOnly: true, sameSite: 'lax' },
});

/** Lets in who has signed on in this session and whose ticket is still valid; asks others for a ticket. */
async function signedOn(request, reply) {
  const user = request.session.get('user');
  if (user !== undefined && Date.parse(user.expiresAt) > Date.now()) return;
  const client = await signOn(request.raw, reply.raw);
  if (client === undefined) {
    // The request has been answered: 401, 403 or 503.
    reply.hijack();
    return;
  }
  // Nothing that the browser brought goes on: somebody else may have put it there.
  request.session.regenerate();
  // Cookies are small: without the groups.
  const { principal, expiresAt } = client.identity;
  request.session.set('user', { principal, expiresAt });
}

app.get('/basket', async (request) => {
  request.session.set('basket', (request.session.get('basket') ?? 0) + 1);
  return `${request.session.get('basket')} in the basket`;
});
app.get('/', { onRequest: signedOn }, async (request) => {
  return `Hello ${request.session.get('user').principal}`;
});
app.post('/logout', async (request) => {
  request.session.delete();
  return 'bye';
});

await app.listen({ port: Number(env.PORT) });
console.log(`listening ${app.server.address().port}`);
