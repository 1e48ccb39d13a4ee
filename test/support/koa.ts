/** Koa without its types, which do not compile beside those of the other frameworks. */
import type { RequestListener } from 'node:http';
import type { KoaContext } from '../../src/adapters/koa.ts';

interface Application {
  use(middleware: (ctx: KoaContext, next: () => Promise<unknown>) => unknown): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  callback(): RequestListener;
}

const name = 'koa';
const koa = (await import(name)) as { readonly default: new () => Application };

export const Koa: new () => Application = koa.default;
