// src/hooks.server.js of SvelteKit
import { withKerberos } from 'krb5-acceptor/fetch';

const { KEYTAB, SERVICE } = process.env;

const signOn = withKerberos(
  (_request, { identity }, event, resolve) => {
    event.locals.kerberos = identity;
    return resolve(event);
  },
  { keytab: KEYTAB, service: SERVICE },
);

export const handle = ({ event, resolve }) => signOn(event.request, event, resolve);
