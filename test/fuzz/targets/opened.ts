/**
 * What stands behind the encryption: tickets of a KDC and authenticators of a client that say
 * what they like, sealed with the right keys. What is accepted must keep the rules of RFC 4120.
 */

import { EncryptionKey } from '../../../src/crypto/key.ts';
import { KeyUsage } from '../../../src/crypto/numbers.ts';
import { frameToken, TokenId } from '../../../src/gss/framing.ts';
import { ContextFlag, Mechanism } from '../../../src/index.ts';
import {
  encodeInitiatorOptions,
  GSS_CHECKSUM_TYPE,
} from '../../../src/krb5/authenticator-checksum.ts';
import {
  decodeApRep,
  decodeEncApRepPart,
  encodeApRep,
  encodeEncApRepPart,
} from '../../../src/messages/ap-rep.ts';
import type { Authenticator } from '../../../src/messages/ap-req.ts';
import {
  ApOption,
  decodeAuthenticator,
  encodeApReq,
  encodeAuthenticator,
} from '../../../src/messages/ap-req.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
} from '../../../src/messages/authorization-data.ts';
import type { EncTicketPart } from '../../../src/messages/ticket.ts';
import {
  decodeEncTicketPart,
  encodeEncTicketPart,
  TicketFlag,
} from '../../../src/messages/ticket.ts';
import {
  encodeAuthenticationIndicator,
  encodeCammac,
  encodeEncKrbCredPart,
  encodeEtypeList,
  encodeKrbCred,
} from '../../support/encoders.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { freshAcceptor } from './accept.ts';
import { exercise } from './exercise.ts';
import { ENCTYPES, keytab, mint, NOW_SECONDS, seededRandom } from './realm.ts';

export async function openedTargets(): Promise<Target[]> {
  return [
    { name: 'ticket', shape: 'der', seeds: tickets(), run: ([ticket]) => present(ticket!) },
    {
      name: 'authenticator',
      shape: 'der',
      seeds: authenticators(),
      run: ([authenticator]) => present(encodeEncTicketPart(TICKET), authenticator!),
    },
    {
      name: 'initiator-options',
      shape: 'binary',
      seeds: initiatorOptions(),
      run: ([contents]) =>
        present(
          encodeEncTicketPart(TICKET),
          encodeAuthenticator({
            ...authenticatorFor(TICKET),
            checksum: { type: GSS_CHECKSUM_TYPE, checksum: contents! },
          }),
        ),
    },
    {
      name: 'delegation',
      shape: 'der',
      seeds: [[credential(0, CRED_PART)], [credential(18, CRED_PART)]],
      run: ([delegation]) => presentDelegation(delegation!),
    },
    {
      name: 'delegation-opened',
      shape: 'der',
      seeds: [[CRED_PART]],
      run: ([part]) => presentDelegation(credential(18, part!)),
    },
    { name: 'dce-reply', shape: 'der', seeds: await dceReplies(), run: presentDceReply },
  ];
}

/** The service's key; the ticket's own session key is in the ticket. */
const SERVICE_ENTRY = keytab.entries.find(({ key }) => key.enctype === 18)!;
const TICKET = decodeEncTicketPart(
  SERVICE_ENTRY.key.decrypt(KeyUsage.ticket, mint({ enctype: 18 }).ticket.encPart.cipher),
);

function tickets(): Case[] {
  const { key } = SERVICE_ENTRY;
  const indicator = {
    type: AuthorizationDataType.authenticationIndicator,
    data: encodeAuthenticationIndicator(['otp', 'pkinit']),
  };
  const signed = encodeAuthorizationData([indicator]);
  const mac = { type: key.checksumType, checksum: key.checksum(KeyUsage.cammac, signed) };
  const cammac = encodeCammac({
    elements: [indicator],
    serviceVerifier: { identifier: TICKET.clientName, kvno: 1, enctype: key.enctype, mac },
  });
  const container = (type: number, data: Uint8Array) => ({
    type: AuthorizationDataType.ifRelevant,
    data: encodeAuthorizationData([{ type, data }]),
  });
  const variants: Partial<EncTicketPart>[] = [
    {},
    {
      flags: TicketFlag.transitedPolicyChecked,
      startTime: NOW_SECONDS - 60,
      renewTill: NOW_SECONDS + 86_400,
      addresses: [
        { type: 2, address: Uint8Array.of(127, 0, 0, 1) },
        { type: 24, address: new Uint8Array(16) },
      ],
    },
    {
      authorizationData: [
        container(AuthorizationDataType.cammac, cammac),
        container(AuthorizationDataType.win2kPac, new Uint8Array(24)),
        { type: AuthorizationDataType.kdcIssued, data: Uint8Array.of(0x30, 0) },
      ],
    },
    {
      clientRealm: 'A.B.EXAMPLE.TEST',
      transited: { type: 1, contents: Buffer.from('B.EXAMPLE.TEST,C.,/COM/X') },
    },
  ];
  const withPac = mint({ enctype: 18, pac: { logonInfo: {} } });
  return [
    ...variants.map((variant) => [encodeEncTicketPart({ ...TICKET, ...variant })]),
    [SERVICE_ENTRY.key.decrypt(KeyUsage.ticket, withPac.ticket.encPart.cipher)],
    ...ENCTYPES.map((enctype) => [
      encodeEncTicketPart({
        ...TICKET,
        key: keyValue(EncryptionKey.generate(enctype, seededRandom(enctype))),
      }),
    ]),
  ];
}

