import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { importSecurityContext } from '../../src/index.ts';
import type { DomainTicket, DomainTickets } from '../support/domain-ticket.ts';
import {
  acceptDomainTicket,
  domainGroups,
  domainKeytab,
  verifyDomainPac,
} from '../support/domain-ticket.ts';

const url = new URL('../../fixtures/samba/tickets.json', import.meta.url);
const fixture = JSON.parse(readFileSync(url, 'utf8')) as DomainTickets;
const keytab = domainKeytab(fixture.keytab);
const kdcKeytab = domainKeytab(fixture.kdcKeytab);

describe('recorded tickets of a domain on Samba', () => {
  it('are of users with few, 47 and 250 groups, for AES and RC4 services', () => {
    expect(fixture.source).toMatch(/^Tickets of Samba 4/);
    expect(fixture.tickets.map(({ user, service }) => `${user} ${service}`)).toEqual([
      'alice aes',
      'many aes',
      'loner aes',
      'alice rc4',
      'many rc4',
      'loner rc4',
    ]);
    expect(fixture.tickets.map(({ tokenGroups }) => domainGroups(tokenGroups)!.length)).toEqual([
      47, 252, 1, 47, 252, 1,
    ]);
  });

  describe.each(fixture.tickets)('of $user for $service', (ticket: DomainTicket) => {
    it('name the user and every group', async () => {
      const context = await acceptDomainTicket(ticket, keytab);
      expect(context.initiator.toString()).toBe(`${ticket.user}@AD.EXAMPLE.TEST`);
      expect(context.pacError).toBeUndefined();
      expect(context.pac).toMatchObject({
        userSid: ticket.sid,
        samAccountName: ticket.user,
        upn: `${ticket.user}@ad.example.test`,
        malformed: [],
        signatures: { server: 'verified', kdc: 'unverified', ticket: 'unverified' },
      });
      expect(domainGroups(context.pac?.groupSids)).toEqual(domainGroups(ticket.tokenGroups));
      const imported = importSecurityContext(context.export(), {
        crypto: withLegacyEnctypes(),
      });
      expect(domainGroups(imported.pac?.groupSids)).toEqual(domainGroups(ticket.tokenGroups));
    });

    it('carry four good signatures', () => {
      const pac = verifyDomainPac(fromHex(ticket.token), keytab, kdcKeytab);
      const verified = 'verified';
      const signatures = { server: verified, kdc: verified, ticket: verified, full: verified };
      expect(pac.signatures).toEqual(signatures);
    });

    it('are refused a day later, and a day before', async () => {
      const day = 86_400_000;
      await expect(
        acceptDomainTicket({ ...ticket, clock: ticket.clock + day }, keytab),
      ).rejects.toMatchObject({ minor: { code: 'KRB_AP_ERR_TKT_EXPIRED' } });
      await expect(
        acceptDomainTicket({ ...ticket, clock: ticket.clock - day }, keytab),
      ).rejects.toMatchObject({ minor: { code: 'KRB_AP_ERR_TKT_NYV' } });
    });
  });
});
