/** Looks for secrets in the memory that code has left behind. */
import type { Secrets } from './secrets.ts';
import { SecretSearch } from './secrets.ts';

/**
 * Counts every typed array that is made while something works, by whatever code of this process.
 * What the engine copies on its own, and what Node.js allocates, it does not see.
 */
export class Census {
  readonly #buffers = new Set<ArrayBufferLike>();

  /** Does the work, and remembers its arrays. */
  async watch<T>(work: () => T | Promise<T>): Promise<T> {
    const undo = KINDS.map((name) => this.#replace(name));
    undo.push(this.#copiesOf('slice'), this.#copiesOf('map'), this.#encodedTexts());
    try {
      return await work();
    } finally {
      for (const restore of undo) restore();
    }
  }

  /** The names of the secrets that stand in any of these arrays, in either order of bytes. */
  left(secrets: Secrets): string[] {
    const search = new SecretSearch(secrets);
    const found = new Set<string>();
    for (const buffer of [...this.#buffers]) {
      const bytes = new Uint8Array(buffer).slice();
      for (const name of search.inBytes(bytes)) found.add(name);
      if (bytes.length % 4 !== 0) continue;
      for (const name of search.inBytes(Buffer.from(bytes).swap32())) found.add(name);
    }
    return [...found];
  }

  /** How many of these arrays hold anything. */
  get holding(): number {
    return this.contents.length;
  }

  /** Those of these arrays that hold anything. */
  get contents(): readonly Uint8Array[] {
    const all = [...this.#buffers].map((buffer) => new Uint8Array(buffer));
    return all.filter((bytes) => bytes.some((byte) => byte !== 0));
  }

  #replace(name: (typeof KINDS)[number]): () => void {
    const original = globalThis[name] as typeof Uint8Array;
    const spy: typeof Uint8Array = new Proxy(original, {
      construct: (target, args, newTarget) => {
        const made: Uint8Array = Reflect.construct(
          target,
          args,
          newTarget === spy ? target : newTarget,
        );
        this.#buffers.add(made.buffer);
        return made;
      },
    });
    Object.assign(globalThis, { [name]: spy });
    return () => Object.assign(globalThis, { [name]: original });
  }

  /** Copies are made without any constructor that can be replaced. */
  #copiesOf(method: 'slice' | 'map'): () => void {
    const prototype = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
    const original = prototype[method] as (...args: unknown[]) => Uint8Array;
    const buffers = this.#buffers;
    Object.assign(prototype, {
      [method](this: Uint8Array, ...args: unknown[]): Uint8Array {
        const made = original.apply(this, args);
        buffers.add(made.buffer);
        return made;
      },
    });
    return () => Object.assign(prototype, { [method]: original });
  }

  #encodedTexts(): () => void {
    const { prototype } = TextEncoder;
    const original = prototype.encode;
    const buffers = this.#buffers;
    prototype.encode = function encode(this: TextEncoder, text?: string) {
      const made = original.call(this, text);
      buffers.add(made.buffer);
      return made;
    };
    return () => {
      prototype.encode = original;
    };
  }
}

const KINDS = ['Uint8Array', 'Int32Array', 'Uint32Array'] as const;
