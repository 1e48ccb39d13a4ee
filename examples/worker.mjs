// A worker at the edge has no files: KEYTAB is a secret, the base64 of a keytab file.
import { withKerberos } from 'krb5-acceptor/fetch';

const greet = (_request, { identity }) => new Response(`Hello ${identity?.principal}\n`);
let signOn;

export default {
  fetch(request, env, context) {
    signOn ??= withKerberos(greet, { keytab: env.KEYTAB, service: env.SERVICE });
    return signOn(request, env, context);
  },
};
