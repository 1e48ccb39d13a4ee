import { describe, expect, it } from 'vitest';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { decodeEncTicketPart } from '../../src/messages/ticket.ts';
import { addRareReaders } from '../../src/pac/buffer-readers.ts';
import { findPac } from '../../src/pac/locate.ts';
import { verifyPac } from '../../src/pac/pac.ts';
import { rareReaders } from '../../src/pac/rare-buffers.ts';
import type { MintTicketOptions } from '../../src/testing/index.ts';
import { mintTicket } from '../../src/testing/index.ts';
import { aesKey } from '../support/pac.ts';
import { makeKeytab, NOW, SERVICE, seededRandom } from '../support/realm-kit.ts';

addRareReaders(rareReaders);

const OTHER = 'HTTP/server.example.test@EXAMPLE.TEST';

function mint(options: Partial<MintTicketOptions> = {}) {
  const keytab = makeKeytab();
  return mintTicket({
    keytab,
    client: 'alice',
    clock: () => NOW,
    random: seededRandom(),
    ...options,
  });
}

describe('a minted ticket', () => {
  it('uses the newest key of the requested service and enctype', () => {
    const keytab = makeKeytab(
      { kvno: 1 },
      { kvno: 3, enctype: 17 },
      { kvno: 2 },
      { principal: OTHER, kvno: 9 },
      { kvno: 10, enctype: 18 },
    );
    const encPartOf = (options: Partial<MintTicketOptions>) =>
      mint({ keytab, ...options }).ticket.encPart;
    expect(encPartOf({ service: SERVICE })).toMatchObject({ kvno: 10, enctype: 18 });
    expect(encPartOf({ enctype: 17 })).toMatchObject({ kvno: 3, enctype: 17 });
    expect(encPartOf({ service: OTHER })).toMatchObject({ kvno: 9, enctype: 18 });
  });

  it('has the requested kvno, or none', () => {
    expect(mint().ticket.encPart.kvno).toBe(1);
    expect(mint({ kvno: 77 }).ticket.encPart.kvno).toBe(77);
    expect(mint({ kvno: null }).ticket.encPart).not.toHaveProperty('kvno');
  });

  it('is not made if the keytab has no fitting key', () => {
    expect(() => mint({ service: 'ftp@' })).toThrow(
      new RangeError('keytab: expected a key of ftp@, got none'),
    );
    for (const options of [{ enctype: 17 }, { keytab: { version: 2, entries: [] } as const }]) {
      expect(() => mint(options)).toThrow(
        new RangeError('keytab: expected a key of any service, got none'),
      );
    }
  });

  it('has a PAC signed with the KDC’s key, if that is given', () => {
    const keytab = makeKeytab();
    const serverKey = keytab.entries[0]!.key;
    const kdcKey = aesKey(9);
    const { ticket } = mint({ keytab, kdcKey, pac: { logonInfo: { effectiveName: 'alice' } } });
    const part = decodeEncTicketPart(serverKey.decrypt(KeyUsage.ticket, ticket.encPart.cipher));
    const bytes = findPac(part.authorizationData)!;
    expect(verifyPac(bytes, part, serverKey, kdcKey).signatures).toEqual({
      server: 'verified',
      kdc: 'verified',
      ticket: 'verified',
      full: 'verified',
    });
    expect(() => verifyPac(bytes, part, serverKey, aesKey(8))).toThrow(/signature does not verify/);
  });
});
