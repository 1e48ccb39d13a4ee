/** What a published flaw of a Kerberos or GSS-API implementation is to this package. */
import { it } from 'vitest';

/** One class of flaw that could exist here, and the test that shows that it does not. */
export interface Advisory {
  /** CVE numbers; for a flaw that has none, the peer's own ticket: `go-krb5 #155`. */
  readonly ids: readonly [string, ...string[]];
  /** The implementations that had it. */
  readonly peer: string;
  /** The class of flaw, in one sentence. */
  readonly flaw: string;
  /** What this package does instead. */
  readonly here: string;
  /** What the title of the test says behind the ids. */
  readonly test: string;
}

/** By a name that the test uses. */
export type Advisories = Readonly<Record<string, Advisory>>;

/** A class of flaw in code that this package does not have. */
export type Absence = Omit<Advisory, 'test'>;

/** The title of an advisory's test. */
export function testTitle({ ids, test }: Advisory): string {
  return `${ids.join(', ')}: ${test}`;
}

/**
 * Declares the tests of a file's advisories.
 *
 * @returns A function to call once for each of them.
 */
export function testsOf<A extends Advisories>(
  advisories: A,
): (name: keyof A, test: () => void | Promise<void>) => void {
  return (name, test) => it(testTitle(advisories[name]!), test);
}
