/** Requests that are sent more than once, and redirects (the Fetch standard, HTTP-redirect fetch). */

/** The parts of a request; a `Request` object can be sent only once. */
export interface Draft {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: ArrayBuffer | null;
  readonly signal: AbortSignal;
}

/** Takes a request apart. Its body is read. */
export async function draftOf(request: Request): Promise<Draft> {
  const { url, method, headers, signal } = request;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const body = hasBody ? await request.arrayBuffer() : null;
  return { url: new URL(url), method, headers, signal, body };
}

/**
 * Follows redirects, which a server under test makes after a sign-on.
 *
 * @param open - Sends a request, and signs on where its origin is that of the first.
 * @throws TypeError after 20 redirects, as `fetch` does.
 */
export async function followRedirects(
  first: Draft,
  answer: Response,
  open: (draft: Draft) => Promise<Response>,
): Promise<Response> {
  let draft: Draft | undefined = first;
  let response = answer;
  for (let count = 0; ; count++) {
    draft = redirected(draft, response);
    if (draft === undefined) return response;
    if (count === MAX_REDIRECTS) throw new TypeError('fetch: expected at most 20 redirects');
    await response.arrayBuffer();
    response = await open(draft);
  }
}

function redirected(draft: Draft, { status, headers }: Response): Draft | undefined {
  const location = REDIRECTS.includes(status) ? headers.get('Location') : null;
  if (location === null) return undefined;
  const url = new URL(location, draft.url);
  const changed = new Headers(draft.headers);
  // RFC 9110 §15.4: headers for one server are not sent to another.
  if (url.origin !== draft.url.origin) changed.delete('Authorization');
  const becomesGet =
    (status === 303 && draft.method !== 'HEAD') ||
    ((status === 301 || status === 302) && draft.method === 'POST');
  if (!becomesGet) return { ...draft, url, headers: changed };
  for (const name of [...changed.keys()]) {
    if (name.startsWith('content-')) changed.delete(name);
  }
  return { ...draft, url, headers: changed, method: 'GET', body: null };
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 20;
