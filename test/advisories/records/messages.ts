import type { Advisories } from '../advisory.ts';

/** Per-message tokens: RFC 4121 §4.2, RFC 1964, RFC 4757. */
export const MESSAGES = {
  everyMicByte: {
    ids: ['CVE-2025-57736'],
    peer: 'MIT krb5',
    flaw: 'The outcome of a MIC’s checksum comparison is lost, so that wrong MICs are accepted.',
    here: 'Verification returns only for the right checksum; every byte of a MIC and of its message is significant, for every enctype.',
    test: 'a MIC is refused with any byte of it or of its message altered',
  },
  extraCount: {
    ids: ['CVE-2024-37370'],
    peer: 'MIT krb5',
    flaw: 'The Extra Count in the clear is not compared with the encrypted one, so that an attacker can truncate a sealed message.',
    here: 'The whole header is compared with its encrypted copy before any byte of the message is returned.',
    test: 'a token with an altered EC, or another EC in its encrypted header, does not open',
  },
  cutMessages: {
    ids: ['CVE-2024-37371'],
    peer: 'MIT krb5',
    flaw: 'Tokens shorter than their headers announce lead to reads of invalid memory.',
    here: 'Every length is compared with the available bytes; a plaintext shorter than a header is a bad MIC.',
    test: 'tokens cut anywhere, and plaintexts shorter than a header, are refused',
  },
  otherMechanismsTokens: {
    ids: ['CVE-2014-4342'],
    peer: 'MIT krb5',
    flaw: 'A token of RFC 1964 in a context of RFC 4121 is processed with keys that do not exist.',
    here: 'The key’s enctype selects the format; tokens of the other format are defective.',
    test: 'tokens of RFC 1964 are defective in a context of RFC 4121, and vice versa',
  },
  oldTokenLengths: {
    ids: ['CVE-2014-4341'],
    peer: 'MIT krb5',
    flaw: 'Old tokens with a short header or more padding than message underflow a length.',
    here: 'Lengths are checked first; padding is checked together with the checksum, so that neither is an oracle.',
    test: 'old tokens with short headers, or padding longer than the message, are refused',
  },
  invertedComparison: {
    ids: ['CVE-2022-45142'],
    peer: 'Heimdal',
    flaw: 'The result of a comparison is inverted in backported code: wrong checksums are accepted, or right ones refused.',
    here: 'One constant-time comparison returns a boolean, and both outcomes are tested.',
    test: 'old tokens verify with the right checksum and no other',
  },
  shortOldTokens: {
    ids: ['CVE-2022-3437'],
    peer: 'Heimdal, Samba',
    flaw: 'Decrypting a short DES3 or RC4 token writes beyond its buffer.',
    here: 'Lengths are checked before anything is decrypted, and decryption works on a copy.',
    test: 'DES3 and RC4 tokens of every shorter length are refused and not modified',
  },
  wrapper: {
    ids: ['MIT krb5 ticket 9181'],
    peer: 'MIT krb5',
    flaw: 'The ASN.1 wrapper of a token whose length is wrong is accepted.',
    here: 'The wrapper must match the token exactly.',
    test: 'a Wrap token is refused with any byte of it altered, its wrapper included',
  },
  deleteToken: {
    ids: ['CVE-2014-5352'],
    peer: 'MIT krb5',
    flaw: 'A delete token frees a context that the application still uses.',
    here: 'A delete token closes the context: its keys are wiped, and each later call is GSS_S_NO_CONTEXT.',
    test: 'after a delete token every call fails with GSS_S_NO_CONTEXT',
  },
  decryptionOracle: {
    ids: ['CVE-2013-0169'],
    peer: 'TLS libraries (Lucky Thirteen)',
    flaw: 'The error reveals whether padding, header or checksum of a ciphertext is wrong.',
    here: 'A sealed token that does not open is GSS_S_BAD_MIC without detail, whatever the reason.',
    test: 'sealed tokens that do not open all fail alike',
  },
  keystream: {
    ids: ['RFC 4757 §7.3'],
    peer: 'Every implementation of RC4 in GSS-API',
    flaw: 'Both directions seal messages of one sequence number with one keystream, and without an AP-REP they have the same numbers.',
    here: 'RC4 seals nothing for a client without mutual authentication; with it each side has numbers of its own.',
    test: 'RC4 never seals the two directions with one keystream',
  },
} as const satisfies Advisories;
