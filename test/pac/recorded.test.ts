import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { KerberosError } from '../../src/errors.ts';
import { decodeEncTicketPart, decodeTicket } from '../../src/messages/ticket.ts';
import { addRareReaders } from '../../src/pac/buffer-readers.ts';
import { findPac } from '../../src/pac/locate.ts';
import { verifyPac } from '../../src/pac/pac.ts';
import { parsePacType } from '../../src/pac/pac-type.ts';
import { rareReaders } from '../../src/pac/rare-buffers.ts';
import {
  verifyClientInfo,
  verifyFullSignature,
  verifyKdcSignature,
  verifyServerSignature,
  verifyTicketSignature,
} from '../../src/pac/verify.ts';
import type { RecordedKey, RecordedPac } from '../support/pac.ts';
import { loadPacFixture, pacKey, thrownBy, ticketFor } from '../support/pac.ts';

addRareReaders(rareReaders);

interface MitFixture {
  readonly pacs: readonly RecordedPac[];
  readonly ticket: {
    readonly name: string;
    readonly ticket: string;
    readonly serverKey: RecordedKey;
    readonly kdcKey: RecordedKey;
  };
  readonly malformed: readonly { readonly array: string; readonly pac: string }[];
}

const mit = loadPacFixture<MitFixture>('mit-krb5.json');
const net = loadPacFixture<{ readonly pacs: readonly RecordedPac[] }>('kerberos-net.json');
const gokrb5 = loadPacFixture<{ readonly pac: Omit<RecordedPac, 'authTime' | 'withRealm'> }>(
  'gokrb5.json',
);

function ticketOf(recorded: RecordedPac) {
  const { clientName, nameType, realm, authTime } = recorded;
  const ticket = ticketFor('', authTime, { nameType, realm });
  return { ...ticket, clientName: { nameType, components: [clientName] } };
}

describe.each([...mit.pacs, ...net.pacs])('$name', (recorded) => {
  const pac = parsePacType(fromHex(recorded.pac));
  const ticket = ticketOf(recorded);
  const serverKey = pacKey(recorded.serverKey);

  test('is signed with the key of its service', () => {
    expect(() => verifyServerSignature(pac, serverKey)).not.toThrow();
  });

  test('is not signed with another key of the same kind', () => {
    const other = pacKey({
      ...recorded.serverKey,
      value: recorded.serverKey.value.replace(/./g, '5'),
    });
    expect(thrownBy(() => verifyServerSignature(pac, other))).toMatchObject({
      code: 'KRB_AP_ERR_MODIFIED',
      message: 'PAC server signature does not verify',
    });
  });

  test('any changed bit breaks its signature, or what it is signed for', () => {
    const bytes = fromHex(recorded.pac);
    const survivors: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << (at % 8);
      try {
        verifyServerSignature(parsePacType(changed), serverKey);
        survivors.push(at);
      } catch (error) {
        expect(error).toBeInstanceOf(KerberosError);
      }
    }
    // What the server signature does not cover is the KDC signature, and that alone.
    const kdc = pac.buffers.find(({ type }) => type === 7)!;
    const covered = survivors.filter(
      (at) => at < kdc.offset + 4 || at >= kdc.offset + kdc.data.length,
    );
    expect(covered).toEqual([]);
  });

  test('names the client of its ticket', () => {
    const info = verifyClientInfo(pac, ticket, recorded.withRealm);
    expect(info.authTime).toBe(recorded.authTime);
  });

  test('names no other client, no other time, and no realm unless asked', () => {
    const { components } = ticket.clientName;
    const others = [
      { ...ticket, authTime: ticket.authTime + 1 },
      { ...ticket, clientName: { ...ticket.clientName, components: [`${components[0]}x`] } },
      { ...ticket, clientName: { ...ticket.clientName, components: [...components, 'x'] } },
      {
        ...ticket,
        clientName: { ...ticket.clientName, components: [components[0]!.toUpperCase()] },
      },
    ];
    for (const other of others) {
      expect(thrownBy(() => verifyClientInfo(pac, other, recorded.withRealm))).toMatchObject({
        code: 'KRB_AP_ERR_BADMATCH',
      });
    }
    expect(thrownBy(() => verifyClientInfo(pac, ticket, !recorded.withRealm))).toMatchObject({
      code: 'KRB_AP_ERR_BADMATCH',
    });
  });
});

test('Windows 2003: what the PAC says, with both signatures', () => {
  const recorded = mit.pacs[0]!;
  const pac = verifyPac(
    fromHex(recorded.pac),
    ticketOf(recorded),
    pacKey(recorded.serverKey),
    pacKey(recorded.kdcKey!),
  );
  expect(pac.signatures).toEqual({
    server: 'verified',
    kdc: 'verified',
    ticket: 'absent',
    full: 'absent',
  });
  expect(pac.samAccountName).toBe('W2003FINAL$');
  expect(pac.domainName).toBe('WIN2K3THINK');
  expect(pac.userSid).toBe('S-1-5-21-3048156945-3961193616-3706469200-1005');
  expect(pac.groupSids).toEqual(['S-1-5-21-3048156945-3961193616-3706469200-516', 'S-1-5-9']);
  expect(pac.upn).toBeUndefined();
  expect(pac.malformed).toEqual([]);
});

