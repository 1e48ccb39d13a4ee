/** What there is to say about keytabs. Loaded with the parser of keytabs, too. */
import type { Explanations } from '../reasons.ts';
import type { FileDetails, Lookalike, PathDetail } from '../service-reasons.ts';

/** What to do about a provider that fails. */
export const LOOK_AT_STORE = 'look at the store in which the application has the keytab';

const AS_BYTES = 'copy it as bytes (scp; cp; not through an editor, a terminal or a text field)';

/** Of the area `keytab`. */
export const KEYTAB: Explanations<Extract<keyof FileDetails, `keytab.${string}`>> = {
  'keytab.missing': {
    text: (detail) => `${fileOf(detail)} does not exist`,
    remedies: ({ path = 'file' }) => [
      'correct the name (-keytab, KRB5_KTNAME, default_keytab_name of krb5.conf)',
      `make it: kadmin ktadd -k ${path} HTTP/www.example.com; ktpass; msktutil`,
    ],
  },
  'keytab.unreadable': {
    text: (detail) => `${fileOf(detail)} cannot be read${because(detail)}`,
    remedies: ({ path = 'file', problem = '' }) =>
      /directory|regular file|larger/.test(problem)
        ? [`name the keytab itself: ${path} is none`]
        : [
            // The words of Deno's error.
            ...(problem.includes('--allow-read') ? [`start deno with --allow-read=${path}`] : []),
            'make it readable for the user of this process and for nobody else: ' +
              `chown, chmod 600 ${path}`,
          ],
  },
  'keytab.directory-unreadable': {
    text: ({ directory, ...detail }) =>
      `${fileOf(detail)} is behind the directory ${directory ?? 'above it'}, which this process may not enter`,
    remedies: ({ directory = 'directory', path = 'file' }) => [
      `let the user of this process enter it: chmod o+x ${directory}`,
      `make the file readable for the same user: chown, chmod 600 ${path}`,
    ],
  },
  'keytab.empty': {
    text: (detail) => `${fileOf(detail)} is empty${because(detail)}`,
    remedies: ({ path = 'file' }) => [
      `export the keys into it again: kadmin ktadd -k ${path} HTTP/www.example.com; ktpass; msktutil`,
    ],
  },
  'keytab.not-a-keytab': {
    text: ({ looksLike, ...detail }) =>
      looksLike === undefined
        ? `${fileOf(detail)} is not a keytab${because(detail)}`
        : `${fileOf(detail)} is no keytab that can be read: ${LOOKALIKES[looksLike].text}`,
    remedies: ({ looksLike }) =>
      looksLike === undefined
        ? ['write the keytab again: the file is cut off, damaged or another one']
        : [LOOKALIKES[looksLike].remedy],
  },
  'keytab.bad-entry': {
    text: (detail) => `a record of ${fileOf(detail)} cannot be read${because(detail)}`,
    remedies: () => ['write the keytab again; the file may be cut off or damaged'],
  },
  'keytab.too-open': {
    text: (detail) => `${fileOf(detail)} can be read or replaced by other users${because(detail)}`,
    remedies: ({ path = 'file' }) => [
      `chmod 600 ${path}, and chown it to the user of this process`,
    ],
  },
  'keytab.sample': {
    text: (detail) => `${fileOf(detail)} has keys that are published with this package`,
    remedies: () => ['use it for trials only: anyone can impersonate any client to this service'],
  },
  'keytab.kvno-behind': {
    text: (detail) => `${fileOf(detail)} has older keys of one encryption type than of another`,
    remedies: () => ['export the keys of all encryption types again'],
  },
  'keytab.conflict': {
    text: (detail) => `${fileOf(detail)} has different keys in one place, of which one is wrong`,
    remedies: () => ['write the keytab anew, into a new file'],
  },
  'keytab.dated-ahead': {
    text: (detail) => `a key of ${fileOf(detail)} was written in the future`,
    remedies: () => ['compare the clocks of this machine and of the one that wrote the keytab'],
  },
  'keytab.realm-key': {
    text: (detail) => `${fileOf(detail)} has the key of the realm itself (krbtgt)`,
    remedies: () => [
      'remove it from the file: kadmin ktremove krbtgt/REALM',
      'change the key of krbtgt twice, as after the loss of a KDC',
    ],
  },
  'keytab.weak': {
    text: (detail) => `${fileOf(detail)} has weak keys only`,
    remedies: () => ['give the account AES keys (a new password), and export them'],
  },
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
  'keytab.changing': {
    text: (detail) => `${fileOf(detail)} is being written continuously`,
    remedies: () => ['write another file, and rename it to this one'],
  },
  'keytab.stale': {
    text: (detail) => `${fileOf(detail)} can no longer be read, and its last keys have expired`,
    remedies: () => [
      'make the keytab readable again; maxKeytabAge (-keytabage) limits how long its last keys are used',
    ],
  },
  'keytab.failed': {
    text: (detail) => `the keytab provider failed${because(detail)}`,
    remedies: () => [LOOK_AT_STORE],
  },
  'keytab.silent': {
    text: () => 'the keytab provider does not answer',
    remedies: () => [LOOK_AT_STORE],
  },
  'keytab.unknown-type': {
    text: ({ name }) =>
      `the keytab name${name === undefined ? '' : ` ${name}`} is of an unknown type`,
    remedies: () => ['write FILE:/path/of/the.keytab, or the path alone'],
  },
  'keytab.no-service': {
    text: ({ keytabPrincipals, ...detail }) =>
      keytabPrincipals.length === 0
        ? `${fileOf(detail)} has no keys`
        : `${fileOf(detail)} has no key for the service; it has ${keytabPrincipals.join(', ')}`,
    remedies: ({ keytabPrincipals }) =>
      keytabPrincipals.length === 0
        ? ["export the service's keys into it (kadmin ktadd, ktpass, msktutil, net ads keytab)"]
        : [
            'name a service that the keytab has, or none to accept every key of it',
            "export the service's keys into it (kadmin ktadd, ktpass, msktutil, net ads keytab)",
          ],
  },
};

