import { describe, expect, it } from 'vitest';
import type { Draft } from '../../src/testing/redirect.ts';
import { draftOf, followRedirects } from '../../src/testing/redirect.ts';

const START = 'https://www.example.com/start';

/** The requests after a POST that is answered with a redirect. */
async function afterRedirect(status: number, location: string, method = 'POST'): Promise<Draft> {
  const init = {
    method,
    headers: { Authorization: 'Bearer x', 'Content-Language': 'en', Accept: 'text/plain' },
    ...(method !== 'HEAD' && { body: 'form' }),
  };
  const draft = await draftOf(new Request(START, init));
  let next: Draft | undefined;
  const answer = new Response(null, { status, headers: { Location: location } });
  await followRedirects(draft, answer, async (each) => {
    next = each;
    return new Response('there');
  });
  return next!;
}

describe('redirects', () => {
  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
    [302, 'PUT', 'PUT'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
  ])('of status %i make of a %s a %s', async (status, method, expected) => {
    const next = await afterRedirect(status, '/next?a=1', method);
    expect(next.method).toBe(expected);
    expect(next.url.href).toBe('https://www.example.com/next?a=1');
    expect(next.headers.get('Accept')).toBe('text/plain');
    expect(next.headers.get('Authorization')).toBe('Bearer x');
    const keepsBody = expected !== 'GET' && expected !== 'HEAD';
    expect(next.body === null).toBe(!keepsBody);
    expect(next.headers.has('Content-Language')).toBe(expected !== 'GET');
  });

  it('take no credentials to another origin', async () => {
    const next = await afterRedirect(302, 'https://elsewhere.example/');
    expect(next.headers.has('Authorization')).toBe(false);
  });

  it('end: after 20 of them, without a Location, and with another status', async () => {
    const draft = await draftOf(new Request(START));
    const again = () => new Response(null, { status: 302, headers: { Location: START } });
    let count = 0;
    const endless = followRedirects(draft, again(), async () => {
      count++;
      return again();
    });
    await expect(endless).rejects.toThrow(new TypeError('fetch: expected at most 20 redirects'));
    expect(count).toBe(20);
    for (const answer of [
      new Response(null, { status: 302 }),
      new Response('created', { status: 201, headers: { Location: START } }),
    ]) {
      expect(await followRedirects(draft, answer, async () => again())).toBe(answer);
    }
  });
});
