// SASL in protocols of lines, such as SMTP, IMAP and POP: messages in base64, and an asterisk that gives up.

/** The longest line: with a ticket for a user in many groups. */
export const MAX_LINE = 100_000;

/**
 * @param exchange - Ended with the connection, or here.
 * @param initial - What is behind the mechanism's name, if anything; `=` for an empty message.
 * @param ask - Sends a challenge, and resolves with the client's line.
 * @returns The session, or undefined if the client is not authenticated.
 */
export async function authenticate(exchange, initial, ask) {
  try {
    let result = await exchange.step(initial === undefined ? undefined : decoded(initial));
    while (result.status === 'continue') {
      const line = await ask(Buffer.from(result.challenge).toString('base64'));
      if (line === '*') return undefined;
      result = await exchange.step(decoded(line));
    }
    if (result.status === 'complete') return result.session;
    console.error(result.error.reason, result.error.hint);
    return undefined;
  } finally {
    exchange.abort();
  }
}

function decoded(text) {
  return text === '=' ? Buffer.alloc(0) : Buffer.from(text, 'base64');
}
