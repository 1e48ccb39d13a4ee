/** Names of RFC 2743 §4: import, display, canonicalise, compare, export. */
import { decodeUtf8 } from '../bytes.ts';
import { asReason } from '../errors.ts';
import type { Principal } from '../messages/principal.ts';
import {
  ANONYMOUS_REALM,
  canonicalHost,
  formatPrincipal,
  isAnonymousName,
  NameType,
  parseEnterprise,
  parsePrincipal,
  principalEqual,
  splitHostBasedService,
} from '../messages/principal.ts';
import { quotedName } from '../text.ts';
import { decodeExportedName, encodeCompositeName, encodeExportedName } from './exported-name.ts';
import { isKrb5Mechanism, Mechanism, mechanismName } from './mechanism.ts';
import type { Oid } from './oid.ts';
import { GssError, gssErrorOf } from './status.ts';

/** Name-type OIDs (RFC 2743 §4, RFC 2744 §4, RFC 1964 §2.1, RFC 6680 §5). */
export const GssNameType = {
  /** `service@host`, or `service` for this host (RFC 2743 §4.1). */
  hostBasedService: '1.2.840.113554.1.2.1.4',
  /** The deprecated OID of the same type: accepted on input only. */
  hostBasedServiceX: '1.3.6.1.5.6.2',
  /** A user of this machine, `alice` or `alice@REALM` (RFC 2743 §4.2). */
  userName: '1.2.840.113554.1.2.1.1',
  /** A Kerberos principal, `alice/admin@REALM` (RFC 1964 §2.1.1). */
  principalName: '1.2.840.113554.1.2.2.1',
  /** A name that only its KDC can resolve, `alice@example.com` (RFC 6806 §5). */
  enterpriseName: '1.2.840.113554.1.2.2.6',
  /** RFC 2743 §4.5. */
  anonymous: '1.3.6.1.5.6.3',
  /** RFC 2743 §3.2: 04 01. */
  exportName: '1.3.6.1.5.6.4',
  /** RFC 6680 §5: 04 02. */
  compositeExport: '1.3.6.1.5.6.6',
} as const;

/** Realms for names that have none. */
export interface NameOptions {
  /** The realm of principals and users without one. */
  readonly defaultRealm?: string;
  /**
   * The realm of a host, in lower case without a final dot, as `[domain_realm]` of krb5.conf maps it;
   * undefined for the default realm.
   */
  readonly hostRealm?: (host: string) => string | undefined;
}

/** A generic name (`host@www.example.com`), or a mechanism name: a Kerberos principal. */
export class GssName {
  /** The name type: one of {@link GssNameType}. */
  readonly type: Oid;
  /** As gss_display_name shows it. */
  readonly text: string;
  /** The mechanism of a mechanism name (RFC 2743's MN); absent from a generic name. */
  readonly mechanism?: Oid;
  /** The Kerberos principal; present exactly if {@link mechanism} is. */
  readonly principal?: Principal;
  /**
   * Attributes of a composite name (RFC 6680), as the exporter serialised them; not authenticated.
   */
  readonly attributes?: Uint8Array;

  /** Prefer {@link importName} and {@link GssName.ofPrincipal}. */
  constructor(type: Oid, text: string, principal?: Principal, attributes?: Uint8Array) {
    this.type = type;
    this.text = text;
    if (principal !== undefined) {
      this.mechanism = Mechanism.krb5;
      this.principal = principal;
    }
    if (attributes !== undefined) this.attributes = attributes;
  }

  /** The mechanism name of a principal. @param attributes - See {@link GssName.attributes}. */
  static ofPrincipal(principal: Principal, attributes?: Uint8Array): GssName {
    const type = isAnonymousName(principal) ? GssNameType.anonymous : GssNameType.principalName;
    return new GssName(type, formatPrincipal(principal), principal, attributes);
  }

  /** {@link text}. */
  toString(): string {
    return this.text;
  }

  /** {@link text}. */
  toJSON(): string {
    return this.text;
  }
}

