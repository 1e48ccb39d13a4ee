/** Names of flags in messages and files, for a reader. */
import { ApOption } from '../../messages/ap-req.ts';
import { TicketFlag } from '../../messages/ticket.ts';
import { GroupAttribute } from '../../pac/groups.ts';

/** Names of the bits of a word. */
export type FlagNames = Readonly<Record<string, number>>;

/**
 * `forwardable, renewable (0x40800000)`; bits without a name are in the number, and called unknown.
 *
 * @param digits - Of the number, in hexadecimal.
 */
export function namedFlags(names: FlagNames, flags: number, digits = 8): string {
  const set = Object.keys(names).filter((name) => (flags & names[name]!) !== 0);
  const known = set.reduce((bits, name) => bits | names[name]!, 0);
  if ((flags & ~known) !== 0) set.push(`unknown 0x${((flags & ~known) >>> 0).toString(16)}`);
  const number = `0x${(flags >>> 0).toString(16).padStart(digits, '0')}`;
  return set.length === 0 ? `none (${number})` : `${set.join(', ')} (${number})`;
}

/** RFC 4120 §5.3. */
export const TICKET_FLAGS: FlagNames = TicketFlag;

/** RFC 4120 §5.5.1. */
export const AP_OPTIONS: FlagNames = ApOption;

/** RFC 4120 §5.4.1, RFC 6806 §3, MS-SFU §2.2.3. */
export const KDC_OPTIONS: FlagNames = {
  forwardable: 0x4000_0000,
  forwarded: 0x2000_0000,
  proxiable: 0x1000_0000,
  proxy: 0x0800_0000,
  allowPostdate: 0x0400_0000,
  postdated: 0x0200_0000,
  renewable: 0x0080_0000,
  constrainedDelegation: 0x0002_0000,
  canonicalize: 0x0001_0000,
  requestAnonymous: 0x0000_8000,
  disableTransitedCheck: 0x0000_0020,
  renewableOk: 0x0000_0010,
  encTktInSkey: 0x0000_0008,
  renew: 0x0000_0002,
  validate: 0x0000_0001,
};

/** RFC 4121 §4.1.1.1 with those of RFC 2744 §5.19, MIT krb5 and Windows. */
export const CONTEXT_FLAGS: FlagNames = {
  delegation: 0x1,
  mutual: 0x2,
  replay: 0x4,
  sequence: 0x8,
  confidentiality: 0x10,
  integrity: 0x20,
  anonymous: 0x40,
  protectionReady: 0x80,
  transferable: 0x100,
  dceStyle: 0x1000,
  identify: 0x2000,
  extendedError: 0x4000,
};

/** RFC 4121 §4.2.2. */
export const TOKEN_FLAGS: FlagNames = { sentByAcceptor: 1, sealed: 2, acceptorSubkey: 4 };

/** MS-PAC §2.2.1. */
export const GROUP_ATTRIBUTES: FlagNames = GroupAttribute;

/** MS-PAC §2.5. */
export const USER_FLAGS: FlagNames = {
  guest: 0x1,
  noEncryption: 0x2,
  lmKey: 0x8,
  extraSids: 0x20,
  subAuth: 0x40,
  machineAccount: 0x80,
  ntlmv2: 0x100,
  resourceGroups: 0x200,
  profilePath: 0x400,
  ntlmv2Used: 0x800,
};

/** MS-SAMR §2.2.1.12. */
export const ACCOUNT_CONTROL: FlagNames = {
  disabled: 0x1,
  homeDirectoryRequired: 0x2,
  passwordNotRequired: 0x4,
  temporaryDuplicate: 0x8,
  normalAccount: 0x10,
  mnsLogon: 0x20,
  interdomainTrust: 0x40,
  workstationTrust: 0x80,
  serverTrust: 0x100,
  passwordNeverExpires: 0x200,
  autoLocked: 0x400,
  encryptedTextPassword: 0x800,
  smartcardRequired: 0x1000,
  trustedForDelegation: 0x2000,
  notDelegated: 0x4000,
  desKeyOnly: 0x8000,
  noPreauthentication: 0x1_0000,
  passwordExpired: 0x2_0000,
  trustedToAuthenticateForDelegation: 0x4_0000,
  noAuthDataRequired: 0x8_0000,
  partialSecrets: 0x10_0000,
  aesKeys: 0x20_0000,
};

/** MS-NLMP §2.2.2.5. */
export const NTLM_FLAGS: FlagNames = {
  unicode: 0x1,
  oem: 0x2,
  requestTarget: 0x4,
  sign: 0x10,
  seal: 0x20,
  datagram: 0x40,
  lmKey: 0x80,
  ntlm: 0x200,
  anonymous: 0x800,
  domainSupplied: 0x1000,
  workstationSupplied: 0x2000,
  alwaysSign: 0x8000,
  targetIsDomain: 0x1_0000,
  targetIsServer: 0x2_0000,
  extendedSessionSecurity: 0x8_0000,
  identify: 0x10_0000,
  nonNtSessionKey: 0x40_0000,
  targetInfo: 0x80_0000,
  version: 0x200_0000,
  key128: 0x2000_0000,
  keyExchange: 0x4000_0000,
  key56: 0x8000_0000,
};
