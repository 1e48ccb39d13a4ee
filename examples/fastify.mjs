import fastify from 'fastify';
import { kerberos } from 'krb5-acceptor/fastify';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const app = fastify();
await app.register(kerberos, { keytab: KEYTAB, service: SERVICE });
app.get('/', (request) => `Hello ${request.kerberos.principal}\n`);
await app.listen({ port: Number(PORT), host: 'localhost' });
