/** PACs, as they come and signed anew, buffer by buffer; and what claims are compressed with. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { bytesEqual, fromHex, Reader } from '../../../src/bytes.ts';
import { KeyUsage } from '../../../src/crypto/numbers.ts';
import { KerberosError } from '../../../src/errors.ts';
import { addRareReaders } from '../../../src/pac/buffer-readers.ts';
import { expand } from '../../../src/pac/compression/expand.ts';
import { importPac, verifyPac } from '../../../src/pac/pac.ts';
import { PacBufferType, parsePacType } from '../../../src/pac/pac-type.ts';
import { rareReaders } from '../../../src/pac/rare-buffers.ts';
import { mintPac } from '../../../src/testing/pac.ts';
import { encodeClaimsMetadata, encodeClaimsSet } from '../../../src/testing/pac-buffers.ts';
import { compressLznt1 } from '../../support/lznt1.ts';
import type { RecordedPac } from '../../support/pac.ts';
import { aesKey, frame, ticketFor } from '../../support/pac.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { readPac } from './exercise.ts';
import { NOW_SECONDS } from './realm.ts';

addRareReaders(rareReaders);

export function pacTargets(): Target[] {
  const pacs = [...mintedPacs(), ...recordedPacs().map(withOurClient)];
  const signed = pacs.map((pac): Case => [sign(pac)]);
  return [
    { name: 'pac-as-it-is', shape: 'binary', seeds: signed, run: ([pac]) => verifyAltered(pac!) },
    {
      name: 'pac-signed',
      shape: 'binary',
      seeds: signed,
      run: ([pac]) => {
        const verified = verifyPac(sign(pac!), TICKET, KEY);
        readPac(verified);
        readPac(importPac(verified.bytes(), false));
        return `verified ${verified.bufferTypes} ${verified.malformed.map((one) => one.type)}`;
      },
    },
    { name: 'pac-buffer', shape: 'binary', seeds: bufferSeeds(pacs), run: readBuffer },
    { name: 'claims-expand', shape: 'binary', seeds: compressed(), run: expandClaims },
  ];
}

const KEY = aesKey(0x5a);
const TICKET = ticketFor('alice', NOW_SECONDS);

function mintedPacs(): Uint8Array[] {
  const sid = 'S-1-5-21-1-2-3';
  const groups = [512, 513, 1105].map((relativeId) => ({ relativeId, attributes: 7 }));
  const claims = [
    { id: 'ad://ext/number', type: 'int64' as const, source: 1, values: [1n, -1n] },
    { id: 'ad://ext/text', type: 'string' as const, source: 1, values: ['a', 'bb', ''] },
    { id: 'ad://ext/truth', type: 'boolean' as const, source: 2, values: [true, false] },
  ];
  return [
    mintPac(TICKET, {}, { serverKey: KEY }),
    mintPac(
      TICKET,
      {
        logonInfo: {
          groupIds: groups,
          userFlags: 0x220,
          extraSids: [{ sid: 'S-1-18-1', attributes: 7 }],
          resourceGroupDomainSid: sid,
          resourceGroupIds: groups,
        },
        claims,
        deviceClaims: claims,
        requestorSid: `${sid}-1103`,
      },
      { serverKey: KEY, kdcKey: aesKey(0x33) },
    ),
  ];
}

function recordedPacs(): Uint8Array[] {
  const { pac } = loadFixture<{ pac: RecordedPac }>('gokrb5.json');
  const lists = ['kerberos-net.json', 'mit-krb5.json'].flatMap(
    (file) => loadFixture<{ pacs: RecordedPac[] }>(file).pacs,
  );
  return [pac, ...lists].map((recorded) => fromHex(recorded.pac));
}

/** The buffers of a recorded PAC beside client and signatures that are ours. */
function withOurClient(pac: Uint8Array): Uint8Array {
  const buffers = parsePacType(pac).buffers.filter(({ type }) => !OURS.includes(type));
  return mintPac(TICKET, { buffers }, { serverKey: KEY });
}

/** Signs whatever can be taken apart; other bytes stay as they are. */
function sign(bytes: Uint8Array): Uint8Array {
  const pac = bytes.slice();
  try {
    const { buffers } = parsePacType(pac);
    const signatures = buffers.filter(({ type }) => SIGNATURES.includes(type));
    for (const { offset, data } of signatures) pac.fill(0, offset + 4, offset + data.length);
    for (const { type, offset, data } of signatures) {
      if (type !== PacBufferType.serverSignature || data.length < 4 + KEY.checksumLength) continue;
      pac.set(Uint8Array.of(KEY.checksumType, 0, 0, 0), offset);
    }
    const checksum = KEY.checksum(KeyUsage.pacChecksum, pac);
    for (const { type, offset, data } of signatures) {
      if (type !== PacBufferType.serverSignature || data.length < 4 + checksum.length) continue;
      pac.set(checksum, offset + 4);
    }
  } catch (error) {
    if (!(error instanceof KerberosError)) throw error;
  }
  return pac;
}

