/** What there is to say about keys without the catalogue. Loaded with each credential, which looks for faults. */
import type { Explanations } from './reasons.ts';

/** What to do about a provider that fails. */
export const LOOK_AT_STORE = 'look at the store in which the application has the keytab';

/** Of the area `keytab`. */
export const UNUSABLE_KEYS: Explanations<
  'keytab.unusable' | 'keytab.newest-unusable' | 'keytab.not-used'
> = {
  'keytab.unusable': {
    text: ({ principals, enctypes }) =>
      `no key of ${principals.join(', ')} can be used here: ${enctypes.join(', ')}`,
    remedies: ({ enctypes }) => [
      'have the KDC use aes256-cts-hmac-sha1-96, and export the keys again; in Active Directory: ' +
        'msDS-SupportedEncryptionTypes of the account, then a new password',
      ...(enctypes.some((name) => /arcfour|des3/.test(name))
        ? [
            'or permit RC4 or DES3 for a while: allow_rc4 = true, allow_des3 = true in krb5.conf, and ' +
              'in permitted_enctypes where it is set; withLegacyEnctypes in code',
          ]
        : []),
    ],
  },
  'keytab.newest-unusable': {
    text: ({ principals, enctypes }) =>
      `the newest keys of ${principals.join(', ')} cannot be used here (${enctypes.join(', ')}), and ` +
      'older ones open no new ticket',
    remedies: () => [
      'export the newest keys with aes256-cts-hmac-sha1-96, too (ktpass: /crypto AES256-SHA1); the KDC ' +
        'must use it',
    ],
  },
  'keytab.not-used': {
    text: ({ principals, enctypes }) =>
      `keys of ${principals.join(', ')} are not used: ${enctypes.join(', ')}`,
    remedies: () => ['nothing needs to be done while tickets are of other encryption types'],
  },
};
