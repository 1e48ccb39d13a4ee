// app/api/greeting/route.js of Next
import { withKerberos } from 'krb5-acceptor/fetch';

const { KEYTAB, SERVICE } = process.env;

export const GET = withKerberos(
  (_request, { identity }) => new Response(`Hello ${identity?.principal}\n`),
  { keytab: KEYTAB, service: SERVICE },
);