/** Nothing may change but the signatures of the KDC, which nobody here can check. */
function verifyAltered(pac: Uint8Array): string {
  const verified = verifyPac(pac, TICKET, KEY);
  if (!GENUINE.some((own) => bytesEqual(covered(own), covered(pac)))) {
    throw new Breach('an altered PAC was verified');
  }
  readPac(verified);
  return 'verified';
}

/** What the server signature protects, and itself. */
function covered(bytes: Uint8Array): Uint8Array {
  const pac = bytes.slice();
  for (const { type, offset, data } of parsePacType(pac).buffers) {
    if (type === PacBufferType.kdcSignature) pac.fill(0, offset + 4, offset + data.length);
    // Behind the checksum: an RODCIdentifier.
    if (type === PacBufferType.serverSignature) pac.fill(0, offset + 16, offset + data.length);
  }
  return pac;
}

/** Parts: the type, in one byte; the buffer. */
function bufferSeeds(pacs: readonly Uint8Array[]): Case[] {
  const seeds = pacs.flatMap((pac) =>
    parsePacType(pac).buffers.map(({ type, data }): Case => [Uint8Array.of(type), data.slice()]),
  );
  return [...seeds.filter(([type]) => !OURS.includes(type![0]!)), claimsBomb()];
}

/** Some hundred bytes that expand to nearly as many claims as are taken. */
function claimsBomb(): Case {
  const values = Array.from({ length: 60_000 }, () => 1n);
  const set = encodeClaimsSet([{ id: 'a', type: 'int64', source: 1, values }]);
  const data = encodeClaimsMetadata(compressLznt1(set), 2, set.length);
  return [Uint8Array.of(PacBufferType.clientClaims), data];
}

function readBuffer([type = EMPTY, data = EMPTY]: Case): string {
  const pac = frame([
    { type: PacBufferType.clientInfo, data: CLIENT_INFO },
    { type: PacBufferType.serverSignature, data: new Uint8Array(16) },
    { type: PacBufferType.kdcSignature, data: new Uint8Array(16) },
    { type: type[0] ?? 0, data },
  ]);
  const verified = verifyPac(sign(pac), TICKET, KEY);
  readPac(verified);
  const [first] = verified.malformed;
  if (first !== undefined) throw first.error;
  return `read ${type[0]}`;
}

/** By the place that npm starts programs in: compiled ones stand elsewhere. */
function loadFixture<T>(name: string): T {
  return JSON.parse(readFileSync(resolve('fixtures/pac', name), 'utf8')) as T;
}

/** Parts: format and announced length, compressed bytes. */
function compressed(): Case[] {
  const text = Buffer.from('ad://ext/department:88d5d9085ea5c0c0 '.repeat(40));
  const { examples } = loadFixture<{
    examples: { format: string; compressed: string; text?: string }[];
  }>('compression.json');
  const formats: Readonly<Record<string, number>> = { lznt1: 2, xpress: 3, xpressHuffman: 4 };
  const recorded = examples
    .filter(({ compressed }) => compressed.length < 20_000)
    .map(({ format, compressed, text = '' }) => [
      header(formats[format] ?? 4, text.length),
      fromHex(compressed),
    ]);
  return [[header(2, text.length), compressLznt1(text)], ...recorded];
}

function header(format: number, length: number): Uint8Array {
  return Uint8Array.of(format, length, length >>> 8, length >>> 16, length >>> 24);
}

function expandClaims([head = EMPTY, data = EMPTY]: Case): string {
  const reader = new Reader(head, 'format and length');
  const format = reader.u8();
  const length = reader.u32(true);
  const expanded = expand(format, data, length);
  if (format !== 0 && expanded.length !== length) throw new Breach('expanded to another length');
  return `expanded by format ${format}`;
}

const EMPTY = new Uint8Array(0);
const OURS: readonly number[] = [6, 7, 10, 16, 19];
const SIGNATURES: readonly number[] = [6, 7];
const CLIENT_INFO = parsePacType(mintedPacs()[0]!).buffers.find(
  ({ type }) => type === PacBufferType.clientInfo,
)!.data;
const GENUINE = [...mintedPacs(), ...recordedPacs().map(withOurClient)].map(sign);
