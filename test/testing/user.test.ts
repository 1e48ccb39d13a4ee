import { describe, expect, it } from 'vitest';
import type { MintTicketOptions } from '../../src/testing/index.ts';
import { defaultLogonInfo } from '../../src/testing/index.ts';
import { establish } from '../support/realm-kit.ts';

const DOMAIN = defaultLogonInfo.logonDomainId;
const FOREIGN = 'S-1-5-21-3623811015-3361044348-30300820-1013';

/** The PAC as the acceptor verifies it. */
async function pacOf(
  client: MintTicketOptions['client'],
  options: Partial<MintTicketOptions> = {},
) {
  const { server } = await establish({ ticket: { client, ...options } });
  expect(server.pacError).toBeUndefined();
  return server.pac;
}

describe('a user for tests', () => {
  it('is in the groups that are named, of the own domain and of others', async () => {
    const pac = await pacOf({ name: 'alice', groups: [512, FOREIGN, 1104] });
    expect(pac).toMatchObject({
      client: { name: 'alice' },
      samAccountName: 'alice',
      fullName: 'alice',
      domainName: 'EXAMPLE',
      upn: 'alice@example.test',
      dnsDomain: 'EXAMPLE.TEST',
      userSid: `${DOMAIN}-1103`,
      requestorSid: `${DOMAIN}-1103`,
      groupSids: [`${DOMAIN}-513`, `${DOMAIN}-512`, `${DOMAIN}-1104`, FOREIGN],
      signatures: { server: 'verified' },
    });
  });

  it('has the names and the SID that are given', async () => {
    const pac = await pacOf({
      name: 'bob@EXAMPLE.TEST',
      id: 2001,
      domainSid: 'S-1-5-21-1-2-3',
      domain: 'CORP',
      fullName: 'Bob Example',
      userPrincipalName: 'bob@corp.example',
    });
    expect(pac).toMatchObject({
      client: { name: 'bob' },
      fullName: 'Bob Example',
      domainName: 'CORP',
      upn: 'bob@corp.example',
      userSid: 'S-1-5-21-1-2-3-2001',
      groupSids: ['S-1-5-21-1-2-3-513'],
    });
  });

  it('has no PAC as text, and the one that is given in place of its own', async () => {
    expect(await pacOf('alice')).toBeUndefined();
    const pac = { logonInfo: { effectiveName: 'carol' } };
    expect(await pacOf({ name: 'alice', groups: [512] }, { pac })).toMatchObject({
      samAccountName: 'carol',
      groupSids: [`${DOMAIN}-513`],
    });
  });

  it('is in groups that exist', async () => {
    for (const group of [-1, 1.5, 2 ** 32, 'admins', 'S-1-', '']) {
      await expect(pacOf({ name: 'alice', groups: [group] })).rejects.toThrow(/^client\.groups: /);
    }
  });
});
