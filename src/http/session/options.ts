/** The options of sessions, and their keys. */
import type { GssError } from '../../gss/status.ts';
import type { OptionRules } from '../../options.ts';
import {
  callback,
  checkOptions,
  definite,
  describe,
  kind,
  objectWith,
  range,
  required,
} from '../../options.ts';
import { decodeBase64 } from '../base64.ts';
import type { CookieOptions } from './cookies.ts';
import type { SessionStore } from './store.ts';

/** Options of sessions. */
export interface SessionOptions {
  /**
   * Secret keys of 32 random bytes, or their base64 (`openssl rand -base64 32`). The first seals, all open:
   * to change keys put the new one first, and remove the old one when its sessions have ended. All
   * processes that serve the application need the same keys. Anyone who has a key can sign on as any user.
   */
  readonly keys: readonly (Uint8Array | string)[];
  /** Name and attributes of the cookie; the strictest ones if absent. */
  readonly cookie?: CookieOptions;
  /** Seconds; until the ticket's end if absent, and never longer. */
  readonly maxAge?: number;
  /**
   * Seconds, less than `maxAge`. A session that is used when it is older begins its `maxAge` anew, but
   * never outlives the ticket. If absent, `maxAge` is not extended.
   */
  readonly renewAfter?: number;
  /**
   * The SIDs of groups that travel with the session: `all` if absent, `none`, or those of this list.
   * `authorize` sees no others. A cookie has space for some 800 groups of one domain.
   */
  readonly groups?: 'all' | 'none' | readonly string[];
  /** Keeps the sessions; the cookie holds only a random name then. */
  readonly store?: SessionStore;
  /**
   * Called each time a client that authenticated with a ticket gets no session, and when the store fails.
   * If absent, the runtime prints a warning, once of each kind.
   */
  readonly onWarning?: (warning: SessionWarning) => void;
}

/** Why a client has no session. It authenticates with its ticket in each request. */
export interface SessionWarning {
  /**
   * - `too-large`: the identity does not fit into a cookie.
   * - `insecure`: the cookie is for TLS only, and the request came without TLS.
   * - `store`: the store failed, or did not answer.
   * - `fault`: the clock or the source of randomness failed.
   */
  readonly kind: 'too-large' | 'insecure' | 'store' | 'fault';
  /** One line with the fault and what to do. */
  readonly message: string;
  /** The fault, with a hint. */
  readonly error: GssError;
}

/** @throws TypeError, RangeError for an invalid or contradictory option. */
export function checkSessionOptions(options: SessionOptions): void {
  checkOptions('sessions', options, SESSION_OPTIONS, 'sessions.');
  const { maxAge = Number.POSITIVE_INFINITY, renewAfter } = options;
  if (renewAfter !== undefined && renewAfter >= maxAge) {
    throw new RangeError(
      `sessions.renewAfter: expected less than maxAge (${maxAge}), got ${renewAfter}`,
    );
  }
}

/** @returns Copies of the keys. @throws TypeError, RangeError without showing a key. */
export function readKeys(keys: SessionOptions['keys']): Uint8Array[] {
  return keys.map((key) => readKey(key)!.slice());
}

function readKey(key: unknown): Uint8Array | undefined {
  // A file with base64 usually ends with a line feed.
  if (typeof key === 'string') return decodeBase64(key.trim());
  return key instanceof Uint8Array ? Uint8Array.from(key) : undefined;
}

function checkKeys(value: unknown, name: string): void {
  if (!Array.isArray(value)) {
    throw new TypeError(`${name}: expected a list of keys, got ${describe(value)}`);
  }
  if (value.length === 0 || value.length > MAX_KEYS) {
    throw new RangeError(`${name}: expected 1 to ${MAX_KEYS} keys, got ${value.length}`);
  }
  for (const item of value) {
    if (typeof item !== 'string' && !(item instanceof Uint8Array)) {
      throw new TypeError(`${name}: expected ${EXPECTED}, got ${describe(item)}`);
    }
    const key = readKey(item);
    if (key?.length !== KEY_BYTES) {
      const got = key === undefined ? 'text that is not base64' : `${key.length} bytes`;
      throw new RangeError(`${name}: expected ${EXPECTED}, got ${got}`);
    }
    // Such a key is an array that was never filled.
    if (key.every((byte) => byte === key[0])) {
      throw new RangeError(`${name}: expected random bytes, got ${KEY_BYTES} equal ones`);
    }
  }
}

const KEY_BYTES = 32;
const EXPECTED = `${KEY_BYTES} random bytes, or their base64 (openssl rand -base64 ${KEY_BYTES})`;
// Every key is tried on a cookie of another application.
const MAX_KEYS = 16;
const SID = /^S-1(?:-(?:0x[0-9A-Fa-f]{12}|[0-9]{1,15}))(?:-[0-9]{1,10}){0,15}$/;

const lifetime = definite(
  range(
    'seconds above 0',
    (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  ),
);

/** The rules of {@link SessionOptions}. */
export const SESSION_OPTIONS: OptionRules<SessionOptions> = {
  keys: required({ presence: 'required', check: checkKeys }),
  // cookieOf checks its members.
  cookie: objectWith('the attributes of a cookie'),
  maxAge: lifetime,
  renewAfter: { ...lifetime, presence: 'optional' },
  groups: kind(
    "'all', 'none' or a list of SIDs",
    (value) =>
      value === 'all' ||
      value === 'none' ||
      (Array.isArray(value) &&
        value.every((sid: unknown) => typeof sid === 'string' && SID.test(sid))),
  ),
  store: definite(objectWith('a store with get, set and delete', 'get', 'set', 'delete')),
  onWarning: callback,
};
