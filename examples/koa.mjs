import Koa from 'koa';
import { kerberos } from 'krb5-acceptor/koa';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const app = new Koa();
app.use(kerberos({ keytab: KEYTAB, service: SERVICE }));
app.use((ctx) => {
  ctx.body = `Hello ${ctx.state.kerberos.principal}\n`;
});
app.listen(PORT);
