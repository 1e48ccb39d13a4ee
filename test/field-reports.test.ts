/** What users of Kerberos acceptors have reported: each gets in, or its operator is told the cause. */
import { describe, expect, it } from 'vitest';
import { fromHex } from '../src/bytes.ts';
import { formatGssError } from '../src/cli/gss-server/lines.ts';
import type { GssError } from '../src/index.ts';
import { acquireCredential, createAcceptor, parseKeytab } from '../src/index.ts';
import { loadVectors } from './support/vectors.ts';

interface Told {
  readonly code?: string;
  readonly minor?: string;
  readonly hint?: string;
}

interface Report {
  readonly name: string;
  readonly report: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly keytab: string;
  readonly token: string;
  readonly expected: Told & {
    readonly status: string;
    readonly initiator?: string;
    readonly foreignChoice?: Told;
  };
}

const { vectors } = loadVectors<Report>('field-reports/tokens.json');

function expectTold(error: GssError | undefined, { code, minor, hint }: Told): void {
  expect(error?.code).toBe(code);
  expect(error?.minor?.code).toBe(minor);
  if (hint === undefined) return;
  expect(error?.hint).toContain(hint);
  // Records, JSON and gss-inspect show these, and not the hint.
  expect([error?.text, ...(error?.remedies ?? [])].join('; ')).toContain(hint);
  const lines = formatGssError('accepting context', error).map(({ to, bytes }) => [
    to,
    new TextDecoder().decode(bytes),
  ]);
  expect(lines.at(-1)).toEqual(['stderr', expect.stringContaining(hint)]);
}

describe('what users of acceptors have reported', () => {
  it.each(vectors)('$name: $report', async ({ time, keytab, token, expected }) => {
    const credential = await acquireCredential({ keytab: parseKeytab(fromHex(keytab)) });
    const handshake = createAcceptor({ credential, clock: () => time }).begin();
    const result = await handshake.accept(fromHex(token));
    expect(result.status).toBe(expected.status);
    if (result.status === 'complete') {
      expect(String(result.context.initiator)).toBe(expected.initiator);
    }
    if (result.status === 'failed') expectTold(result.error, expected);
    const { foreignChoice } = handshake;
    if (expected.foreignChoice !== undefined) expectTold(foreignChoice, expected.foreignChoice);
    else expect(foreignChoice).toBeUndefined();
  });
});
