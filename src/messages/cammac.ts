/**
 * AD-CAMMAC (RFC 7751 §3): authorization data with the KDC's MAC, and AD-AUTHENTICATION-INDICATOR
 * (RFC 8129 §4), which an AD-CAMMAC contains. A KDC that issues them puts them into every ticket,
 * so the fast {@link DerReader} decodes them.
 */
import type { AuthorizationData } from './authorization-data.ts';
import { readAuthorizationData } from './authorization-data.ts';
import { skipElement } from './der/check.ts';
import { DerReader, Tag } from './der/reader.ts';
import type { Checksum } from './encrypted-data.ts';
import { readChecksum } from './encrypted-data.ts';
import { Limit } from './limits.ts';
import type { Mutable } from './message.ts';
import { readInt32, readUint32 } from './primitives.ts';
import type { PrincipalName } from './principal.ts';
import { readPrincipalName } from './principal.ts';

export interface Cammac {
  readonly elements: AuthorizationData;
  readonly kdcVerifier?: VerifierMac;
  readonly serviceVerifier?: VerifierMac;
  /** Verifiers of an unknown kind are omitted. */
  readonly otherVerifiers?: readonly VerifierMac[];
}

/** Verifier-MAC (RFC 7751 §3). */
export interface VerifierMac {
  readonly identifier?: PrincipalName;
  /** 0..2^32-1. */
  readonly kvno?: number;
  readonly enctype?: number;
  readonly mac: Checksum;
}

/** @returns Its byte fields are views into `bytes`. @throws {@link DecodeError}. */
export function decodeCammac(bytes: Uint8Array): Cammac {
  return DerReader.all(bytes, 'AD-CAMMAC', readCammac);
}

/**
 * @returns The ways in which the client authenticated to the KDC, as site-defined strings.
 * @throws {@link DecodeError}.
 */
export function decodeAuthenticationIndicator(bytes: Uint8Array): readonly string[] {
  return DerReader.all(bytes, 'AD-AUTHENTICATION-INDICATOR', readIndicators);
}

function readCammac(reader: DerReader): Cammac {
  const outer = reader.enter(Tag.sequence);
  const elements = reader.field(0, readAuthorizationData);
  const kdcVerifier = reader.optional(1, readVerifierMac);
  const serviceVerifier = reader.optional(2, readVerifierMac);
  const otherVerifiers = reader.optional(3, readVerifiers);
  reader.leave(outer);
  const cammac: Mutable<Cammac> = { elements };
  if (kdcVerifier !== undefined) cammac.kdcVerifier = kdcVerifier;
  if (serviceVerifier !== undefined) cammac.serviceVerifier = serviceVerifier;
  if (otherVerifiers?.length) cammac.otherVerifiers = otherVerifiers;
  return cammac;
}

function readVerifiers(reader: DerReader): readonly VerifierMac[] {
  const verifiers = reader.list(Limit.listElements, readVerifier);
  return verifiers.filter((verifier) => verifier !== undefined);
}

// RFC 7751 §3: Verifier is an extensible CHOICE, whose only alternative so far is a SEQUENCE.
function readVerifier(reader: DerReader): VerifierMac | undefined {
  if (reader.nextTag === Tag.sequence) return readVerifierMac(reader);
  skipElement(reader, Limit);
  return undefined;
}

function readVerifierMac(reader: DerReader): VerifierMac {
  const outer = reader.enter(Tag.sequence);
  const identifier = reader.optional(0, readPrincipalName);
  const kvno = reader.optional(1, readUint32);
  const enctype = reader.optional(2, readInt32);
  const mac = reader.field(3, readChecksum);
  reader.leave(outer);
  const verifier: Mutable<VerifierMac> = { mac };
  if (identifier !== undefined) verifier.identifier = identifier;
  if (kvno !== undefined) verifier.kvno = kvno;
  if (enctype !== undefined) verifier.enctype = enctype;
  return verifier;
}

function readIndicators(reader: DerReader): readonly string[] {
  return reader.list(Limit.listElements, readUtf8String);
}

function readUtf8String(reader: DerReader): string {
  return reader.utf8String();
}
