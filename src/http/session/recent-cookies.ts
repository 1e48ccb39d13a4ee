/** Remembers cookies that were opened, so that a browser's next request costs no decryption. */

/**
 * The contents of authentic cookies; forged ones are never added. Whether a session is still valid must be
 * checked each time. A look-up compares seeded hashes of whole values first: its time does not reveal how
 * much of a guess is right.
 */
export class RecentCookies<T> {
  readonly #entries = new Map<string, { readonly host: string; readonly contents: T }>();
  #size = 0;

  /** @returns The contents that {@link keep} stored for the same value and host. */
  find(value: string, host: string): T | undefined {
    const entry = this.#entries.get(value);
    return entry?.host === host ? entry.contents : undefined;
  }

  /** Forgets the oldest ones to keep within {@link MAX_CHARACTERS}. */
  keep(value: string, host: string, contents: T): void {
    if (!this.#entries.has(value)) this.#size += value.length;
    this.#entries.set(value, { host, contents });
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= MAX_CHARACTERS) return;
      this.#entries.delete(oldest);
      this.#size -= oldest.length;
    }
  }
}

/** The limit for all cookies together: about 2000 of usual size. */
const MAX_CHARACTERS = 1 << 20;
