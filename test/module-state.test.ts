/** Which modules remember something from one call to the next, and why they may. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { moduleState } from './support/module-state.ts';

const MAY_REMEMBER: Readonly<Record<string, string>> = {
  'ap/client-policy.ts: hierarchy': 'a module, set once, when a ticket first needs it',
  'crypto/backend.ts: ZERO_BLOCK': 'an IV of zeros, which nothing writes to',
  'crypto/base-crypto.ts: found': 'the primitives of the runtime, looked for at their first use',
  'crypto/base-crypto.ts: loadedProfiles':
    'the enctypes of the default provider, loaded or not yet',
  'crypto/derivation.ts: FOLDED':
    'n-folds of constants (RFC 3961 §5.1): public, one for each usage and size',
  'crypto/legacy/rc4-hmac.ts: ZERO': 'four zeros (RFC 4757 §7.3), which nothing writes to',
  'crypto/noble/aes.ts: ROOM_128': 'working buffer of synchronous calls, wiped by each',
  'crypto/noble/aes.ts: ROOM_256': 'working buffer of synchronous calls, wiped by each',
  'crypto/noble/hmac.ts: WORKING': 'working hashes of synchronous calls, wiped by each',
  'crypto/noble/loaded.ts: loaded': 'a module, set once, when noble is first needed',
  'crypto/provider.ts: loadRegistered': 'set once, when base-crypto.ts is loaded',
  'crypto/provider.ts: registered': 'set once, when base-crypto.ts is loaded',
  'errors.ts: catalogue': 'set once, when the catalogue of texts is loaded',
  'handshake-step.ts: importer': 'a module, set once, when an exported exchange first continues',
  'hooks.ts: FAILED': 'weak: callbacks whose failure has been reported',
  'iakerb/mechanism.ts: relay': 'a module, set once, when an initiator first wants a relay',
  'inspect/page/main.ts: clearings':
    'a page that runs once, in a browser: how often it was cleared',
  'inspect/page/main.ts: file': 'a page that runs once, in a browser: the file that is shown',
  'inspect/page/main.ts: keytab': 'a page that runs once, in a browser: the chosen keytab',
  'inspect/page/main.ts: runs': 'a page that runs once, in a browser: which run is the last one',
  'inspect/page/main.ts: shown': 'a page that runs once, in a browser: what is shown',
  'inspect/page/main.ts: tree': 'a page that runs once, in a browser: the tree on it',
  'inspect/page/tree.ts: nextId': 'a page that runs once, in a browser: ids of its elements',
  'keytab/facts.ts: acceptedEntries': 'weak: derived from a keytab, which does not change',
  'keytab/facts.ts: enctypeLists': 'weak: derived from a keytab, which does not change',
  'keytab/facts.ts: lowBytes': 'weak: derived from a keytab, which does not change',
  'keytab/facts.ts: timestamps': 'weak: derived from a keytab, which does not change',
  'keytab/facts.ts: kvnoLists': 'weak: derived from a keytab, which does not change',
  'keytab/keytab-index.ts: NONE': 'an empty map, replaced before anything is added',
  'keytab/keytab-index.ts: indexes': 'weak: derived from a keytab, which does not change',
  'krb5/credential.ts: explainer':
    'a module, set once, when a ticket or a keytab first lacks a key',
  'krb5/establish.ts: SERVICE_NAMES': 'weak: derived from a principal of the keytab',
  'krb5/establish.ts: opener': 'a module, set once, when an initiator first delegates',
  'krb5/request.ts: hasher': 'a module, set once, when an exchange first has channel bindings',
  'krb5/request.ts: NO_BINDINGS': 'sixteen zeros (RFC 4121 §4.1.1.2), which nothing writes to',
  'messages/der/recent-texts.ts: TEXTS':
    '1024 short texts that came in clear or out of tickets; nothing secret',
  'node/first-connections.ts: WAITING':
    'weak: sign-ons to which no request has come yet; those that are gone are removed',
  'node/header-limit.ts: ATTACHED': 'weak: our own listeners on servers of the application',
  'node/header-limit.ts: ATTENDED': 'weak: servers of the application that were seen to',
  'node/kdc/transports.ts: CLOSED': 'an error for all attempts, made once; nothing writes to it',
  'node/kdc/transports.ts: NOTHING': 'an error for all attempts, made once; nothing writes to it',
  'node/kdc/transports.ts: NO_NAME': 'an error for all attempts, made once; nothing writes to it',
  'node/kdc/transports.ts: TOO_LONG': 'an error for all attempts, made once; nothing writes to it',
  'node/observe/trace-file.ts: followed': 'whether KRB5_TRACE has been looked at',
  'node/tls-bindings.ts: PRESENTED': 'weak: the certificates of a TLS server of the application',
  'pac/buffer-readers.ts: rare': 'a module, set once, when a PAC first needs it',
  'tokens/formats.ts: registered': 'set once, when the entry of weak enctypes is loaded',
};

it('modules keep no state but what is listed here with its reason', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).map((file) =>
    file.replaceAll('\\', '/'),
  );
  const found = moduleState(files.filter((file) => file.endsWith('.ts')));
  expect(found).toEqual(Object.keys(MAY_REMEMBER).sort());
});