/**
 * GSS_Import_name (RFC 2743 §2.4.5).
 *
 * Principals, enterprise names, the anonymous name and exported names become mechanism names at
 * once; host-based services and users stay generic until {@link canonicalizeName}.
 *
 * @param input - The name; bytes are UTF-8 except in the exported forms.
 * @param type - One of {@link GssNameType}; a principal if absent, as for GSS_C_NO_OID in MIT krb5.
 * @throws {@link GssError} `GSS_S_BAD_NAMETYPE`; `GSS_S_BAD_NAME` if the input is not of the type;
 *   `GSS_S_BAD_MECH` if it was exported by another mechanism.
 *
 * @example
 * ```ts
 * import { canonicalizeName, GssNameType, importName } from 'krb5-acceptor';
 *
 * const service = importName('HTTP@www.example.com', GssNameType.hostBasedService);
 * const { principal } = canonicalizeName(service, undefined, { defaultRealm: 'EXAMPLE.COM' });
 * ```
 */
export function importName(
  input: string | Uint8Array,
  type: Oid = GssNameType.principalName,
  options: NameOptions = {},
): GssName {
  switch (type) {
    case GssNameType.exportName:
    case GssNameType.compositeExport:
      return importExported(input);
    case GssNameType.anonymous:
      // RFC 2743 §4.5: the text of an anonymous name has no meaning.
      return GssName.ofPrincipal(ANONYMOUS);
    case GssNameType.principalName:
      return GssName.ofPrincipal(toPrincipal(textOf(input), options.defaultRealm));
    case GssNameType.enterpriseName:
      return GssName.ofPrincipal(
        asBadName(() => parseEnterprise(textOf(input), options.defaultRealm)),
      );
    case GssNameType.hostBasedService:
    case GssNameType.hostBasedServiceX:
      // RFC 2744 §4.1: the deprecated OID is a synonym on input, and never returned.
      return new GssName(GssNameType.hostBasedService, checkHostBased(textOf(input)));
    case GssNameType.userName:
      return new GssName(type, textOf(input));
    default:
      throw new GssError('GSS_S_BAD_NAMETYPE', {
        reason: 'name.type',
        detail: { type },
        message: `name type ${type} is not supported`,
      });
  }
}

/** GSS_Display_name (RFC 2743 §2.4.4): the text, whose type is `name.type`. */
export function displayName(name: GssName): string {
  return name.text;
}

/**
 * GSS_Canonicalize_name (RFC 2743 §2.4.14): the mechanism name of a name. A host is folded to lower
 * case and loses a final dot, without a DNS lookup.
 *
 * @returns `name` itself if it is a mechanism name.
 * @throws {@link GssError} `GSS_S_BAD_MECH` for a mechanism other than Kerberos; `GSS_S_BAD_NAME` for a
 *   host-based name without host, or if neither the name nor the options have a realm.
 */
export function canonicalizeName(
  name: GssName,
  mechanism: Oid = Mechanism.krb5,
  options: NameOptions = {},
): GssName {
  if (!isKrb5Mechanism(mechanism) && mechanism !== Mechanism.iakerb) {
    throw new GssError('GSS_S_BAD_MECH', {
      reason: 'name.mechanism',
      detail: { mechanism: mechanismName(mechanism) },
      message: `no names of mechanism ${mechanismName(mechanism)}`,
    });
  }
  if (name.principal !== undefined) return name;
  const principal =
    name.type === GssNameType.hostBasedService
      ? serviceToPrincipal(name.text, options)
      : toPrincipal(name.text, options.defaultRealm);
  return GssName.ofPrincipal(principal);
}

/**
 * GSS_Compare_name (RFC 2743 §2.4.3). Names of principals are equal if realm and components are,
 * case-sensitively. A generic name is canonicalised before it is compared with a mechanism name.
 */
