import { H3, serve } from 'h3';
import { withKerberos } from 'krb5-acceptor/fetch';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const app = new H3();
app.get('/', (event) => `Hello ${event.context.kerberos.principal}\n`);
const signOn = withKerberos(
  (request, { identity }) => app.request(request, undefined, { kerberos: identity }),
  { keytab: KEYTAB, service: SERVICE },
);
serve({ fetch: (request) => signOn(request) }, { port: Number(PORT) });
