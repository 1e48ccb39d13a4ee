/** Context flags: numbers of RFC 2744 §3.4 and, above 0x800, those that MIT krb5 and Windows use. */

export const ContextFlag = {
  delegation: 0x1,
  mutual: 0x2,
  replay: 0x4,
  sequence: 0x8,
  confidentiality: 0x10,
  integrity: 0x20,
  anonymous: 0x40,
  protectionReady: 0x80,
  transferable: 0x100,
  /** The initiator's channel bindings were present and equal to the acceptor's (MIT krb5). */
  channelBound: 0x800,
  /** Three legs, unframed tokens (MS-KILE §3.4.5). */
  dceStyle: 0x1000,
  identify: 0x2000,
  extendedError: 0x4000,
} as const;

/** The flags that an initiator may ask for (RFC 4121 §4.1.1.1). Delegation follows the credential. */
export const INITIATOR_FLAGS = [
  'mutual',
  'replay',
  'sequence',
  'confidentiality',
  'integrity',
  'dceStyle',
  'identify',
  'extendedError',
] as const;

/** {@link INITIATOR_FLAGS} as bits. */
export const INITIATOR_FLAG_BITS: number = INITIATOR_FLAGS.reduce(
  (bits, name) => bits | ContextFlag[name],
  0,
);