export function compareNames(a: GssName, b: GssName, options: NameOptions = {}): boolean {
  // RFC 2743 §2.4.3: an anonymous name equals nothing, itself included.
  if (a.type === GssNameType.anonymous || b.type === GssNameType.anonymous) return false;
  if (a.principal === undefined && b.principal === undefined) {
    return a.type === b.type && a.text === b.text;
  }
  const first = principalOrNothing(a, options);
  const second = principalOrNothing(b, options);
  return first !== undefined && second !== undefined && principalEqual(first, second);
}

/**
 * GSS_Export_name (RFC 2743 §2.4.15): `04 01`, the mechanism and the principal. Equal names give
 * equal bytes.
 *
 * @returns A new buffer.
 * @throws {@link GssError} `GSS_S_NAME_NOT_MN` if the name is not a mechanism name.
 */
export function exportName(name: GssName): Uint8Array {
  return encodeExportedName(principalText(name));
}

/**
 * GSS_Export_name_composite (RFC 6680 §7.8): `04 02`, then as {@link exportName}, then the name's
 * attributes, in MIT krb5's layout. The attributes of a context's initiator are not among them: see
 * {@link nameAttributes}. A reader of the exported name could not know that they were verified.
 *
 * @returns A new buffer.
 * @throws {@link GssError} `GSS_S_NAME_NOT_MN` if the name is not a mechanism name.
 */
export function exportNameComposite(name: GssName): Uint8Array {
  return encodeCompositeName(principalText(name), name.attributes ?? new Uint8Array());
}

function principalText({ principal }: GssName): string {
  if (principal === undefined) {
    throw new GssError('GSS_S_NAME_NOT_MN', { reason: 'name.not-of-mechanism' });
  }
  return formatPrincipal(principal);
}

function importExported(input: string | Uint8Array): GssName {
  if (typeof input === 'string') throw badName('an exported name is bytes, not text');
  const { text, attributes } = decodeExportedName(input);
  // Exported names include the realm: no default applies.
  return GssName.ofPrincipal(toPrincipal(text, undefined), attributes);
}

function textOf(input: string | Uint8Array): string {
  const text = typeof input === 'string' ? input : asBadName(() => decodeUtf8(input, 'name'));
  // RFC 2743 §2.4.5: names are not empty. A NUL would end the name for a reader in C.
  if (text === '' || text.includes('\0')) throw badName('the name is empty or has a NUL in it');
  return text;
}

function checkHostBased(text: string): string {
  if (splitHostBasedService(text).service !== '') return text;
  throw badName(`${quotedName(text)} is not of the form service@host`);
}

function serviceToPrincipal(text: string, options: NameOptions): Principal {
  const { service, host } = splitHostBasedService(text);
  if (host === undefined) throw badName(`${quotedName(text)} names no host`);
  // MIT krb5, sn2princ.c: names of Windows may end in a port or an instance, MSSQLSvc@host:1433.
  const [, bare = host, trailer = ''] = /^([^:]+)(:[^:]+)$/.exec(host) ?? [];
  const canonical = canonicalHost(bare);
  const realm = options.hostRealm?.(canonical) ?? options.defaultRealm;
  if (realm === undefined) throw badName(`no realm is known for host ${quotedName(host)}`);
  return { nameType: NameType.srvHst, components: [service, canonical + trailer], realm };
}

function toPrincipal(text: string, defaultRealm: string | undefined): Principal {
  return asBadName(() => parsePrincipal(text, defaultRealm));
}

function principalOrNothing(name: GssName, options: NameOptions): Principal | undefined {
  try {
    return canonicalizeName(name, Mechanism.krb5, options).principal;
  } catch (error) {
    if (error instanceof GssError) return undefined;
    throw error;
  }
}

function asBadName<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw gssErrorOf(asReason(error, { reason: 'name.malformed' }), 'GSS_S_BAD_NAME');
  }
}

function badName(message: string): GssError {
  return new GssError('GSS_S_BAD_NAME', { reason: 'name.malformed', message });
}

// RFC 8062 §3.
const ANONYMOUS: Principal = {
  nameType: NameType.wellKnown,
  components: ['WELLKNOWN', 'ANONYMOUS'],
  realm: ANONYMOUS_REALM,
};
