import express from 'express';
import { kerberos } from 'krb5-acceptor/express';
import { application, hostname, listening, options, pages, port } from './site.mjs';

const app = express();
const own = {
  unauthorized: (_request, response) => response.send(pages.unauthorized),
  forbidden: (_request, response) => response.send(pages.forbidden),
  unavailable: (_request, response) => response.send(pages.unavailable),
};
const hello = (request, response) => response.send(application.hello(request.kerberos));

app.get('/contexts', (_request, response) => response.send(application.contexts()));
for (const path of ['/admins', '/guests', '/down']) app.get(path, kerberos(options[path]), hello);
for (const path of ['/pages', '/pages/down']) {
  app.get(path, kerberos({ ...options[path], ...own }), hello);
}
app.get('/sessions', kerberos(options['/sessions']), (request, response) => {
  response.send(`${application.hello(request.kerberos)} by ${request.kerberos.via}`);
});

app.use(kerberos(options['/']));
app.options('/{*path}', (_request, response) => response.sendStatus(204));
app.get('/', hello);
app.get('/whoami', (request, response) => response.send(application.whoami(request.kerberos)));
app.get('/missing', (request, response) => {
  response.status(404).send(application.missing(request.kerberos));
});
app.get('/wrap', (request, response) => response.send(application.wrap(request.kerberos)));
app.get('/slow', (request) => application.slow(request.kerberos));
app.post('/upload', express.raw({ type: () => true, limit: '1mb' }), (request, response) => {
  response.send(application.upload(request.kerberos, request.body.length));
});

const server = app.listen(port, hostname, () => listening(server));
