/** What an administrator gives us: keytabs, krb5.conf, rules for local names. */
import { bytesEqual, decodeUtf8, encodeUtf8, toHex } from '../../../src/bytes.ts';
import { localName } from '../../../src/config/local-name.ts';
import { acceptorPolicy, parseKerberosConfig, realmOfHost } from '../../../src/config/settings.ts';
import { checkTransited } from '../../../src/config/transited.ts';
import type { Keytab } from '../../../src/keytab/keytab.ts';
import { formatKeytab, parseKeytab } from '../../../src/keytab/keytab.ts';
import { acquireCredential } from '../../../src/krb5/credential.ts';
import { formatPrincipal, parsePrincipal } from '../../../src/messages/principal.ts';
import { createInitiator } from '../../../src/testing/index.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { freshAcceptor } from './accept.ts';
import { clock, keytab, mint, seededRandom } from './realm.ts';

export function fileTargets(): Target[] {
  return [
    { name: 'keytab', shape: 'binary', seeds: keytabs(), run: readKeytab },
    { name: 'krb5-conf', shape: 'text', seeds: configurations(), run: readConfiguration },
    { name: 'auth-to-local', shape: 'text', seeds: rules(), run: applyRule },
    { name: 'transited', shape: 'text', seeds: transited(), run: checkPath },
  ];
}

const TOKEN = createInitiator({ ticket: mint(), clock, random: seededRandom(3) }).begin();

function keytabs(): Case[] {
  const version1 = { ...keytab, version: 1 as const };
  return [
    [formatKeytab(keytab)],
    [formatKeytab(version1)],
    [formatKeytab({ ...version1, byteOrder: 'little' })],
    [formatKeytab({ version: 2, entries: [] })],
  ];
}

/** Reads it, writes it, and presents a ticket to it. */
async function readKeytab([bytes]: Case): Promise<string> {
  const first = parseKeytab(bytes!);
  const written = formatKeytab(first);
  const second = parseKeytab(written);
  if (!bytesEqual(written, formatKeytab(second)) || summary(first) !== summary(second)) {
    throw new Breach('a keytab is not what was written');
  }
  const credential = await acquireCredential({ keytab: first, onWarning: () => {} });
  const result = await freshAcceptor({ credential }).begin().accept(TOKEN);
  if (result.status === 'failed') throw result.error;
  return `${result.status} of ${first.entries.length}`;
}

function summary({ entries }: Keytab): string {
  return JSON.stringify(
    entries.map(({ principal, kvno, timestamp, key }) => [
      formatPrincipal(principal),
      kvno,
      timestamp,
      key.enctype,
      toHex(key.bytes()),
    ]),
  );
}

const CONFIGURATION = `# comment
[libdefaults]
  default_realm = EXAMPLE.TEST
  clockskew = 4m30s
  permitted_enctypes = DEFAULT -aes128-cts +rc4
  allow_weak_crypto = false
  default_keytab_name = FILE:/etc/%{uid}.keytab
  ignore_acceptor_hostname = yes
[realms]*
  EXAMPLE.TEST = {
    kdc = kdc.example.test
    auth_to_local = RULE:[2:$1;$2](^.*;admin$)s/;admin$//
    auth_to_local = RULE:[1:$1@$0](.*@OTHER.TEST)s/@.*//g s/^a+/b/
    auth_to_local = DEFAULT
    auth_to_local_names = {
      root = "ro\\"ot"
    }*
  }
  OTHER.TEST =
  {
    admin_server = x
  }
[domain_realm]
  .example.test = EXAMPLE.TEST
  www.other.test = OTHER.TEST
[capaths]
  A.TEST = {
    EXAMPLE.TEST = B.TEST
    EXAMPLE.TEST = C.TEST
    B.TEST = .
  }
`;

function configurations(): Case[] {
  return [[encodeUtf8(CONFIGURATION)], [encodeUtf8('')], [encodeUtf8('[libdefaults]\n')]];
}

function readConfiguration([bytes]: Case): string {
  const config = parseKerberosConfig(decodeUtf8(bytes!, 'krb5.conf'));
  acceptorPolicy(config);
  for (const host of ['www.example.test', 'a.b.c.other.test.', '10.0.0.1', '']) {
    realmOfHost(host, config);
  }
  for (const principal of PRINCIPALS) localName(principal, config);
  checkTransited(encodeUtf8('B.TEST'), 'A.TEST', 'EXAMPLE.TEST', config);
  return `${config.warnings.length} warnings`;
}

const PRINCIPALS = [
  'alice@EXAMPLE.TEST',
  'alice/admin@EXAMPLE.TEST',
  'aaaaaaaaaaaa@OTHER.TEST',
  'root@EXAMPLE.TEST',
  `${'a'.repeat(1000)}@OTHER.TEST`,
].map((text) => parsePrincipal(text));

/** Parts: a rule, a client's name. */
function rules(): Case[] {
  const texts = [
    'RULE:[1:$1@$0](.*@EXAMPLE.TEST)s/@.*//',
    'RULE:[2:$2-$1](^[ab].*-.{1,9}$)s/[a-c]*/x/g s/^x//',
    'RULE:[1:$1]([[:alpha:]]+x?)s/((a|b)*|c)+d?/x/g',
    'DEFAULT',
    'RULE:s/a/b/g',
  ];
  const names = [
    'alice@EXAMPLE.TEST',
    'bob/admin@EXAMPLE.TEST',
    `${'ab'.repeat(400)}@EXAMPLE.TEST`,
  ];
  return texts.flatMap((rule) => names.map((name): Case => [encodeUtf8(rule), encodeUtf8(name)]));
}

function applyRule([rule = EMPTY, name = EMPTY]: Case): string {
  const text = decodeUtf8(rule, 'rule').replaceAll('\n', ' ');
  const config = parseKerberosConfig(
    `[libdefaults]\ndefault_realm = EXAMPLE.TEST\n[realms]\nEXAMPLE.TEST = {\nauth_to_local = ${text}\n}\n`,
  );
  const local = localName(parsePrincipal(decodeUtf8(name, 'name'), 'EXAMPLE.TEST'), config);
  if (local !== undefined && (local === '' || local.length > 2048 || local.includes('\0'))) {
    throw new Breach('a local name that no account can have');
  }
  return local === undefined ? 'no name' : 'a name';
}

/** Parts: the transited field, the client's realm, the server's realm. */
function transited(): Case[] {
  const parts = (...texts: string[]): Case => texts.map(encodeUtf8);
  return [
    parts('B.EXAMPLE.TEST,C.', 'A.B.EXAMPLE.TEST', 'EXAMPLE.TEST'),
    parts('EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS.', 'X.ATHENA.MIT.EDU', 'CS.WASHINGTON.EDU'),
    parts('/COM,/HP,/APOLLO, /COM/DEC', '/COM/HP', '/COM/DEC/X'),
    parts(',', 'A.B.C.D', 'X.Y.C.D'),
    parts(' a\\,b\\\\,,', 'A', 'B'),
  ];
}

function checkPath([contents = EMPTY, client = EMPTY, server = EMPTY]: Case): string {
  const [from, to] = [client, server].map((realm) => decodeUtf8(realm, 'realm'));
  checkTransited(contents, from!, to!, { capaths: new Map() });
  return 'on the path';
}

const EMPTY = new Uint8Array(0);
