/** The plugin of Fastify: what only it has. test/conformance has the rest. */
import type { FastifyInstance } from 'fastify';
import fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { kerberos } from '../../src/adapters/fastify.ts';
import { makeServiceKeytab, SERVICE, User } from '../conformance/user.ts';

const keytab = makeServiceKeytab();
const options = { keytab, service: SERVICE, onRefused: () => {}, onWarning: () => {} };
/** An object for each route: two of them would not show which one the plugin knows. */
const nobody = () => ({ config: { kerberos: { authorize: () => false } } });
const invalid = { config: { kerberos: { authorise: () => false } as object } };

function addRoutes(app: FastifyInstance): void {
  app.get('/strict', nobody(), () => 'entered');
  app.get('/plain', () => 'entered');
  app.get('/open', { config: { kerberos: false } }, () => 'entered');
  app.register(async (child) => {
    child.get('/child', nobody(), () => 'entered');
  });
}

async function statuses(app: FastifyInstance): Promise<Record<string, number>> {
  onTestFinished(() => app.close());
  const found: Record<string, number> = {};
  for (const url of ['/strict', '/child', '/plain', '/open']) {
    for (const method of ['GET', 'HEAD'] as const) {
      const { authorization } = new User(keytab, 'alice').signOn();
      const headers = url === '/open' ? {} : { authorization };
      const { statusCode } = await app.inject({ url, method, headers });
      found[`${method} ${url}`] = statusCode;
    }
  }
  return found;
}

const EXPECTED = {
  'GET /strict': 403,
  'HEAD /strict': 403,
  'GET /child': 403,
  'HEAD /child': 403,
  'GET /plain': 200,
  'HEAD /plain': 200,
  'GET /open': 200,
  'HEAD /open': 200,
};

it('a route has its own options: added after the plugin', async () => {
  const app = fastify();
  await app.register(kerberos, options);
  addRoutes(app);
  expect(await statuses(app)).toEqual(EXPECTED);
});

it('and before it', async () => {
  const app = fastify();
  addRoutes(app);
  await app.register(kerberos, options);
  expect(await statuses(app)).toEqual(EXPECTED);
});

it('and while it is being loaded', async () => {
  const app = fastify();
  app.register(kerberos, options);
  addRoutes(app);
  expect(await statuses(app)).toEqual(EXPECTED);
});

it('a route whose options are invalid is not added, or lets nobody in', async () => {
  const app = fastify();
  app.get('/before', invalid, () => 'entered');
  await app.register(kerberos, options);
  expect(() => app.get('/after', invalid, () => 'entered')).toThrow('authorise');
  onTestFinished(() => app.close());
  const { authorization } = new User(keytab, 'alice').signOn();
  const answer = await app.inject({ url: '/before', headers: { authorization } });
  expect(answer.statusCode).toBe(500);
  expect(answer.body).not.toContain('entered');
});
