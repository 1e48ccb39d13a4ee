import type { Advisories } from '../advisory.ts';

/** What a ticket holds: the PAC (MS-PAC), and keys of enctypes that should not be used. */
export const TICKETS = {
  pacCounts: {
    ids: ['CVE-2022-42898'],
    peer: 'MIT krb5, Heimdal, Samba',
    flaw: 'A count of buffers, or their offsets and sizes, overflow when the length of a PAC is computed.',
    here: 'The count is limited and must fit the bytes; each buffer must be inside the PAC and must not overlap another.',
    test: 'a PAC with wrong counts, offsets or sizes is not shown',
  },
  pacPanics: {
    ids: ['go-krb5 #133', 'go-krb5 #134'],
    peer: 'gokrb5, go-krb5',
    flaw: 'Malformed PACs, and AD-IF-RELEVANT without elements, crash the process by an index out of range.',
    here: 'A defect of a PAC becomes pacError, or a refusal where the policy requires a PAC.',
    test: 'a PAC cut anywhere and authorization data without a PAC are handled',
  },
  pacWithoutLogonInfo: {
    ids: ['gokrb5 #545'],
    peer: 'gokrb5',
    flaw: 'A client with a PAC without logon information, as from the KDC of MIT krb5, is refused.',
    here: 'Every buffer except client and signatures is optional; an absent buffer is undefined, never empty.',
    test: 'a PAC with only client and signatures is verified and names no groups',
  },
  unkeyedSignature: {
    ids: ['CVE-2014-6324', 'CVE-2010-1324', 'CVE-2018-16860'],
    peer: 'Windows, MIT krb5, Heimdal, Samba',
    flaw: 'A checksum without a key (CRC-32, MD5, SHA-1) is accepted as a signature.',
    here: 'The type of a signature must be that of the verifying key (MS-PAC §2.8.1).',
    test: 'a PAC signed without a key, or under another type, is not shown',
  },
  pacOfAnother: {
    ids: ['CVE-2020-25719'],
    peer: 'Samba',
    flaw: 'Name and PAC of a ticket are not compared, so that one user gets the rights of another.',
    here: 'Client name and authentication time of a PAC must be those of the ticket (MS-PAC §2.7); a ticket with two PACs has no valid PAC.',
    test: 'a good PAC of another user, of another time, or beside another one is not shown',
  },
  userOfThePac: {
    ids: ['CVE-2021-42287', 'CVE-2020-25717'],
    peer: 'Windows, Samba',
    flaw: 'A user gets a ticket under a name that later belongs to another user, or to a local account, and is mistaken for that user.',
    here: 'PAC_REQUESTOR must be the SID of the PAC’s user; applications identify users by the verified pac.userSid, and require a PAC with pacPolicy.',
    test: 'a PAC requested by another user is not shown, and users of one name differ by verified SIDs',
  },
  fullSignature: {
    ids: ['CVE-2022-37967'],
    peer: 'Windows, Samba, MIT krb5',
    flaw: 'The KDC’s signature covers only the server’s signature: a collision of that one allows groups to be added.',
    here: 'With the KDC’s key (kdcKey) the full signature is verified, which covers the whole PAC; requireKdcSignatures makes it mandatory.',
    test: 'a PAC altered under the same server and KDC signatures is refused by its full signature, or for lack of one',
  },
  bronzeBit: {
    ids: ['CVE-2020-17049'],
    peer: 'Windows, Samba, MIT krb5, Heimdal (bronze bit)',
    flaw: 'A holder of the service’s key alters the flags of a ticket, or forges a ticket.',
    here: 'The service’s own key cannot show that. With the KDC’s key (kdcKey) the ticket signature is verified, which covers the ticket.',
    test: 'a ticket altered or forged with the service’s key is detected with the KDC’s key',
  },
  rc4: {
    ids: ['CVE-2022-37966', 'CVE-2022-33647', 'CVE-2025-3576'],
    peer: 'Windows, MIT krb5',
    flaw: 'RC4 with HMAC-MD5 is negotiated or accepted although both sides have a better enctype.',
    here: 'RC4 and DES3 must be loaded by the application; the best enctype that the client offers is selected; lists of permitted enctypes apply to loaded ones too.',
    test: 'RC4 is absent by default; where it is loaded, it is refused or replaced according to the lists',
  },
} as const satisfies Advisories;
