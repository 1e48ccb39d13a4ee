/** Remembers cookies that were opened, so that a browser's next request costs no decryption. */

/**
 * The contents of authentic cookies; forged ones are never added. Whether a session is still valid must be
 * checked each time. A look-up finds a seeded hash of the value's end first, which holds most of the seal's
 * authentication tag: its time does not reveal how much of a guess is right.
 */
export class RecentCookies<T> {
  readonly #entries = new Map<string, Entry<T>>();
  #size = 0;

  /** @returns The contents that {@link keep} stored for the same value and host. */
  find(value: string, host: string): T | undefined {
    const entry = this.#entries.get(endOf(value));
    return entry?.value === value && entry.host === host ? entry.contents : undefined;
  }

  /** Forgets the oldest ones to keep within {@link MAX_CHARACTERS}. */
  keep(value: string, host: string, contents: T): void {
    const end = endOf(value);
    this.#size += value.length - (this.#entries.get(end)?.value.length ?? 0);
    this.#entries.set(end, { value, host, contents });
    for (const [oldest, { value: forgotten }] of this.#entries) {
      if (this.#size <= MAX_CHARACTERS) return;
      this.#entries.delete(oldest);
      this.#size -= forgotten.length;
    }
  }
}

interface Entry<T> {
  readonly value: string;
  readonly host: string;
  readonly contents: T;
}

/** Hashing the whole value would take longer than all other work on the request's session. */
function endOf(value: string): string {
  return value.slice(-TAIL);
}

// Characters: base64 of the last 12 to 15 bytes of a Poly1305 tag, and its padding.
const TAIL = 20;

/** The limit for all cookies together: about 2000 of usual size. */
const MAX_CHARACTERS = 1 << 20;
