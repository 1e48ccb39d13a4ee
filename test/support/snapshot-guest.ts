/**
 * What is frozen: an acceptor that has served one client. Each clone serves another one, and prints
 * what it shares with the others.
 */
import { startupSnapshot } from 'node:v8';
import { toHex } from '../../src/bytes.ts';
import {
  acquireCredential,
  createAcceptor,
  EncryptionKey,
  parsePrincipal,
} from '../../src/index.ts';
import { systemRandom } from '../../src/random.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';

const MESSAGE = new Uint8Array(100);

/** What one clone found. */
export interface Clone {
  readonly subkey: string;
  /** Of its first token. */
  readonly sequenceNumber: string;
  /** What the runtime's generator gave, call by call, while the client was served. */
  readonly drawn: readonly string[];
}

async function main(): Promise<void> {
  const principal = parsePrincipal('host/server.example.test@EXAMPLE.TEST');
  const key = EncryptionKey.generate(18, systemRandom);
  const keytab = { version: 2 as const, entries: [{ principal, kvno: 1, timestamp: 0, key }] };
  const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });

  async function serve(client: string): Promise<Clone> {
    const initiator = createInitiator({ ticket: mintTicket({ keytab, client }) });
    const token = initiator.begin();
    const drawn: string[] = [];
    const real = crypto.getRandomValues.bind(crypto);
    crypto.getRandomValues = (target) => {
      real(target);
      drawn.push(toHex(target as unknown as Uint8Array));
      return target;
    };
    const result = await acceptor.begin().accept(token);
    if (result.status !== 'complete') throw new Error('not complete', { cause: result });
    const sealed = result.context.wrap(MESSAGE);
    crypto.getRandomValues = real;
    return {
      subkey: toHex(result.context.sessionKey.bytes()),
      // RFC 4121 §4.2.6.2: SND_SEQ.
      sequenceNumber: toHex(sealed.subarray(8, 16)),
      drawn,
    };
  }

  await serve('warmer');
  startupSnapshot.setDeserializeMainFunction(() => {
    serve('alice').then(
      (clone) => console.log(JSON.stringify(clone)),
      (error: unknown) => {
        console.error(error);
        process.exitCode = 1;
      },
    );
  });
}

void main();
