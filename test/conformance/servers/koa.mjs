import Koa from 'koa';
import { kerberos } from 'krb5-acceptor/koa';
import { application, hostname, listening, options, pages, port } from './site.mjs';

const own = {
  unauthorized: (ctx) => {
    ctx.body = pages.unauthorized;
  },
  forbidden: (ctx) => {
    ctx.body = pages.forbidden;
  },
  unavailable: (ctx) => {
    ctx.body = pages.unavailable;
  },
};
const signOn = new Map(
  Object.entries(options).map(([path, one]) => [
    path,
    kerberos(path.startsWith('/pages') ? { ...one, ...own } : one),
  ]),
);

const app = new Koa();
app.silent = true;
app.use(async (ctx, next) => {
  if (ctx.path === '/contexts') ctx.body = application.contexts();
  else await (signOn.get(ctx.path) ?? signOn.get('/'))(ctx, next);
});
app.use(async (ctx) => {
  const client = ctx.state.kerberos;
  if (ctx.method === 'OPTIONS') ctx.status = 204;
  else if (ctx.path === '/whoami') ctx.body = application.whoami(client);
  else if (ctx.path === '/missing') ctx.throw(404, application.missing(client));
  else if (ctx.path === '/sessions') ctx.body = `${application.hello(client)} by ${client.via}`;
  else if (ctx.path === '/wrap') ctx.body = application.wrap(client);
  else if (ctx.path === '/upload') {
    let size = 0;
    for await (const chunk of ctx.req) size += chunk.length;
    ctx.body = application.upload(client, size);
  } else if (ctx.path === '/slow') {
    await application.slow(client);
  } else ctx.body = application.hello(client);
});

const server = app.listen(port, hostname, () => listening(server));
