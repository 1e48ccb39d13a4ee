import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { kerberos } from 'krb5-acceptor/hono';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const app = new Hono();
app.use(kerberos({ keytab: KEYTAB, service: SERVICE }));
app.get('/', (c) => c.text(`Hello ${c.get('kerberos').principal}\n`));
// Tickets of users in many groups need long headers. Deno and Bun take `app` itself.
serve({ fetch: app.fetch, port: Number(PORT), serverOptions: { maxHeaderSize: 81_920 } });