/** What a file is that is not a keytab, and what helps. */
export const LOOKALIKES: Readonly<
  Record<Lookalike, { readonly text: string; readonly remedy: string }>
> = {
  ccache: {
    text: 'it is a credential cache: that holds tickets of a client, and no keys of a service',
    remedy: 'name the keytab: KRB5_KTNAME and KRB5CCNAME may have been exchanged',
  },
  'utf-16': {
    text: 'it is text in UTF-16, as PowerShell writes what is redirected into a file',
    remedy: AS_BYTES,
  },
  'byte-order-mark': {
    text: 'it begins with the byte order mark of UTF-8 (ef bb bf): an editor or a script saved it as text',
    remedy: AS_BYTES,
  },
  gzip: { text: 'it is compressed with gzip', remedy: 'unpack it: gunzip, tar -xzf' },
  zeros: {
    text: 'it has zeros only: it was not written, or not to the end',
    remedy: 'write the keytab again',
  },
  pem: {
    text: 'it is PEM: a certificate, or a key of TLS or SSH',
    remedy: 'export a keytab (kadmin ktadd, ktpass, msktutil): Kerberos has no certificates',
  },
  hex: { text: 'it is a keytab in hexadecimal', remedy: 'decode it: xxd -r -p file > www.keytab' },
  'hex-dump': {
    text: 'it is a hex dump of a keytab',
    remedy: 'decode it: xxd -r file > www.keytab',
  },
  base64: {
    text: 'it is a keytab in base64',
    remedy:
      'decode it: base64 -d file > www.keytab (in a Secret of Kubernetes: data, not stringData)',
  },
  klist: { text: 'it is what klist -k prints about a keytab', remedy: 'name the keytab itself' },
  'krb5.conf': {
    text: 'it is a krb5.conf',
    remedy: 'name the keytab: KRB5_KTNAME and KRB5_CONFIG may have been exchanged',
  },
  'web-page': {
    text: 'it is a web page: what was downloaded is the answer of a server, perhaps an error',
    remedy: 'download it again, and look at the answer (curl --fail)',
  },
  json: {
    text: 'it is JSON, perhaps the answer of a store of secrets',
    remedy: 'take the value out of it and decode that (base64 -d)',
  },
  text: {
    text: 'it was copied as text: ef bf bd replaces bytes that are not text',
    remedy: `${AS_BYTES}, or in base64; what was replaced is lost`,
  },
  'utf-8': {
    text: 'it was copied as text: its bytes from 80 on were written in UTF-8 (c2 and c3 precede them)',
    remedy: `${AS_BYTES}, or turn it back: iconv -f utf-8 -t latin1 file > www.keytab`,
  },
  'plain-text': {
    text: 'it is text, and a keytab is not',
    remedy: 'name the keytab itself, or export one (kadmin ktadd, ktpass, msktutil)',
  },
  'line-ends': {
    text: 'it was copied as text: each 0a in it has a 0d before it',
    remedy: `${AS_BYTES}; ftp: binary`,
  },
  'little-endian': {
    text: 'its numbers are little-endian: the program that wrote it disregarded the byte order of the format',
    remedy: 'write it with kadmin ktadd, ktutil, ktpass or msktutil',
  },
};

function fileOf({ path }: PathDetail): string {
  return path === undefined ? 'the keytab' : `the keytab file ${path}`;
}

function because({ problem }: PathDetail): string {
  return problem === undefined ? '' : `: ${problem}`;
}
