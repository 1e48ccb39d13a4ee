/** Published flaws of PACs and enctypes, tried on this package. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { Writer } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import type { AcceptorOptions, AcceptResult } from '../../src/index.ts';
import { Enctype, formatKeytab, parseKeytab, TicketFlag } from '../../src/index.ts';
import type { AuthorizationData } from '../../src/messages/authorization-data.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
} from '../../src/messages/authorization-data.ts';
import type { EncTicketPart } from '../../src/messages/ticket.ts';
import { decodeEncTicketPart, encodeEncTicketPart } from '../../src/messages/ticket.ts';
import { findPac } from '../../src/pac/locate.ts';
import { PacBufferType, parsePacType } from '../../src/pac/pac-type.ts';
import type { MintTicketOptions } from '../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import { defaultLogonInfo } from '../../src/testing/pac.ts';
import { encodeClientInfo } from '../../src/testing/pac-buffers.ts';
import { aesKey, frame } from '../support/pac.ts';
import {
  CLIENT,
  makeKeytab,
  makeParties,
  NOW,
  NOW_SECONDS,
  seededRandom,
} from '../support/realm-kit.ts';
import { testsOf } from './advisory.ts';
import { TICKETS } from './records/tickets.ts';
import { contextOf, failureOf } from './support.ts';

const advisory = testsOf(TICKETS);
const keytab = makeKeytab();
const serviceKey = keytab.entries[0]!.key;
const kdcKey = aesKey(9);
const GROUPS = { logonInfo: { groupIds: [{ relativeId: 1200, attributes: 7 }] } } as const;
const ADMINS = { logonInfo: { groupIds: [{ relativeId: 512, attributes: 7 }] } } as const;

/** Presents a ticket that says this. */
async function present(
  ticket: Partial<MintTicketOptions>,
  acceptor: Partial<AcceptorOptions> = {},
): Promise<AcceptResult> {
  const { initiator, begin } = await makeParties({ keytab, ticket, acceptor });
  return await begin().accept(initiator.begin());
}

/** Presents a ticket that was good, and is altered by somebody who has the service's key. */
async function presentAltered(
  ticket: Partial<MintTicketOptions>,
  acceptor: Partial<AcceptorOptions>,
  alter: (part: EncTicketPart) => EncTicketPart,
): Promise<AcceptResult> {
  const { begin, ticket: minted } = await makeParties({ keytab, ticket, acceptor });
  const { encPart } = minted.ticket;
  const part = decodeEncTicketPart(serviceKey.decrypt(KeyUsage.ticket, encPart.cipher));
  const plain = encodeEncTicketPart(alter(part));
  const cipher = serviceKey.encrypt(KeyUsage.ticket, plain, seededRandom(4));
  const forged = { ...minted, ticket: { ...minted.ticket, encPart: { ...encPart, cipher } } };
  return await begin().accept(createInitiator({ ticket: forged, clock: () => NOW }).begin());
}

function relevant(...elements: AuthorizationData): AuthorizationData {
  return [{ type: AuthorizationDataType.ifRelevant, data: encodeAuthorizationData(elements) }];
}

function asData(pac: Uint8Array): AuthorizationData {
  return relevant({ type: AuthorizationDataType.win2kPac, data: pac });
}

/** The PAC of a ticket that is otherwise the usual one. */
function pacOf(options: Partial<MintTicketOptions>): Uint8Array {
  const minted = mintTicket({ keytab, client: CLIENT, clock: () => NOW, ...options });
  const plain = serviceKey.decrypt(KeyUsage.ticket, minted.ticket.encPart.cipher);
  return findPac(decodeEncTicketPart(plain).authorizationData)!.slice();
}

/** Without a PAC there are no groups; and where one is required, there is nobody. */
async function expectNoPac(authorizationData: AuthorizationData, hint: string): Promise<void> {
  const result = await present({ authorizationData });
  if (result.status === 'complete') expect(result.context.pac, hint).toBeUndefined();
  else expect(failureOf(result).error.code, hint).toBe('GSS_S_FAILURE');
  const required = await present({ authorizationData }, { pacPolicy: 'required' });
  expect(failureOf(required).error.code, hint).toBe('GSS_S_FAILURE');
}

