import { Hono } from 'hono';
import { kerberos } from 'krb5-acceptor/hono';
import { application, options, pages } from './site.mjs';

const own = {
  unauthorized: (c) => c.text(pages.unauthorized),
  forbidden: (c) => c.text(pages.forbidden),
  unavailable: (c) => c.text(pages.unavailable),
};
const hello = (c) => c.text(application.hello(c.get('kerberos')));

export const app = new Hono();
app.get('/contexts', (c) => c.text(application.contexts()));
for (const path of ['/admins', '/guests', '/down']) app.get(path, kerberos(options[path]), hello);
for (const path of ['/pages', '/pages/down']) {
  app.get(path, kerberos({ ...options[path], ...own }), hello);
}
app.get('/sessions', kerberos(options['/sessions']), (c) => {
  const client = c.get('kerberos');
  return c.text(`${application.hello(client)} by ${client.via}`);
});

app.use(kerberos(options['/']));
app.options('*', (c) => c.body(null, 204));
app.get('/', hello);
app.get('/whoami', (c) => c.text(application.whoami(c.get('kerberos'))));
app.get('/missing', (c) => c.text(application.missing(c.get('kerberos')), 404));
app.get('/wrap', (c) => c.text(application.wrap(c.get('kerberos'))));
app.get('/slow', (c) => application.slow(c.get('kerberos')));
app.post('/upload', async (c) => {
  const { byteLength } = await c.req.arrayBuffer();
  return c.text(application.upload(c.get('kerberos'), byteLength));
});
