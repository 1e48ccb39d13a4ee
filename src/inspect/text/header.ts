/** Authentication headers in pasted text: alone, in a request, or in the output of curl. */

/** A header with credentials. */
export interface Header {
  /** As written; empty if only the value was pasted. */
  readonly name: string;
  readonly scheme: string;
  /** What follows the scheme, lines joined. */
  readonly credentials: string;
  /** The value as an acceptor gets it, lines joined. */
  readonly value: string;
  /** Whether a client sends it; a server otherwise. */
  readonly fromClient: boolean;
  readonly problems: readonly string[];
}

/** All authentication headers of a text, in its order. */
export function findHeaders(text: string): Header[] {
  const lines = text.split(/\r?\n/);
  const headers: Header[] = [];
  for (let i = 0; i < lines.length && headers.length < MAX_HEADERS; i++) {
    const match = HEADER.exec(lines[i]!);
    if (match === null) continue;
    const [, name = '', scheme, rest = ''] = match as unknown as [
      string,
      string?,
      string?,
      string?,
    ];
    // An empty value, or a value without the name in other text, is nothing to look at.
    if (scheme === undefined) continue;
    let credentials = clean(rest);
    const problems: string[] = [];
    const first = i;
    // Mails and terminals wrap long lines; a server refuses a header that is folded (RFC 9112 §5.2).
    while (i + 1 < lines.length && CONTINUATION.test(lines[i + 1]!) && credentials !== '') {
      credentials += lines[++i]!.trim();
    }
    if (i > first) problems.push(`wrapped over ${i - first + 1} lines, joined here`);
    const value = credentials === '' ? scheme : `${scheme} ${credentials}`;
    const fromClient = !/authenticate|authentication-info/i.test(name);
    headers.push({ name, scheme, credentials, value, fromClient, problems });
  }
  return headers;
}

/** Without quotation marks around a command line's argument. */
function clean(rest: string): string {
  const trimmed = rest.trim();
  let end = trimmed.length;
  while (end > 0 && `"'\`,;\\ `.includes(trimmed[end - 1]!)) end--;
  return trimmed.slice(0, end);
}

// curl marks lines with > and <, browsers' tools write names in lower case.
const HEADER =
  /^[\s>|<*$"'`-]*(?:H\s*["'])?(?:((?:proxy-)?authorization|(?:www|proxy)-authenticate|(?:proxy-)?authentication-info)\s*:\s*)?["'`]?(negotiate|kerberos|ntlm|basic|bearer|digest|dpop)(?:\s+(.*)|["'`,\s]*)$/is;
// Base64 on a line of its own.
const CONTINUATION = /^\s*[A-Za-z0-9+/_-]{8,}={0,2}["'`]?\s*$/;
const MAX_HEADERS = 256;
