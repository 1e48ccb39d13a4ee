/** What there is to say about keytabs. */
import { LOOKALIKES } from '../lookalikes.ts';
import type { Explanations } from '../reasons.ts';
import type { FileDetails, PathDetail } from '../service-reasons.ts';
import { LOOK_AT_STORE, UNUSABLE_KEYS } from '../unusable-keys.ts';

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
  ...UNUSABLE_KEYS,
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

function fileOf({ path }: PathDetail): string {
  return path === undefined ? 'the keytab' : `the keytab file ${path}`;
}

function because({ problem }: PathDetail): string {
  return problem === undefined ? '' : `: ${problem}`;
}
