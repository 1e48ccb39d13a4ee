/** Begins several things one after another and takes the first result: servers, or the addresses of one. */

/** How each item is begun, and how long it is waited for. */
export interface Turn<T, R> {
  /** Rejects if it failed. A result of undefined is none: the next one is begun. */
  readonly begin: (item: T) => Promise<R | undefined>;
  /** Milliseconds after which the next one is begun beside it. */
  readonly patience: (item: T) => number;
  /** Called when that time is over. */
  readonly onLate?: (item: T) => void;
  readonly onFailure?: (item: T, error: unknown) => void;
  /** Whether nothing more is to be begun. */
  readonly isOver: () => boolean;
}

/**
 * Begins each item as soon as the one before has failed or is late.
 *
 * @returns The first result. The caller ends what is still under way then. Rejects with the last error if
 *   all have failed.
 */
export function firstInTurn<T, R>(
  items: readonly T[],
  { begin, patience, onLate, onFailure, isOver }: Turn<T, R>,
): Promise<R> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let running = 0;
    let fault: unknown;
    const beginNext = (): void => {
      if (next === items.length || isOver()) return void (running === 0 && reject(fault));
      const item = items[next++]!;
      running++;
      const timer = setTimeout(() => {
        onLate?.(item);
        beginNext();
      }, patience(item));
      const end = (): void => {
        clearTimeout(timer);
        running--;
      };
      begin(item).then(
        (result) => {
          end();
          if (result === undefined) beginNext();
          else resolve(result);
        },
        (error: unknown) => {
          end();
          fault = error;
          onFailure?.(item, error);
          beginNext();
        },
      );
    };
    beginNext();
  });
}
