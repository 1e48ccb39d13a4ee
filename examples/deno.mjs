// deno run --allow-read --allow-env --allow-net examples/deno.mjs
import { withKerberos } from 'krb5-acceptor/fetch';

const signOn = withKerberos(
  (_request, { identity }) => new Response(`Hello ${identity?.principal}\n`),
  {
    keytab: Deno.env.get('KEYTAB'),
    service: Deno.env.get('SERVICE'),
  },
);
await signOn.ready;
Deno.serve({ port: Number(Deno.env.get('PORT') ?? 8080) }, (request) => signOn(request));