advisory('pacCounts', async () => {
  const good = pacOf({ pac: GROUPS });
  const same = good.slice();
  signAsIn(good, same);
  expect(contextOf(await present({ authorizationData: asData(same) })).pac?.verified).toBe(true);
  const extremes = [0x0fff_ffff, 0x1000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];
  const fields = [0, 12, 16, 20, 28, 32, 36];
  for (const at of fields) {
    for (const value of extremes) {
      const altered = good.slice();
      new DataView(altered.buffer).setUint32(at, value, true);
      signAsIn(good, altered);
      await expectNoPac(asData(altered), `${value} at ${at}`);
    }
  }
});

advisory('pacPanics', async () => {
  const good = pacOf({ pac: GROUPS });
  for (let length = 0; length < good.length; length += 3) {
    await expectNoPac(asData(good.subarray(0, length)), `cut to ${length}`);
  }
  const { ifRelevant } = AuthorizationDataType;
  for (const data of [
    [],
    relevant(),
    [{ type: ifRelevant, data: new Uint8Array() }],
    [{ type: ifRelevant, data: Uint8Array.of(0x30, 0) }],
    [{ type: ifRelevant, data: Uint8Array.of(0x30, 2, 0x30, 0) }],
    relevant({ type: AuthorizationDataType.win2kPac, data: new Uint8Array() }),
    relevant(...relevant()),
  ]) {
    await expectNoPac(data, JSON.stringify(data));
  }
});

advisory('pacWithoutLogonInfo', async () => {
  const context = contextOf(await present({ pac: {} }, { pacPolicy: 'required' }));
  expect(context.pac).toMatchObject({ verified: true, client: { name: 'alice' } });
  expect(context.pac?.groupSids).toBeUndefined();
  expect(context.pac?.userSid).toBeUndefined();
});

advisory('unkeyedSignature', async () => {
  const client = encodeClientInfo({ authTime: NOW_SECONDS, name: 'alice' });
  const digests: [number, number, (bytes: Uint8Array) => Uint8Array][] = [
    [1, 4, crc32],
    [2, 16, (bytes) => createHash('md5').update(bytes).digest()],
    [7, 16, (bytes) => createHash('md5').update(bytes).digest()],
    [9, 20, (bytes) => createHash('sha1').update(bytes).digest()],
    [14, 20, (bytes) => createHash('sha1').update(bytes).digest()],
    [0, 0, () => new Uint8Array()],
  ];
  const build = (type: number, length: number): Uint8Array => {
    const signature = new Writer()
      .u32(type >>> 0, true)
      .raw(new Uint8Array(length))
      .finish();
    return frame([
      { type: PacBufferType.clientInfo, data: client },
      { type: PacBufferType.serverSignature, data: signature },
      { type: PacBufferType.kdcSignature, data: signature },
    ]);
  };
  for (const [type, length, digest] of digests) {
    const pac = build(type, length);
    const server = digest(pac);
    signatureIn(pac, PacBufferType.serverSignature).set(server);
    signatureIn(pac, PacBufferType.kdcSignature).set(digest(server));
    await expectNoPac(asData(pac), `checksum type ${type}`);
    // The same under the key's own type: it has to be made with the key as well.
    const claimed = build(serviceKey.checksumType, serviceKey.checksumLength);
    signatureIn(claimed, PacBufferType.serverSignature).set(server.subarray(0, 12));
    await expectNoPac(asData(claimed), `checksum type ${type}, claimed to be keyed`);
  }
  // The frame is good: with the key's signature it is a PAC.
  const pac = build(serviceKey.checksumType, serviceKey.checksumLength);
  const server = serviceKey.checksum(KeyUsage.pacChecksum, pac);
  signatureIn(pac, PacBufferType.serverSignature).set(server);
  expect(contextOf(await present({ authorizationData: asData(pac) })).pac?.verified).toBe(true);
});

advisory('pacOfAnother', async () => {
  const own = pacOf({ pac: GROUPS });
  const others = [
    pacOf({ pac: ADMINS, client: 'administrator@EXAMPLE.TEST' }),
    pacOf({ pac: ADMINS, client: 'alice/admin@EXAMPLE.TEST' }),
    pacOf({ pac: ADMINS, authTime: NOW_SECONDS - 1 }),
  ];
  for (const other of others) await expectNoPac(asData(other), 'of another ticket');
  const { win2kPac } = AuthorizationDataType;
  for (const other of [...others, own]) {
    const elements = [own, other].map((data) => ({ type: win2kPac, data }));
    await expectNoPac(relevant(...elements), 'two, inside of one');
    await expectNoPac([...asData(own), ...asData(other)], 'two, each in its own');
  }
});

