import express from 'express';
import { kerberos } from 'krb5-acceptor/express';
import passport, { Strategy } from 'passport';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;

/** `verify(client, done)` finds the application's own user. */
class KerberosStrategy extends Strategy {
  name = 'kerberos';

  constructor(options, verify) {
    super();
    this.signOn = kerberos(options);
    this.verify = verify;
  }

  authenticate(request) {
    const done = (error, user) => {
      if (error) this.error(error);
      else if (user) this.success(user);
      else this.fail(403);
    };
    // The middleware answers those who must not pass, with its own challenge.
    this.signOn(request, request.res, (error) => {
      if (error) this.error(error);
      else this.verify(request.kerberos, done);
    });
  }
}

passport.use(
  new KerberosStrategy({ keytab: KEYTAB, service: SERVICE }, (client, done) => {
    done(null, { id: client.sid ?? client.principal, name: client.name });
  }),
);
const app = express();
app.use(passport.authenticate('kerberos', { session: false }));
app.get('/', (request, response) => response.send(`Hello ${request.user.name}\n`));
app.listen(PORT);
