/** What is known of relays to a KDC that fail (IAKERB), and of KDCs. Types only; see reasons.ts. */

/** A realm. */
export type RealmDetail = {
  /** Its name. */
  readonly realm?: string;
};

/** A realm that a client asks for (IAKERB). */
export type RelayedRealmDetail = RealmDetail & {
  /** `'no-kdc'`: the realm is one of those that are relayed, but no KDC of it is known. */
  readonly problem?: 'no-kdc';
};

/** A KDC that gave no answer. */
export type UnreachableKdcDetail = {
  /** The realm of the KDC. */
  readonly realm?: string;
  /** What was tried, and what each attempt met. */
  readonly problem?: string;
  /** What each server did: `kdc.example.com port 88/udp: no answer`; if the way to the KDC tells it. */
  readonly tried?: readonly string[];
};

/** A checksum over relayed messages. */
export type TranscriptDetail = {
  /** Whether it is missing, is over other messages, or is there though nothing was relayed here. */
  readonly problem: 'missing' | 'different' | 'nothing-relayed';
};

/** The bound of a relay. */
export type RelayBoundDetail = {
  /** The option that sets it, with its value; absent for the messages of one exchange. */
  readonly bound?: string;
};
