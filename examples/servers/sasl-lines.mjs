// SASL in protocols of lines, such as SMTP, IMAP and POP: messages in base64, and an asterisk that gives up.
const MAX_LINE = 100_000;

/**
 * @param initial - What is behind the mechanism's name, if anything; `=` for an empty message.
 * @param challenge - Sends a challenge.
 * @returns The session, or undefined if the client is not authenticated.
 */
export async function authenticate(reader, exchange, initial, challenge) {
  try {
    let result = await exchange.step(initial === undefined ? undefined : decoded(initial));
    while (result.status === 'continue') {
      challenge(Buffer.from(result.challenge).toString('base64'));
      const line = await reader.line(MAX_LINE);
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

/** Reads a command: the ticket of its first line may be long. */
export async function readWords(reader) {
  return (await reader.line(MAX_LINE)).trim().split(/ +/);
}

function decoded(text) {
  return text === '=' ? Buffer.alloc(0) : Buffer.from(text, 'base64');
}