test('Windows 2003: the KDC signature does not verify with the key of the service', () => {
  const { pac, serverKey } = mit.pacs[0]!;
  expect(
    thrownBy(() => verifyKdcSignature(parsePacType(fromHex(pac)), pacKey(serverKey))),
  ).toMatchObject({ code: 'KRB_AP_ERR_MODIFIED', message: 'PAC KDC signature does not verify' });
});

test('Windows 2008: a PAC of S4U2self', () => {
  const recorded = mit.pacs[2]!;
  const pac = verifyPac(fromHex(recorded.pac), ticketOf(recorded), pacKey(recorded.serverKey));
  expect(pac.signatures.kdc).toBe('unverified');
  expect(pac.client.name).toBe('w2k8u@abc');
  expect(pac.samAccountName).toBe('w2k8u');
  expect(pac.fullName).toBe('w2k8u');
  expect(pac.upn).toBe('w2k8u@abc');
  expect(pac.dnsDomain).toBe('ACME.COM');
  expect(pac.logonInfo).not.toHaveProperty('logonTime');
  expect(pac.logonInfo?.passwordLastSet).toEqual(new Date('2018-10-01T07:49:55.369Z'));
});

test('Windows 2008: claims, extra SIDs and UPN of a user', () => {
  const recorded = net.pacs[0]!;
  const pac = verifyPac(fromHex(recorded.pac), ticketOf(recorded), pacKey(recorded.serverKey));
  expect(pac.malformed).toEqual([]);
  expect(pac.upn).toBe('Administrator@identityintervention.com');
  const claims = pac.claims!;
  expect(claims.find(({ id }) => id === 'ad://ext/employeeType:88d4d68c56082042')?.values).toEqual([
    'lazy',
  ]);
  expect(claims.find(({ id }) => id === 'ad://ext/localeID:88d4d68c6aa51687')?.values).toHaveLength(
    2,
  );
});

test('Windows: the services of a delegated ticket', () => {
  const recorded = net.pacs[1]!;
  const pac = verifyPac(fromHex(recorded.pac), ticketOf(recorded), pacKey(recorded.serverKey));
  expect(pac.malformed).toEqual([]);
  expect(pac.delegation?.proxyTarget).toBe('host/down2');
  expect(pac.delegation?.transitedServices).toHaveLength(1);
});

test('gokrb5: a PAC of Windows 2012 with the key of its keytab', () => {
  const recorded = gokrb5.pac;
  const pac = verifyPac(
    fromHex(recorded.pac),
    ticketFor(recorded.clientName, Date.UTC(2017, 4, 6, 15, 53, 11) / 1000),
    pacKey(recorded.serverKey),
  );
  expect(pac.upn).toBe('testuser1@test.gokrb5');
  expect(pac.groupSids).toHaveLength(7);
});

describe(mit.ticket.name, () => {
  const serverKey = pacKey(mit.ticket.serverKey);
  const kdcKey = pacKey(mit.ticket.kdcKey);
  const part = decodeEncTicketPart(decryptTicket());
  const pac = findPac(part.authorizationData)!;

  function decryptTicket(): Uint8Array {
    const { encPart } = decodeTicket(fromHex(mit.ticket.ticket));
    const key = serverKey as unknown as { decrypt(usage: number, cipher: Uint8Array): Uint8Array };
    return key.decrypt(2, encPart.cipher);
  }

  test('every signature verifies with the key that made it', () => {
    expect(verifyPac(pac, part, serverKey, kdcKey).signatures).toEqual({
      server: 'verified',
      kdc: 'verified',
      ticket: 'verified',
      full: 'verified',
    });
  });

  test('without the key of the KDC its signatures count as unverified', () => {
    expect(verifyPac(pac, part, serverKey).signatures).toEqual({
      server: 'verified',
      kdc: 'unverified',
      ticket: 'unverified',
      full: 'unverified',
    });
  });

  test('the ticket signature covers the ticket', () => {
    const parsed = parsePacType(pac);
    expect(() => verifyTicketSignature(parsed, part, kdcKey)).not.toThrow();
    const altered = { ...part, flags: part.flags ^ 0x40000000 };
    expect(thrownBy(() => verifyTicketSignature(parsed, altered, kdcKey))).toMatchObject({
      code: 'KRB_AP_ERR_MODIFIED',
      message: 'PAC ticket signature does not verify',
    });
    expect(thrownBy(() => verifyPac(pac, altered, serverKey, kdcKey))).toMatchObject({
      code: 'KRB_AP_ERR_MODIFIED',
    });
  });

  test('the full signature needs the key of the KDC', () => {
    expect(thrownBy(() => verifyFullSignature(parsePacType(pac), serverKey))).toMatchObject({
      code: 'KRB_AP_ERR_MODIFIED',
      message: 'PAC full signature does not verify',
    });
  });

  test('what it says', () => {
    const verified = verifyPac(pac, part, serverKey);
    expect(verified.malformed).toEqual([]);
    expect(new Set(verified.bufferTypes)).toEqual(new Set([1, 10, 12, 16, 19, 6, 7]));
    expect(verified.samAccountName).toBe('Administrator');
    expect(verified.upnDnsInfo?.sid).toBe(verified.userSid);
    expect(verified.userSid).toMatch(/^S-1-5-21-\d+-\d+-\d+-500$/);
  });
});

test.each(mit.malformed)('$array, found by fuzzing MIT krb5, is refused', ({ pac }) => {
  expect(thrownBy(() => parsePacType(fromHex(pac)))).toMatchObject({
    name: 'DecodeError',
    message: expect.stringMatching(/^PAC announces \d+ buffers, more than it can hold$/),
  });
});