function authenticators(): Case[] {
  const base = authenticatorFor(TICKET);
  const etypes = encodeEtypeList([20, 19, 18, 17, 23]);
  const negotiation = encodeAuthorizationData([
    { type: AuthorizationDataType.etypeNegotiation, data: etypes },
  ]);
  const { checksum: _, ...bare } = base;
  const sessionKey = importKey(TICKET);
  const variants: Authenticator[] = [
    base,
    bare,
    {
      ...base,
      authorizationData: [
        { type: AuthorizationDataType.ifRelevant, data: negotiation },
        { type: AuthorizationDataType.apOptions, data: Uint8Array.of(0, 0x40, 0, 0) },
      ],
    },
    // Samba's: a checksum over nothing.
    {
      ...bare,
      checksum: {
        type: sessionKey.checksumType,
        checksum: sessionKey.checksum(KeyUsage.apReqAuthenticatorChecksum, new Uint8Array()),
      },
    },
    ...ENCTYPES.map((enctype) => ({
      ...base,
      subkey: keyValue(EncryptionKey.generate(enctype, seededRandom(enctype + 40))),
      sequenceNumber: 0xffff_fff0,
    })),
  ];
  return variants.map((variant) => [encodeAuthenticator(variant)]);
}

function initiatorOptions(): Case[] {
  const bindings = new Uint8Array(16);
  const flags = DEFAULT_FLAGS | ContextFlag.delegation;
  const delegation = credential(0, CRED_PART);
  return [
    [encodeInitiatorOptions({ flags: DEFAULT_FLAGS, bindings }).checksum],
    [encodeInitiatorOptions({ flags, bindings, delegation }).checksum],
    [
      new Uint8Array([
        ...encodeInitiatorOptions({ flags, bindings, delegation }).checksum,
        ...[0, 0, 0, 1, 0, 0, 0, 2, 9, 9],
      ]),
    ],
  ];
}

async function presentDelegation(delegation: Uint8Array): Promise<string> {
  if (delegation.length > 0xffff) return 'too long for the field';
  const options = { flags: DEFAULT_FLAGS | ContextFlag.delegation, bindings: new Uint8Array(16) };
  const checksum = encodeInitiatorOptions({ ...options, delegation });
  const authenticator = { ...authenticatorFor(TICKET), checksum };
  return await present(encodeEncTicketPart(TICKET), encodeAuthenticator(authenticator));
}

const CRED_PART = encodeEncKrbCredPart({
  ticketInfo: [
    {
      key: { enctype: 18, value: new Uint8Array(32).fill(3) },
      clientRealm: 'EXAMPLE.TEST',
      clientName: { nameType: 1, components: ['alice'] },
      flags: TicketFlag.forwardable,
      authTime: NOW_SECONDS,
      endTime: NOW_SECONDS + 3600,
      realm: mint({ enctype: 18 }).ticket.realm,
      serverName: mint({ enctype: 18 }).ticket.serverName,
      addresses: [{ type: 2, address: Uint8Array.of(10, 0, 0, 1) }],
    },
  ],
  nonce: 7,
  timestamp: NOW_SECONDS,
  usec: 5,
});

function credential(enctype: number, part: Uint8Array): Uint8Array {
  const cipher =
    enctype === 0
      ? part
      : importKey(TICKET).encrypt(KeyUsage.krbCredEncPart, part, seededRandom(8));
  return encodeKrbCred({ tickets: [mint({ enctype: 18 }).ticket], encPart: { enctype, cipher } });
}

async function dceReplies(): Promise<Case[]> {
  const { sequenceNumber } = await beginDce();
  return [sequenceNumber, 0, 0xffff_ffff].map((number) => [
    encodeEncApRepPart({ ctime: NOW_SECONDS, cusec: 250_000, sequenceNumber: number }),
  ]);
}

/** The first two legs of DCE style; the acceptor's choices repeat, and so does its number. */
async function beginDce() {
  const options = {
    flags: ContextFlag.dceStyle | ContextFlag.mutual,
    bindings: new Uint8Array(16),
  };
  const checksum = encodeInitiatorOptions(options);
  const authenticator = encodeAuthenticator({ ...authenticatorFor(TICKET), checksum });
  const handshake = freshAcceptor().begin();
  const first = await handshake.accept(apReqOf(encodeEncTicketPart(TICKET), authenticator));
  if (first.status !== 'continue') throw new Breach(`DCE style did not go on: ${first.status}`);
  const sessionKey = importKey(TICKET);
  const { cipher } = decodeApRep(first.outputToken).encPart;
  const part = decodeEncApRepPart(sessionKey.decrypt(KeyUsage.apRepEncPart, cipher));
  return { handshake, sessionKey, sequenceNumber: part.sequenceNumber! };
}