advisory('userOfThePac', async () => {
  const domain = defaultLogonInfo.logonDomainId;
  for (const requestorSid of [`${domain}-500`, `${domain}-1104`, domain, 'S-1-5-21-1-2-3-1103']) {
    await expectNoPac(asData(pacOf({ pac: { ...GROUPS, requestorSid } })), requestorSid);
  }
  // alice was renamed, and another user has the name now.
  const sids: (string | undefined)[] = [];
  for (const userId of [1103, 1104]) {
    const pac = { logonInfo: { userId }, requestorSid: `${domain}-${userId}` };
    const context = contextOf(await present({ pac }, { pacPolicy: 'required' }));
    expect(context.initiator.toString()).toBe(CLIENT);
    sids.push(context.pac?.userSid);
  }
  expect(sids).toEqual([`${domain}-1103`, `${domain}-1104`]);
  // A KDC that was asked to leave the PAC out (CVE-2021-42287) vouches for nobody.
  const { error } = failureOf(await present({}, { pacPolicy: 'required' }));
  expect(error.minor?.code).toBe('KRB_AP_ERR_MODIFIED');
});

advisory('fullSignature', async () => {
  const ticket = { pac: GROUPS, kdcKey };
  // What a collision of the server signature would give: both others are good for the altered PAC.
  const collide = (part: EncTicketPart): EncTicketPart => {
    const pac = findPac(part.authorizationData)!.slice();
    const rid = Buffer.from(pac).indexOf(Uint8Array.of(0xb0, 4, 0, 0, 7, 0, 0, 0));
    expect(rid).toBeGreaterThan(0);
    new DataView(pac.buffer).setUint32(rid, 512, true);
    signAsColliding(pac);
    return { ...part, authorizationData: asData(pac) };
  };
  const without = contextOf(await presentAltered(ticket, {}, collide));
  expect(without.pac?.signatures.full).toBe('unverified');
  const policy = { kdcKey, pacPolicy: 'required' } as const;
  const { error } = failureOf(await presentAltered(ticket, policy, collide));
  expect(error.minor?.message).toBe('PAC full signature does not verify');
  const good = contextOf(await presentAltered(ticket, policy, (part) => part));
  expect(good.pac?.signatures.full).toBe('verified');
  // Without the full one, nothing tells the PAC of a KDC of old times from an altered one.
  const strict = { ...policy, requireKdcSignatures: true };
  const cut = (part: EncTicketPart): EncTicketPart => {
    const pac = findPac(part.authorizationData)!.slice();
    const { buffers } = parsePacType(pac);
    // The type of its entry: one that nobody knows.
    const entry = 8 + 16 * buffers.findIndex(({ type }) => type === PacBufferType.fullSignature);
    new DataView(pac.buffer).setUint32(entry, 4711, true);
    signAsColliding(pac);
    return { ...part, authorizationData: asData(pac) };
  };
  expect(contextOf(await presentAltered(ticket, policy, cut)).pac?.signatures.full).toBe('absent');
  expect(failureOf(await presentAltered(ticket, strict, cut)).error.code).toBe('GSS_S_FAILURE');
  expect((await presentAltered(ticket, strict, (part) => part)).status).toBe('complete');
});

advisory('bronzeBit', async () => {
  const ticket = { pac: GROUPS, kdcKey };
  const policy = { kdcKey, pacPolicy: 'required' } as const;
  for (const alter of [
    (part: EncTicketPart) => ({ ...part, flags: (part.flags | TicketFlag.forwardable) >>> 0 }),
    (part: EncTicketPart) => ({ ...part, endTime: part.endTime + 86_400 }),
    (part: EncTicketPart) => ({
      ...part,
      authorizationData: [
        ...part.authorizationData!,
        { type: AuthorizationDataType.authenticationIndicator, data: Uint8Array.of(0x30, 0) },
      ],
    }),
  ]) {
    const { error } = failureOf(await presentAltered(ticket, policy, alter));
    expect(error.minor?.message).toBe('PAC ticket signature does not verify');
  }
  // A ticket made up with the service's key: its KDC signature is none.
  for (const pac of [GROUPS, ADMINS]) {
    const { error } = failureOf(await present({ pac }, policy));
    expect(error.minor?.message).toBe('PAC KDC signature does not verify');
  }
  expect(contextOf(await present(ticket, policy)).pac?.signatures.ticket).toBe('verified');
});

