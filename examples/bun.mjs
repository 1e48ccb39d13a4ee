// bun examples/bun.mjs
import { withKerberos } from 'krb5-acceptor/fetch';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const signOn = withKerberos(
  (_request, { identity }) => new Response(`Hello ${identity?.principal}\n`),
  {
    keytab: KEYTAB,
    service: SERVICE,
  },
);
await signOn.ready;
Bun.serve({ port: Number(PORT), fetch: (request) => signOn(request) });