/** The third leg, of a client that knows the key and says what it likes. */
async function presentDceReply([part = EMPTY]: Case): Promise<string> {
  const { handshake, sessionKey, sequenceNumber } = await beginDce();
  const cipher = sessionKey.encrypt(KeyUsage.apRepEncPart, part, seededRandom(6));
  const result = await handshake.accept(encodeApRep({ encPart: { enctype: 18, cipher } }));
  if (result.status === 'failed') throw result.error;
  if (result.status === 'continue') throw new Breach('a third leg is not the last');
  if (decodeEncApRepPart(part).sequenceNumber !== sequenceNumber) {
    throw new Breach('a third leg with another sequence number was accepted');
  }
  exercise(result.context);
  return 'complete';
}

/**
 * Presents a ticket of these contents. Without an authenticator one is made that fits, as far as
 * the ticket can be read.
 */
async function present(ticketPart: Uint8Array, authenticator?: Uint8Array): Promise<string> {
  const token = apReqOf(ticketPart, authenticator);
  const framed = token[0] === 0x6e ? frameToken(Mechanism.krb5, TokenId.apReq, token) : token;
  const result = await freshAcceptor().begin().accept(framed);
  if (result.status === 'failed') throw result.error;
  if (result.status === 'continue') return 'continue';
  checkRules(decodeEncTicketPart(ticketPart), authenticator);
  exercise(result.context);
  return 'complete';
}

function apReqOf(ticketPart: Uint8Array, authenticator?: Uint8Array): Uint8Array {
  const { ticket } = mint({ enctype: 18 });
  const random = seededRandom(4);
  const cipher = SERVICE_ENTRY.key.encrypt(KeyUsage.ticket, ticketPart, random);
  const readable = tryDecode(ticketPart);
  const sessionKey = importKey(readable ?? TICKET);
  const plain = authenticator ?? encodeAuthenticator(authenticatorFor(readable ?? TICKET));
  return encodeApReq({
    apOptions: ApOption.mutualRequired,
    ticket: { ...ticket, encPart: { ...ticket.encPart, cipher } },
    authenticator: {
      enctype: sessionKey.enctype,
      cipher: sessionKey.encrypt(KeyUsage.apReqAuthenticator, plain, random),
    },
  });
}

function tryDecode(ticketPart: Uint8Array): EncTicketPart | undefined {
  try {
    const ticket = decodeEncTicketPart(ticketPart);
    return importKey(ticket).supported ? ticket : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 4120 §3.2.3, once more, from what was sent and not from what was made of it. */
function checkRules(ticket: EncTicketPart, authenticatorPart: Uint8Array | undefined): void {
  const now = NOW_SECONDS;
  if ((ticket.flags & TicketFlag.invalid) !== 0) throw new Breach('an invalid ticket');
  if ((ticket.startTime ?? ticket.authTime) > now + SKEW) throw new Breach('a ticket of tomorrow');
  if (ticket.endTime < now - SKEW) throw new Breach('a ticket of yesterday');
  if (authenticatorPart === undefined) return;
  const authenticator = decodeAuthenticator(authenticatorPart);
  if (Math.abs(authenticator.ctime - now) > SKEW) throw new Breach('a clock that is far off');
  const names = [authenticator, ticket].map(({ clientRealm, clientName }) =>
    JSON.stringify([clientRealm, clientName.components]),
  );
  if (names[0] !== names[1]) throw new Breach('an authenticator of somebody else');
  const { subkey } = authenticator;
  if (subkey !== undefined && ![...ENCTYPES, 25, 26].includes(subkey.enctype)) {
    throw new Breach('a subkey of an enctype that is not permitted');
  }
}

function authenticatorFor(ticket: EncTicketPart): Authenticator {
  return {
    clientRealm: ticket.clientRealm,
    clientName: ticket.clientName,
    checksum: encodeInitiatorOptions({ flags: DEFAULT_FLAGS, bindings: new Uint8Array(16) }),
    cusec: 250_000,
    ctime: NOW_SECONDS,
    sequenceNumber: 1,
  };
}

function importKey({ key }: EncTicketPart): EncryptionKey {
  return new EncryptionKey(key.enctype, key.value);
}

function keyValue(key: EncryptionKey): { enctype: number; value: Uint8Array } {
  return { enctype: key.enctype, value: key.bytes() };
}

const DEFAULT_FLAGS =
  ContextFlag.mutual |
  ContextFlag.replay |
  ContextFlag.sequence |
  ContextFlag.confidentiality |
  ContextFlag.integrity;
const EMPTY = new Uint8Array(0);
const SKEW = 300;
