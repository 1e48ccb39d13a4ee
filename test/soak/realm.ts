/** A throw-away realm in a directory of its own, and the tickets of its clients. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EncryptionKey } from '../../src/crypto/key.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { formatKeytab, parseKeytab } from '../../src/keytab/keytab.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';
import { nodeCrypto } from '../../src/node/crypto.ts';
import { systemRandom } from '../../src/random.ts';
import type { Initiator, InitiatorOptions, MintedTicket } from '../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';

export const ENCTYPES: readonly number[] = [17, 18, 19, 20];

/** What the clients need of it: may be sent to another process. */
export interface Credentials {
  readonly keytab: Keytab;
  readonly tickets: ReadonlyMap<number, MintedTicket>;
}

export class SoakRealm {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'krb5-acceptor-soak-'));
  readonly keytabPath: string = join(this.directory, 'keytab');

  constructor() {
    const principal = parsePrincipal('host/localhost@SOAK.TEST');
    const entries = ENCTYPES.map((enctype) => ({
      principal,
      kvno: 1,
      timestamp: 0,
      key: EncryptionKey.generate(enctype, systemRandom),
    }));
    writeFileSync(this.keytabPath, formatKeytab({ version: 2, entries }), { mode: 0o600 });
    writeFileSync(join(this.directory, 'krb5.conf'), '[libdefaults]\ndefault_realm = SOAK.TEST\n');
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}

/** A ticket of each enctype, for a client of this name. */
export function credentialsOf(keytabBytes: Uint8Array, client: string): Credentials {
  // Clients take what is fastest: the machine is to be the server's.
  const keytab = parseKeytab(keytabBytes, { crypto: nodeCrypto });
  const tickets = ENCTYPES.map((enctype): [number, MintedTicket] => {
    return [enctype, mintTicket({ keytab, client, enctype })];
  });
  return { keytab, tickets: new Map(tickets) };
}

export function initiatorOf(
  { tickets }: Credentials,
  enctype: number,
  options: Partial<InitiatorOptions> = {},
): Initiator {
  return createInitiator({ ticket: tickets.get(enctype)!, ...options });
}
