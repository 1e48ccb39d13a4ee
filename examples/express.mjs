import express from 'express';
import { kerberos } from 'krb5-acceptor/express';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const app = express();
app.use(kerberos({ keytab: KEYTAB, service: SERVICE }));
app.get('/', (request, response) => response.send(`Hello ${request.kerberos.principal}\n`));
app.listen(PORT);
