import { kerberos } from 'krb5-acceptor/node';
import { application, options, pages } from './site.mjs';

const own = {
  unauthorized: (_request, response) => response.end(pages.unauthorized),
  forbidden: (_request, response) => response.end(pages.forbidden),
  unavailable: (_request, response) => response.end(pages.unavailable),
};
const signOn = new Map(
  Object.entries(options).map(([path, one]) => [
    path,
    kerberos(path.startsWith('/pages') ? { ...one, ...own } : one),
  ]),
);

/** A listener for every server of Node.js. */
export async function greet(request, response) {
  const path = request.url;
  if (path === '/contexts') return response.end(application.contexts());
  const admitted = await (signOn.get(path) ?? signOn.get('/'))(request, response);
  if (admitted === undefined) return;
  if (request.method === 'OPTIONS') return response.writeHead(204).end();
  const { identity, context } = admitted;
  switch (path) {
    case '/whoami':
      return response.end(application.whoami(identity));
    case '/missing':
      return response.writeHead(404).end(application.missing(identity));
    case '/wrap':
      return response.end(application.wrap(identity, context));
    case '/sessions':
      return response.end(`${application.hello(identity)} by ${admitted.via}`);
    case '/slow':
      return application.slow(identity, context);
    case '/upload': {
      let size = 0;
      for await (const chunk of request) size += chunk.length;
      return response.end(application.upload(identity, size));
    }
    default:
      return response.end(application.hello(identity));
  }
}
