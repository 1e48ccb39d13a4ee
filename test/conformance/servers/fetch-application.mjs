import { withKerberos } from 'krb5-acceptor/fetch';
import { application, options, pages } from './site.mjs';

const own = {
  unauthorized: () => new Response(pages.unauthorized),
  forbidden: async () => new Response(pages.forbidden),
  unavailable: () => new Response(pages.unavailable),
};

async function answer(request, client) {
  if (request.method === 'OPTIONS') return new Response(null, { status: 204 });
  const { identity } = client;
  switch (new URL(request.url).pathname) {
    case '/whoami':
      return new Response(application.whoami(identity));
    case '/missing':
      return new Response(application.missing(identity), { status: 404 });
    case '/wrap':
      return new Response(application.wrap(identity, client.context));
    case '/slow':
      return await application.slow(identity, client.context);
    case '/upload':
      return new Response(application.upload(identity, (await request.arrayBuffer()).byteLength));
    case '/sessions':
      return new Response(`${application.hello(identity)} by ${client.via}`);
    default:
      return new Response(application.hello(identity));
  }
}

const signOn = new Map(
  Object.entries(options).map(([path, one]) => [
    path,
    withKerberos(answer, path.startsWith('/pages') ? { ...one, ...own } : one),
  ]),
);

/** A handler for every server with Request and Response. */
export async function handler(request) {
  const path = new URL(request.url).pathname;
  if (path === '/contexts') return new Response(application.contexts());
  return await (signOn.get(path) ?? signOn.get('/'))(request);
}
