/** npm's `kerberos`, a native addon over MIT krb5, as a contender. It can do accepts only. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Figures } from '../protocol.ts';
import { decodeItems, encodeFigures, Operation } from '../protocol.ts';
import { HOST_BASED_SERVICE } from '../realm.ts';
import { cpuSince, serveRequests } from './serve.ts';

interface KerberosServer {
  readonly contextComplete: boolean;
  step(challenge: string): Promise<string>;
}

interface Kerberos {
  initializeServer(service: string): Promise<KerberosServer>;
}

const [folder = ''] = process.argv.slice(2);
const kerberos = createRequire(join(folder, 'package.json'))('kerberos') as Kerberos;

await serveRequests(async (operation, payload) => {
  switch (operation) {
    case Operation.keytab:
      process.env.KRB5_KTNAME = Buffer.from(payload).toString();
      return new Uint8Array();
    case Operation.accept:
      return encodeFigures(await acceptAll(decodeItems(payload)));
    default:
      throw new Error(`unknown operation ${operation}`);
  }
});

async function acceptAll(tokens: readonly Uint8Array[]): Promise<Figures> {
  // As they come in HTTP headers; the conversion is not counted.
  const challenges = tokens.map((token) => Buffer.from(token).toString('base64'));
  const samples: number[] = [];
  const before = process.cpuUsage();
  for (const challenge of challenges) {
    const start = performance.now();
    const server = await kerberos.initializeServer(HOST_BASED_SERVICE);
    await server.step(challenge);
    samples.push((performance.now() - start) * 1e6);
    if (!server.contextComplete) throw new Error('not accepted');
  }
  return { cpu: cpuSince(before), samples };
}
