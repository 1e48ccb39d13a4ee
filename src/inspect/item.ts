/** The result of an inspection: a tree of items, each with its place in the bytes and its meaning. */

/** A piece of the input, and its parts. */
export interface Item {
  /** The name of the piece in its specification, or a description. */
  readonly label: string;
  /** What the piece says, in printable text. Absent for a piece that only has parts. */
  readonly value?: string;
  /** The first byte, counted from the start of the bytes that `space` names. */
  readonly offset?: number;
  /** Bytes, headers included. */
  readonly length?: number;
  /** Where the piece is specified: `RFC 4120 §5.5.1`. */
  readonly clause?: string;
  /** What is wrong here: where and why reading stops, or what the acceptor refuses. */
  readonly problems?: readonly string[];
  /** Present if offsets in this item and its parts count from another start: the bytes they are in. */
  readonly space?: string;
  /** Whether the value is hidden, because it is a secret. */
  readonly secret?: true;
  readonly parts?: readonly Item[];
  /** The name of the file that it was in, where the inspector was told names. */
  readonly input?: string;
}

/** An item under construction. */
export type Draft = { -readonly [Name in keyof Item]: Item[Name] } & { parts?: Item[] };

/** The problems of an item and of all its parts, in the order of the tree. */
export function problemsOf(item: Item): string[] {
  const problems: string[] = [];
  walk(item, ({ label, problems: own = [] }) => {
    for (const problem of own) problems.push(`${label}: ${problem}`);
  });
  return problems;
}

/** Calls `visit` with an item and all its parts, each before its own parts. */
export function walk(item: Item, visit: (item: Item, depth: number) => void, depth = 0): void {
  visit(item, depth);
  for (const part of item.parts ?? []) walk(part, visit, depth + 1);
}
