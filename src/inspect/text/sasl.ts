/** Tokens of SASL in pasted text: commands of SMTP, IMAP, POP3 and others, and elements of XMPP. */

/** A token as a protocol writes it. */
export interface SaslLine {
  /** The command or element: `AUTH GSSAPI`, `<response>`. */
  readonly label: string;
  readonly clause: string;
  /** Base64. */
  readonly credentials: string;
}

/** All tokens of SASL in a text, in its order. */
export function findSasl(text: string): SaslLine[] {
  const elements = [...text.matchAll(ELEMENT)].map(([, name = '', credentials = '']) => ({
    label: `<${name}>`,
    clause: 'RFC 6120 §6.4',
    credentials,
  }));
  return elements.length > 0 ? elements : commands(text.split(/\r?\n/));
}

function commands(lines: readonly string[]): SaslLine[] {
  const found: SaslLine[] = [];
  let hasBegun = false;
  for (const line of lines) {
    const [, command, first] = COMMAND.exec(line) ?? [];
    // The lines that follow are base64 alone, or behind a reply of the server.
    const credentials = command === undefined && hasBegun ? FOLLOWING.exec(line)?.[1] : first;
    hasBegun ||= command !== undefined;
    if (credentials === undefined || found.length >= MAX_LINES) continue;
    found.push({ label: command ?? 'SASL', clause: 'RFC 4422 §4', credentials });
  }
  return found;
}

// RFC 4954 §4, RFC 9051 §6.2.2 with a tag before it, RFC 5034 §4; traces mark lines with C: and S:.
const COMMAND =
  /^\s*(?:[CS<>]:?\s+)?(?:\S{1,32}\s+)?(AUTH(?:ENTICATE)?\s+(?:GSSAPI|GSS-SPNEGO|GS2-KRB5(?:-PLUS)?))(?:\s+([\w+/-]{8,}={0,2}))?\s*$/i;
const FOLLOWING = /^\s*(?:[CS<>]:?\s+)?(?:(?:334|235|\+)\s+)?([\w+/-]{8,}={0,2})\s*$/;
const ELEMENT = /<(auth|challenge|response|success)\b[^<>]*>\s*([\w+/=-]{8,})\s*<\//gi;
const MAX_LINES = 64;
