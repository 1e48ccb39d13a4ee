import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import type { DomainTicket, DomainTickets } from '../support/domain-ticket.ts';
import { domainGroups, domainKeytab, verifyDomainPac } from '../support/domain-ticket.ts';
import type { InitiatorLibrary, InitiatorReport } from '../support/initiators.ts';
import { runInitiator } from '../support/initiators.ts';
import type { LabOptions } from '../support/lab.ts';
import { Lab } from '../support/lab.ts';
import { PYTHON } from '../support/peers.ts';
import { have } from '../support/realm.ts';
import { runOrThrow } from '../support/run.ts';
import type { DomainCredentials, SambaInitiatorOptions } from '../support/samba.ts';
import { Domain } from '../support/samba.ts';

const USERS = ['alice', 'many', 'loner'] as const;
const SERVICES = ['aes', 'rc4'] as const;
const SIZES = [0, 1, 16, 1000, 65_536, 1_000_000];
const MS_KRB5 = '06092a864882f712010202';

describe.runIf(have('samba', 'mit-c', 'kinit'))('an Active Directory on Samba', () => {
  let domain: Domain;
  const users: Partial<Record<string, DomainCredentials>> = {};

  beforeAll(async () => {
    domain = await Domain.start();
    for (const name of USERS) {
      users[name] = await domain.credentials(name, ...SERVICES);
    }
  });
  afterAll(() => domain.stop());

  describe.each(SERVICES)('tickets for a service with %s keys', (service) => {
    const enctype = service === 'aes' ? 18 : 23;

    it.each(USERS)('name %s and all the groups that Samba knows of', async (name) => {
      const { lab, clock } = await present('mit-c', name, service);
      const { context } = lab;
      const { sid, tokenGroups } = domain.facts.users[name];
      expect(context.ticket).toMatchObject({ enctype, sessionEnctype: enctype });
      expect(context.initiator.toString()).toBe(`${name}@AD.EXAMPLE.TEST`);
      expect(context.pacError).toBeUndefined();
      expect(context.pac).toMatchObject({
        userSid: sid,
        primaryGroupSid: `${domain.facts.domainSid}-513`,
        samAccountName: name,
        domainName: 'ADEXAMPLE',
        upn: `${name}@ad.example.test`,
        dnsDomain: 'AD.EXAMPLE.TEST',
        malformed: [],
        denyOnlyGroupSids: [],
      });
      const groups = context.pac?.groupSids;
      expect(domainGroups(groups)).toEqual(domainGroups(tokenGroups));
      // "Authentication authority asserted identity" (MS-KILE §3.3.5.6.3): no group of the directory.
      expect(groups?.filter((group) => !group.startsWith('S-1-5-21-'))).toEqual(['S-1-18-1']);
      if (name === 'alice') {
        // Directly and by way of others, global and local to the domain.
        expect(groups).toEqual(expect.arrayContaining(Object.values(domain.facts.groups)));
      }
      await record(name, service, lab.contextTokens[0]!, clock);
    });

    it('carry signatures that the key of the KDC made', async () => {
      const { lab } = await present('mit-c', 'alice', service);
      const keytab = domainKeytab(toHex(await readFile(domain.keytab)));
      const kdcKeytab = domainKeytab(toHex(await readFile(domain.kdcKeytab)));
      const pac = verifyDomainPac(lab.contextTokens[0]!, keytab, kdcKeytab);
      const verified = 'verified';
      const signatures = { server: verified, kdc: verified, ticket: verified, full: verified };
      expect(pac.signatures).toEqual(signatures);
      expect(pac.groupSids).toEqual(lab.context.pac?.groupSids);
    });

    it.runIf(have('heimdal')).each(['krb5', 'spnego'] as const)(
      'come from Heimdal with %s too',
      async (mechanism) => {
        const { lab, report } = await present('heimdal', 'alice', service, mechanism);
        expect(report.answers).toMatchObject([{ index: 0, confidential: true, status: [] }]);
        expect(lab.context.pac?.userSid).toBe(domain.facts.users.alice.sid);
      },
    );

    describe.each(['krb5', 'spnego'] as const)('with its own library and %s', (mechanism) => {
      it.each([
        { features: ['integ', 'conf'], confidential: true },
        { features: ['integ'], confidential: false },
      ])('messages of every size, $features', async ({ features, confidential }) => {
        const answers = SIZES.length;
        const options = { service, mechanism, features, sizes: SIZES, answers };
        const { lab, report } = await talk(options, { confidential });
        expect(report.established?.flags.toSorted()).toEqual(features.toSorted());
        expect(lab.context.initiator.toString()).toBe('alice@AD.EXAMPLE.TEST');
        expect(lab.context.pac?.userSid).toBe(domain.facts.users.alice.sid);
        expect(lab.messages.map((message) => ({ ...message, message: undefined }))).toEqual(
          SIZES.map(() => ({ message: undefined, confidential, qop: 0, sequence: 'ok' })),
        );
        expect(report.answers.map(({ index, status }) => ({ index, status }))).toEqual(
          SIZES.map((_, index) => ({ index, status: [] })),
        );
      });

      it('messages out of order', async () => {
        const options = { service, mechanism, sizes: [1, 2, 3], order: [1, 0, 0], answers: 0 };
        const { lab } = await talk(options, {});
        expect(lab.messages.map((message) => 'sequence' in message && message.sequence)).toEqual([
          'gap',
          'unsequenced',
          'duplicate',
        ]);
      });

      it('altered messages', async () => {
        const options = { service, mechanism, sizes: [100], alter: 70, answers: 0 };
        const { lab } = await talk(options, {});
        expect(lab.messages).toMatchObject([{ code: 'GSS_S_BAD_MIC' }]);
      });

      it('and takes no messages that are late, repeated or altered on their way back', async () => {
        const options = { service, mechanism, sizes: [1, 2, 3] };
        const late = await talk({ ...options, answers: 3 }, { answers: [1, 0, 0] });
        expect(late.report.answers.map(({ index }) => index)).toEqual([-1, -1, -1]);
        const altered = await talk({ ...options, answers: 1 }, { alter: 60 });
        expect(altered.report.answers).toMatchObject([
          { index: -1, status: [expect.stringContaining('Access Denied')] },
        ]);
      });

      it('in DCE style', async () => {
        const features = ['integ', 'conf', 'dce'];
        const { lab, report } = await talk({ service, mechanism, features, answers: 0 }, {});
        expect(report).toMatchObject({ done: true });
        expect(lab.context.flags & DCE_STYLE).toBe(DCE_STYLE);
        // The AP-REQ, and the initiator's own AP-REP.
        expect(lab.contextTokens).toHaveLength(2);
      });
    });
  });

  describe('SPNEGO of Samba', () => {
    it('offers Kerberos under the number that Windows gave it, and NTLM', async () => {
      const { lab } = await talk({ service: 'aes', mechanism: 'spnego' }, {});
      const [token] = lab.contextTokens;
      const offer = toHex(token!.subarray(0, 80));
      expect(offer).toContain(`3022${MS_KRB5}06092a864886f712010202060a2b06010401823702020a`);
      // And is told that this is what was chosen: under another name it would not know it again.
      expect(toHex(lab.answers[0]!)).toContain(`0a0100a10b${MS_KRB5}`);
    });

    it('waits to be told the mechanism before its first token', async () => {
      // An old one, too: the new ones then want a MIC that RFC 4178 §5 leaves to the acceptor.
      const settings = ['spnego:client_no_optimistic=yes', 'spnego:simulate_w2k=yes'];
      const options = { service: 'aes', mechanism: 'spnego', settings } as const;
      const { lab, report } = await talk(options, {});
      expect(report.answers).toMatchObject([{ index: 0, status: [] }]);
      expect(lab.contextTokens[0]!.length).toBeLessThan(100);
      expect(lab.contextTokens).toHaveLength(2);
    });
  });

  async function present(
    library: InitiatorLibrary,
    name: (typeof USERS)[number],
    service: string,
    mechanism: 'krb5' | 'spnego' = 'krb5',
  ): Promise<{ lab: Lab; report: InitiatorReport; clock: number }> {
    const clock = Date.now();
    await using lab = await start({ acceptor: { clock: () => clock } });
    const { port } = lab;
    const { host } = domain.facts;
    const user = users[name]!;
    const options = { port, user, host, service, mechanism, answers: 1 };
    const report = await runInitiator(library, options);
    expect(report).toMatchObject({ done: true });
    return { lab, report, clock };
  }

  async function talk(
    options: Omit<SambaInitiatorOptions, 'port' | 'user'>,
    labOptions: Partial<LabOptions>,
  ): Promise<{ lab: Lab; report: InitiatorReport }> {
    await using lab = await start(labOptions);
    const { port } = lab;
    const report = await domain.runInitiator({ port, user: users.alice!, ...options });
    expect(report).toMatchObject({ done: true });
    return { lab, report };
  }

  function start(options: Partial<LabOptions>): Promise<Lab> {
    return Lab.start({ keytab: domain.keytab, crypto: withLegacyEnctypes(), ...options });
  }

  /** With UPDATE_TRANSCRIPTS=1 in the environment: fixtures/samba/tickets.json anew. */
  async function record(
    user: (typeof USERS)[number],
    service: string,
    token: Uint8Array,
    clock: number,
  ): Promise<void> {
    recorded.push({ user, service, token: toHex(token), clock, ...domain.facts.users[user] });
    if (process.env.UPDATE_TRANSCRIPTS !== '1') return;
    if (recorded.length < USERS.length * SERVICES.length) return;
    const version = await runOrThrow(PYTHON, ['-c', 'import samba; print(samba.version)']);
    const fixture: DomainTickets = {
      source: `Tickets of Samba ${version.trim()}'s KDC, presented by MIT krb5, recorded by test/interop/samba.interop.test.ts with the domain of test/interop/clients/samba_domain.py`,
      domainSid: domain.facts.domainSid,
      keytab: toHex(await readFile(domain.keytab)),
      kdcKeytab: toHex(await readFile(domain.kdcKeytab)),
      tickets: recorded,
    };
    const directory = new URL('../../fixtures/samba/', import.meta.url);
    await mkdir(directory, { recursive: true });
    const file = new URL('tickets.json', directory);
    await writeFile(file, `${JSON.stringify(fixture, null, 2)}\n`);
  }
});

const recorded: DomainTicket[] = [];
const DCE_STYLE = 0x1000;
