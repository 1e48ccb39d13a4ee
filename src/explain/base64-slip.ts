/** Finds out how a text that should be base64 was altered. */

/** Why a text is not base64 (RFC 4648 §4). Nothing of the text itself is in it. */
export interface Base64Slip {
  /** A clause, as in "the text is not base64: …". */
  readonly problem: string;
  /** Index of the character in question; absent if it is the whole text. */
  readonly at?: number;
  /** What to do. */
  readonly remedy: string;
}

/** @param text - A text that no decoder of base64 accepts. */
export function findBase64Slip(text: string): Base64Slip {
  const second = text.search(/negotiate\b/i);
  if (second >= 0) {
    return slip(
      'it has a second "Negotiate"',
      second,
      'write the scheme once in front of the token',
    );
  }
  const odd = text.search(/[^A-Za-z0-9+/=]/);
  if (odd >= 0) return oddCharacter(text.charCodeAt(odd), odd);
  const end = text.replace(/=+$/, '').length;
  const inside = text.slice(0, end).indexOf('=');
  if (inside >= 0) {
    return slip('it goes on after =, where base64 ends', inside, 'send one token: two were joined');
  }
  if (end % 4 === 1) {
    return {
      problem: `it was cut: ${end} characters are no whole number of bytes`,
      remedy: 'raise the limits on header length of proxies in front (large_client_header_buffers)',
    };
  }
  const missing = (4 - (end % 4)) % 4;
  if (text.length - end !== missing) {
    return {
      problem:
        text.length - end < missing
          ? `= is missing at its end (${missing} expected, ${text.length - end} found)`
          : `it has too many = at its end (${missing} expected, ${text.length - end} found)`,
      remedy: 'have the client write base64 with padding, or look for what cuts the header',
    };
  }
  return {
    problem: 'its last character has bits that belong to no byte',
    remedy: 'look for what cuts or alters the header between client and server',
  };
}

function oddCharacter(code: number, at: number): Base64Slip {
  switch (String.fromCharCode(code)) {
    case '-':
    case '_':
      return slip(
        'it has the alphabet of base64url (- and _ for + and /)',
        at,
        'have the client write base64 (RFC 4648 §4), not base64url',
      );
    case ',':
      return slip(
        'it has a comma',
        at,
        'send one Authorization header: a proxy or the client has joined two',
      );
    case '"':
    case "'":
      return slip('it has a quotation mark', at, 'write the token without quotation marks');
    case '%':
      return slip('it is percent-encoded', at, 'write the token as it is: a header is no URL');
    case ' ':
    case '\t':
    case '\r':
    case '\n':
      return slip(
        'it has a blank or a line break',
        at,
        'write base64 in one line (base64 -w0; Base64.NO_WRAP); ' +
          'a blank in place of + was made by a decoder of forms',
      );
    default:
      return slip(
        code > 0x7e || code < 0x20
          ? 'it has a character that is not printable ASCII'
          : 'it has a character that is not base64',
        at,
        'look for a proxy or a client that rewrites Authorization headers',
      );
  }
}

function slip(problem: string, index: number, remedy: string): Base64Slip {
  return { problem, at: index, remedy };
}
