import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { identityOf } from '../../src/http/identity.ts';
import { ContextFlag, parseKerberosConfig } from '../../src/index.ts';
import type { PacContents } from '../../src/testing/index.ts';
import type { DomainTickets } from '../support/domain-ticket.ts';
import { acceptDomainTicket, domainGroups, domainKeytab } from '../support/domain-ticket.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { CLIENT, establish, makeKeytab, makeParties, NOW_SECONDS } from '../support/realm-kit.ts';

const DOMAIN = 'S-1-5-21-1111111111-2222222222-3333333333';

function withPac(pac: PacContents): ExchangeOptions {
  return { ticket: { pac } };
}

async function identityWith(options: ExchangeOptions) {
  return identityOf((await establish(options)).server);
}

function isFrozen(value: unknown): boolean {
  return (
    typeof value !== 'object' || (Object.isFrozen(value) && Object.values(value!).every(isFrozen))
  );
}

describe('identityOf', () => {
  it('has the client of a ticket without a PAC', async () => {
    const { server } = await establish();
    expect(identityOf(server)).toEqual({
      principal: CLIENT,
      name: 'alice',
      realm: 'EXAMPLE.TEST',
      groups: [],
      indicators: [],
      mechanism: 'kerberos',
      channelBound: false,
      authenticatedAt: new Date(server.ticket.authTime).toISOString(),
      expiresAt: new Date(server.expiresAt).toISOString(),
    });
    expect(Date.parse(identityOf(server).expiresAt) / 1000).toBeGreaterThan(NOW_SECONDS);
  });

  it('has the account and the groups of a verified PAC', async () => {
    const identity = await identityWith(
      withPac({
        logonInfo: {
          effectiveName: 'alice',
          fullName: 'Alice Example',
          groupIds: [{ relativeId: 1200, attributes: 7 }],
          extraSids: [{ sid: 'S-1-18-1', attributes: 7 }],
        },
        upnDnsInfo: { upn: 'alice@example.test', dnsDomainName: 'example.test' } as never,
      }),
    );
    expect(identity).toMatchObject({
      userPrincipalName: 'alice@example.test',
      accountName: 'alice',
      displayName: 'Alice Example',
      domain: 'EXAMPLE',
      sid: `${DOMAIN}-1103`,
      groups: [`${DOMAIN}-513`, `${DOMAIN}-1200`, 'S-1-18-1'],
    });
  });

  it('agrees with Active Directory’s own lists, for recorded tickets', async () => {
    const { tickets, keytab } = JSON.parse(
      readFileSync('fixtures/samba/tickets.json', 'utf8'),
    ) as DomainTickets;
    const keys = domainKeytab(keytab);
    expect(tickets.length).toBeGreaterThan(0);
    for (const ticket of tickets) {
      const identity = identityOf(await acceptDomainTicket(ticket, keys));
      expect(identity.sid).toBe(ticket.sid);
      const own = domainGroups(ticket.tokenGroups)!.filter((sid) => sid !== ticket.sid);
      expect(domainGroups(identity.groups)).toEqual(own);
    }
  });

  it('is frozen, and survives JSON and a structured clone', async () => {
    const identity = await identityWith(withPac({ logonInfo: {} }));
    expect(isFrozen(identity)).toBe(true);
    expect(JSON.parse(JSON.stringify(identity))).toEqual(identity);
    expect(structuredClone(identity)).toEqual(identity);
  });

  it('outlives its context, and shares nothing with it', async () => {
    const { server } = await establish(withPac({ logonInfo: {} }));
    server.dispose();
    const identity = identityOf(server);
    expect(identity.principal).toBe(CLIENT);
    server.expiresAt.setTime(0);
    expect(identity.expiresAt).not.toContain('1970');
  });

  it('says nothing of a PAC that did not verify', async () => {
    const keytab = makeKeytab();
    const { acceptor, initiator } = await makeParties({
      keytab,
      ticket: {
        authorizationData: [{ type: 128, data: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) }],
      } as never,
    });
    const result = await acceptor.begin().accept(initiator.begin());
    if (result.status !== 'complete') throw new Error('refused');
    const identity = identityOf(result.context);
    expect(result.context.pacError).toBeDefined();
    expect(Object.keys(identity)).not.toContain('sid');
    expect(identity.groups).toEqual([]);
  });

  it('is not made of a PAC whose groups cannot be read: no list would be the true one', async () => {
    const { server } = await establish(
      withPac({ buffers: [{ type: 1, data: Uint8Array.of(1, 2, 3) }] }),
    );
    expect(server.pac).toBeDefined();
    expect(() => identityOf(server)).toThrow(
      expect.objectContaining({ code: 'KRB5_PARSE_MALFORMED' }),
    );
  });

  it('has the local name of krb5.conf, and none without a configuration', async () => {
    const { server } = await establish();
    const localNames = parseKerberosConfig('[libdefaults]\ndefault_realm = EXAMPLE.TEST\n');
    expect(identityOf(server, { localNames }).localName).toBe('alice');
    const other = parseKerberosConfig('[libdefaults]\ndefault_realm = OTHER.TEST\n');
    expect(identityOf(server, { localNames: other })).not.toHaveProperty('localName');
  });

  it('keeps a name from looking like that of another realm', async () => {
    const { server } = await establish({ ticket: { client: 'root\\@ADMIN.TEST@EXAMPLE.TEST' } });
    expect(identityOf(server)).toMatchObject({
      principal: 'root\\@ADMIN.TEST@EXAMPLE.TEST',
      name: 'root\\@ADMIN.TEST',
      realm: 'EXAMPLE.TEST',
    });
  });

  it('says whether the client was bound to the channel, and by which mechanism it came', async () => {
    const channelBindings = { applicationData: Uint8Array.of(1, 2, 3) };
    const { server } = await establish({
      handshake: { channelBindings },
      initiator: { channelBindings },
    });
    expect(server.flags & ContextFlag.channelBound).not.toBe(0);
    expect(identityOf(server, { mechanism: 'spnego' })).toMatchObject({
      channelBound: true,
      mechanism: 'spnego',
    });
  });
});
