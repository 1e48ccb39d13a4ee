/** Names and OIDs in all their forms, and exported contexts. */
import { bytesEqual, decodeUtf8, encodeUtf8 } from '../../../src/bytes.ts';
import { defaultCrypto } from '../../../src/crypto/default-crypto.ts';
import { parseMechanism } from '../../../src/gss/mechanism.ts';
import { exportNameComposite } from '../../../src/gss/name.ts';
import type { Oid } from '../../../src/index.ts';
import {
  canonicalizeName,
  compareNames,
  exportName,
  formatOid,
  GssName,
  GssNameType,
  importName,
  importSecurityContext,
  parseOid,
} from '../../../src/index.ts';
import { formatServiceName, parseServiceName } from '../../../src/keytab/service-name.ts';
import {
  formatPrincipal,
  parsePrincipal,
  principalEqual,
} from '../../../src/messages/principal.ts';
import { establish } from '../../support/realm-kit.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { exercise } from './exercise.ts';
import { CLIENT, SERVICE, seededRandom } from './realm.ts';

export async function nameTargets(): Promise<Target[]> {
  return [
    ...Object.entries(READERS).map(([name, read]) => ({
      name,
      shape: 'text' as const,
      seeds: texts(),
      run: ([bytes]: Case) => {
        read(decodeUtf8(bytes!, 'name'));
        return 'read';
      },
    })),
    ...Object.entries(GssNameType).map(([name, type]) => ({
      name: `name-${name}`,
      shape: 'text' as const,
      seeds: [...texts(), ...exportedNames()],
      run: ([bytes]: Case) => importAndExport(bytes!, type),
    })),
    {
      name: 'import-context',
      shape: 'binary',
      seeds: await exportedContexts(),
      run: ([bytes]) => {
        // Whoever may write the bytes holds the keys; what he writes must still not confuse us.
        exercise(importSecurityContext(withDigest(bytes!), { random: seededRandom(1) }));
        return 'imported';
      },
    },
    {
      name: 'import-damaged-context',
      shape: 'binary',
      seeds: (await exportedContexts()).map(([body]) => [withDigest(body!)]),
      run: ([bytes]) => {
        importSecurityContext(bytes!);
        if (!GENUINE.has(Buffer.from(bytes!).toString('hex'))) {
          throw new Breach('a damaged context was imported');
        }
        return 'imported';
      },
    },
  ];
}

function texts(): Case[] {
  return [
    CLIENT,
    SERVICE,
    'host@server.example.test',
    'HTTP',
    '*',
    'a\\/b\\@c/\\n\\0@REALM\\\\',
    'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS',
    'alice@example.test@REALM',
    '1.2.840.113554.1.2.2',
    '{ 1 2 840 113554 1 2 2 }',
    '2.999.340282366920938463463374607431768211455',
    'kerberos_v5',
  ].map((text): Case => [encodeUtf8(text)]);
}

function roundTripPrincipal(text: string): void {
  const principal = parsePrincipal(text, 'DEFAULT');
  if (text.length > MAX_ROUND_TRIP) return;
  if (!principalEqual(principal, parsePrincipal(formatPrincipal(principal)))) {
    throw new Breach('a principal is written as another one');
  }
}

function roundTripOid(text: string): void {
  const oid = parseOid(text);
  if (parseOid(formatOid(oid, 'braces')) !== oid) throw new Breach('an OID is written as another');
}

function importAndExport(bytes: Uint8Array, type: Oid): string {
  const options = { defaultRealm: 'EXAMPLE.TEST' };
  const name = importName(bytes, type, options);
  if (bytes.length > MAX_ROUND_TRIP) return 'long';
  const canonical = canonicalizeName(name, undefined, options);
  compareNames(name, canonical, options);
  const exported = exportName(canonical);
  if (!bytesEqual(exported, exportName(importName(exported, GssNameType.exportName)))) {
    throw new Breach('a name is exported as another one');
  }
  return 'imported';
}

function exportedNames(): Case[] {
  const name = GssName.ofPrincipal(parsePrincipal(SERVICE), Uint8Array.of(1, 2, 3));
  return [[exportName(name)], [exportNameComposite(name)]];
}

/** Without their digests. */
async function exportedContexts(): Promise<Case[]> {
  const pac = { logonInfo: {}, requestorSid: 'S-1-5-21-1-2-3-1103' };
  const contexts = await Promise.all([
    establish(),
    establish({ ticket: { pac, renewTill: 2_000_000_000, startTime: 1_700_000_000 } }),
    establish({ initiator: { flags: 0 } }),
  ]);
  return contexts.flatMap(({ client, server }) =>
    [client, server].map((context): Case => {
      const exported = context.export();
      GENUINE.add(Buffer.from(exported).toString('hex'));
      return [exported.slice(0, -32)];
    }),
  );
}

const READERS: Readonly<Record<string, (text: string) => void>> = {
  principal: roundTripPrincipal,
  'service-name': (text) => void formatServiceName(parseServiceName(text)),
  oid: roundTripOid,
  mechanism: (text) => void parseMechanism(text),
};

// What it takes to do all of it once more is not what one call takes.
const MAX_ROUND_TRIP = 4096;

const GENUINE = new Set<string>();

function withDigest(body: Uint8Array): Uint8Array {
  const digest = defaultCrypto.backend.hash('sha256', body);
  return Uint8Array.from([...body, ...digest]);
}
