import fastify from 'fastify';
import { kerberos } from 'krb5-acceptor/fastify';
import { application, hostname, listening, options, pages, port } from './site.mjs';

const own = {
  unauthorized: () => pages.unauthorized,
  forbidden: () => pages.forbidden,
  unavailable: async () => pages.unavailable,
};
const hello = (request) => application.hello(request.kerberos);
const route = ({ optional, authorize }) => ({
  config: { kerberos: { ...(optional && { optional }), ...(authorize && { authorize }) } },
});

const app = fastify({ bodyLimit: 1_000_000 });
await app.register(kerberos, options['/']);
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.options('*', (_request, reply) => reply.code(204).send());
app.get('/', hello);
app.get('/whoami', (request) => application.whoami(request.kerberos));
app.get('/missing', (request, reply) => {
  reply.code(404);
  return application.missing(request.kerberos);
});
app.get('/wrap', (request) => application.wrap(request.kerberos));
app.get('/slow', (request, reply) => {
  application.slow(request.kerberos);
  return reply.hijack();
});
app.post('/upload', (request) => application.upload(request.kerberos, request.body.length));
app.get('/contexts', { config: { kerberos: false } }, () => application.contexts());
app.get('/admins', route(options['/admins']), hello);
app.get('/guests', route(options['/guests']), hello);
app.get(
  '/pages',
  { config: { kerberos: { ...own, authorize: options['/pages'].authorize } } },
  hello,
);

// Routes with a replay cache or sessions of their own are another server behind this one.
const other = fastify();
await other.register(kerberos, { ...options['/down'], unavailable: own.unavailable });
other.get('/pages/down', hello);
const withSessions = fastify();
await withSessions.register(kerberos, options['/sessions']);
withSessions.get('/sessions', (request) => `${hello(request)} by ${request.kerberos.via}`);
const plain = fastify();
await plain.register(kerberos, options['/down']);
plain.get('/down', hello);
await Promise.all([other.ready(), plain.ready(), withSessions.ready()]);
for (const [path, behind] of [
  ['/pages/down', other],
  ['/down', plain],
  ['/sessions', withSessions],
]) {
  app.get(path, { config: { kerberos: false } }, (request, reply) => {
    reply.hijack();
    behind.routing(request.raw, reply.raw);
  });
}

await app.listen({ port, host: hostname });
listening(app.server);
