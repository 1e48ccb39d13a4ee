import { createServer } from 'node:http';
import { kerberos } from 'krb5-acceptor/node';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const signOn = kerberos({ keytab: KEYTAB, service: SERVICE });
createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
  const client = await signOn(request, response);
  if (client !== undefined) response.end(`Hello ${client.identity?.principal}\n`);
}).listen(PORT);
