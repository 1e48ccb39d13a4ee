/**
 * Single sign-on once, then a session of express-session, which may hold more than an identity.
 *
 *   KEYTAB=/etc/krb5.keytab SESSION_SECRET=… TLS_CERTIFICATE=… TLS_KEY=… PORT=8443 node express-session.mjs
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { env } from 'node:process';
import express from 'express';
import session from 'express-session';
import { kerberos } from 'krb5-acceptor/express';

const app = express();
const signOn = kerberos({ keytab: env.KEYTAB, service: 'HTTP@', requireTls: true });
const name = '__Host-session';
const cookie = { secure: true, httpOnly: true, sameSite: 'lax' };

// The default store is for development: it keeps sessions in memory, and forgets none.
app.use(
  session({ name, cookie, secret: env.SESSION_SECRET, resave: false, saveUninitialized: false }),
);

/** Lets in who has signed on in this session and whose ticket is still valid; asks others for a ticket. */
function signedOn(request, response, next) {
  const { user } = request.session;
  if (user !== undefined && Date.parse(user.expiresAt) > Date.now()) return next();
  return signOn(request, response, (error) => {
    if (error) return next(error);
    // Another session than the one that the browser brought: somebody else may know the name of that.
    return request.session.regenerate((failure) => {
      if (failure) return next(failure);
      // JSON of it has the identity alone.
      request.session.user = request.kerberos;
      return next();
    });
  });
}

app.get('/basket', (request, response) => {
  request.session.basket = (request.session.basket ?? 0) + 1;
  response.send(`${request.session.basket} in the basket`);
});
app.get('/', signedOn, (request, response) => {
  response.send(`Hello ${request.session.user.principal}`);
});
app.post('/logout', (request, response, next) => {
  request.session.destroy((failure) => {
    if (failure) return next(failure);
    return response.clearCookie(name, cookie).send('bye');
  });
});

const tls = { cert: readFileSync(env.TLS_CERTIFICATE), key: readFileSync(env.TLS_KEY) };
const server = createServer({ ...tls, maxHeaderSize: 81_920 }, app).listen(env.PORT, () => {
  console.log(`listening ${server.address().port}`);
});
