import type { Advisories } from '../advisory.ts';

/** What a ticket holds: the PAC (MS-PAC), and keys of enctypes that should not be used. */
export const TICKETS = {
  pacCounts: {
    ids: ['CVE-2022-42898'],
    peer: 'MIT krb5, Heimdal, Samba',
    flaw: 'A count of buffers, or their offsets and sizes, overflow when the length of a PAC is computed.',
    here: 'The count has a limit and must fit the bytes; each buffer has to lie inside of the PAC and on none of the others.',
    test: 'a PAC whose counts, offsets or sizes are false is not shown',
  },
  pacPanics: {
    ids: ['go-krb5 #133', 'go-krb5 #134'],
    peer: 'gokrb5, go-krb5',
    flaw: 'Malformed PACs, and AD-IF-RELEVANT without elements, end the process by an index out of range.',
    here: 'Whatever is wrong with a PAC is pacError, or a refusal where the policy requires a PAC.',
    test: 'a PAC cut anywhere, and authorization data without a PAC, are no accident',
  },
  pacWithoutLogonInfo: {
    ids: ['gokrb5 #545'],
    peer: 'gokrb5',
    flaw: 'A PAC without logon information, as the KDC of MIT krb5 makes it, refuses the client.',
    here: 'Every buffer but the client and the signatures is optional; what is absent is undefined, never empty.',
    test: 'a PAC of nothing but client and signatures is verified, and names no groups',
  },
  unkeyedSignature: {
    ids: ['CVE-2014-6324', 'CVE-2010-1324', 'CVE-2018-16860'],
    peer: 'Windows, MIT krb5, Heimdal, Samba',
    flaw: 'A checksum that needs no key (CRC-32, MD5, SHA-1) is taken for a signature.',
    here: 'The type of a signature has to be that of the key that verifies it (MS-PAC §2.8.1).',
    test: 'a PAC signed without a key, or under another type, is not shown',
  },
  pacOfAnother: {
    ids: ['CVE-2020-25719'],
    peer: 'Samba',
    flaw: 'Name and PAC of a ticket are not held together, so that one user gets the other’s rights.',
    here: 'Client name and authentication time of a PAC have to be the ticket’s (MS-PAC §2.7); two PACs are none.',
    test: 'a good PAC of another user, of another time, or beside another one is not shown',
  },
  userOfThePac: {
    ids: ['CVE-2021-42287', 'CVE-2020-25717'],
    peer: 'Windows, Samba',
    flaw: 'A user gets a ticket under a name that is another’s afterwards, or is one on the machine, and is taken for that one.',
    here: 'PAC_REQUESTOR has to be the SID of the PAC’s user; applications identify users by pac.userSid, which is verified, and require a PAC with pacPolicy.',
    test: 'a PAC requested by another user is not shown, and users of one name differ by verified SIDs',
  },
  fullSignature: {
    ids: ['CVE-2022-37967'],
    peer: 'Windows, Samba, MIT krb5',
    flaw: 'The KDC’s signature covers no more than the server’s: with a collision of that, groups are added.',
    here: 'Whoever has the KDC’s key (kdcKey) gets the full signature verified, which covers all of the PAC, and may demand it (requireKdcSignatures).',
    test: 'a PAC altered under the same server and KDC signatures fails by its full signature, or by having none',
  },
  bronzeBit: {
    ids: ['CVE-2020-17049'],
    peer: 'Windows, Samba, MIT krb5, Heimdal (bronze bit)',
    flaw: 'Whoever has the service’s key alters the flags of a ticket, or makes one up.',
    here: 'No service can tell by its own key. With the KDC’s (kdcKey) the ticket signature is verified, which covers the ticket.',
    test: 'a ticket altered or made with the service’s key is found out with that of the KDC',
  },
  rc4: {
    ids: ['CVE-2022-37966', 'CVE-2022-33647', 'CVE-2025-3576'],
    peer: 'Windows, MIT krb5',
    flaw: 'RC4 with HMAC-MD5 is negotiated, or taken, where both sides have better.',
    here: 'RC4 and DES3 have to be loaded by the application; the best enctype that the client offers is chosen; lists of permitted enctypes hold where it is loaded.',
    test: 'RC4 is not there, and where it is loaded it is refused or upgraded, as the lists say',
  },
} as const satisfies Advisories;