advisory('rc4', async () => {
  const crypto = withLegacyEnctypes();
  const { rc4Hmac, des3CbcSha1, aes256CtsHmacSha1 } = Enctype;
  for (const enctype of [rc4Hmac, des3CbcSha1]) {
    const old = makeKeytab({ enctype, crypto });
    // Not there unless somebody loads it.
    const { initiator } = await makeParties({ keytab: old });
    const token = initiator.begin();
    const plain = parseKeytab(formatKeytab(old));
    const refused = await makeParties({ keytab, ticket: { keytab } });
    expect(plain.entries.some(({ key }) => key.supported)).toBe(false);
    expect(failureOf(await refused.begin().accept(token)).error.code).toBe('GSS_S_FAILURE');
    // Loaded and not permitted: as the ticket's enctype, the session key's, the subkey's.
    const both = makeKeytab({ crypto }, { enctype, crypto, seed: 8 });
    const acceptor = { permittedEnctypes: [aes256CtsHmacSha1] };
    for (const options of [
      { ticket: { enctype } },
      { ticket: { enctype: aes256CtsHmacSha1, sessionEnctype: enctype } },
      { ticket: { enctype: aes256CtsHmacSha1 }, initiator: { subkeyEnctype: enctype } },
    ]) {
      const parties = await makeParties({ keytab: both, acceptor, ...options });
      const { error } = failureOf(await parties.begin().accept(parties.initiator.begin()));
      expect(error.minor?.code).toMatch(/^(KRB5_NOPERM_ETYPE|KDC_ERR_ETYPE_NOSUPP)$/);
    }
    // Permitted beside AES: what the client can do better is used (RFC 4537), and the rest is told.
    const told: string[] = [];
    const parties = await makeParties({
      keytab: both,
      ticket: { enctype: aes256CtsHmacSha1, sessionEnctype: enctype },
      initiator: { subkeyEnctype: aes256CtsHmacSha1 },
      acceptor: { onWeakEnctype: (report) => told.push(JSON.stringify(report)) },
    });
    const context = contextOf(await parties.begin().accept(parties.initiator.begin()));
    expect(context.enctype).toBe(aes256CtsHmacSha1);
    expect(told).toHaveLength(1);
  }
});

/** What a signature holds behind its type, in place. */
function signatureIn(pac: Uint8Array, type: number): Uint8Array {
  return parsePacType(pac)
    .buffers.find((buffer) => buffer.type === type)!
    .data.subarray(4);
}

/** Signs anew where the signatures of another PAC are: by somebody who has the service's key. */
function signAsIn(good: Uint8Array, altered: Uint8Array): void {
  const at = (type: number): number =>
    parsePacType(good).buffers.find((buffer) => buffer.type === type)!.offset + 4;
  const { serverSignature, kdcSignature } = PacBufferType;
  const { checksumLength } = serviceKey;
  for (const type of [serverSignature, kdcSignature]) {
    altered.fill(0, at(type), at(type) + checksumLength);
  }
  altered.set(serviceKey.checksum(KeyUsage.pacChecksum, altered), at(serverSignature));
}

/** Server and KDC signature anew, and not the full one: what a collision of the first would give. */
function signAsColliding(pac: Uint8Array): void {
  const server = signatureIn(pac, PacBufferType.serverSignature).fill(0);
  const kdc = signatureIn(pac, PacBufferType.kdcSignature).fill(0);
  server.set(serviceKey.checksum(KeyUsage.pacChecksum, pac));
  kdc.set(kdcKey.checksum(KeyUsage.pacChecksum, server));
}

/** ISO 3309, as RFC 3961 §6.1.3 has it: without the inversions, little-endian. */
function crc32(bytes: Uint8Array): Uint8Array {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return new Writer().u32(crc >>> 0, true).finish();
}
