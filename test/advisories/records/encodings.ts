import type { Advisories } from '../advisory.ts';

/** Bytes that are no good encoding: ASN.1, delegated credentials, exported names and contexts. */
export const ENCODINGS = {
  recursion: {
    ids: ['CVE-2020-28196'],
    peer: 'MIT krb5',
    flaw: 'Nested indefinite lengths of ASN.1 overrun the stack.',
    here: 'Lengths are definite, and depth is bounded by the decoders; AD-IF-RELEVANT is opened a few levels deep.',
    test: 'nesting of any depth ends in a typed refusal, or is passed over',
  },
  lengthArithmetic: {
    ids: ['CVE-2009-0847'],
    peer: 'MIT krb5',
    flaw: 'A length near 2^31 or 2^32 wraps around in pointer arithmetic.',
    here: 'Lengths have at most four bytes, are added as exact numbers, and are compared with the remaining bytes.',
    test: 'lengths near powers of two are refused at every place',
  },
  times: {
    ids: ['CVE-2009-0846'],
    peer: 'MIT krb5',
    flaw: 'A malformed GeneralizedTime leaves a pointer undefined.',
    here: 'A time must have the form YYYYMMDDHHMMSSZ and be an existing date; otherwise the message is refused.',
    test: 'an authenticator with a malformed time is refused',
  },
  emptyDelegation: {
    ids: ['MIT krb5 ticket 9220'],
    peer: 'MIT krb5',
    flaw: 'The first of no delegated tickets is dereferenced.',
    here: 'A KRB-CRED has at least one ticket and tells of each of them, or the request is refused.',
    test: 'a KRB-CRED without tickets is refused',
  },
  exportedNames: {
    ids: ['MIT krb5 ticket 9217'],
    peer: 'MIT krb5',
    flaw: 'An exported name with bytes behind it ends the process by an assertion.',
    here: 'Whatever is wrong with an exported name is GSS_S_BAD_NAME or GSS_S_BAD_MECH.',
    test: 'exported names cut, extended or altered are bad names',
  },
  exportedContexts: {
    ids: ['CVE-2015-2698'],
    peer: 'MIT krb5',
    flaw: 'Exporting or importing a context corrupts memory.',
    here: 'The digest of an export is checked before it is read: a damaged export is GSS_S_DEFECTIVE_TOKEN.',
    test: 'exported contexts cut or altered anywhere are defective tokens',
  },
} as const satisfies Advisories;
