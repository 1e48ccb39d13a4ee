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
  /**
   * Makes room for an item beside those that run; always if absent.
   *
   * @returns Called when the item has ended. Undefined: there is no room for it now, but perhaps for another.
   */
  readonly enter?: (item: T, running: readonly T[]) => (() => void) | undefined;
  /** Calls when there is room for the item. @returns Forgets the call. */
  readonly whenRoom?: (item: T, call: () => void) => () => void;
}

/**
 * Begins each item as soon as the one before has failed or is late.
 *
 * @returns The first result. The caller ends what is still under way then. Rejects with the last error if
 *   all have failed.
 */
export function firstInTurn<T, R>(
  items: readonly T[],
  { begin, patience, onLate, onFailure, isOver, enter = () => NOTHING, whenRoom }: Turn<T, R>,
): Promise<R> {
  return new Promise((resolve, reject) => {
    const left = [...items];
    const running: T[] = [];
    let fault: unknown;
    let forget = NOTHING;
    const beginNext = (): void => {
      forget();
      const [first] = left;
      if (first === undefined || isOver()) {
        if (running.length === 0) reject(fault);
        return;
      }
      for (const [at, item] of left.entries()) {
        const leave = enter(item, running);
        if (leave === undefined) continue;
        left.splice(at, 1);
        run(item, leave);
        return;
      }
      forget = whenRoom?.(first, beginNext) ?? NOTHING;
    };
    const run = (item: T, leave: () => void): void => {
      running.push(item);
      const timer = setTimeout(() => {
        onLate?.(item);
        beginNext();
      }, patience(item));
      const end = (): void => {
        clearTimeout(timer);
        running.splice(running.indexOf(item), 1);
        leave();
      };
      begin(item).then(
        (result) => {
          end();
          if (result === undefined) return beginNext();
          forget();
          resolve(result);
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

const NOTHING = (): void => {};
