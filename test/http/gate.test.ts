import { afterEach, describe, expect, it, vi } from 'vitest';
import { raiseHeaderLimitOfBun } from '../../src/http/gate.ts';

/** The limit after the call, in a process with these versions and this limit before. */
function limitIn(versions: Readonly<Record<string, string>>, maxHeaderSize: number): number {
  const http = { maxHeaderSize };
  vi.stubGlobal('process', { versions, getBuiltinModule: () => http });
  raiseHeaderLimitOfBun();
  return http.maxHeaderSize;
}

describe('the limit on headers', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('is raised under Bun, unless it was chosen', () => {
    expect(limitIn({ bun: '1.4.5' }, 16_384)).toBe(81_920);
    expect(limitIn({ bun: '1.4.5' }, 32_768)).toBe(32_768);
    expect(limitIn({ bun: '1.4.5' }, 100_000)).toBe(100_000);
  });

  it('is left alone in other runtimes', () => {
    expect(limitIn({ node: '24.0.0' }, 16_384)).toBe(16_384);
    vi.stubGlobal('process', undefined);
    expect(raiseHeaderLimitOfBun).not.toThrow();
    vi.stubGlobal('process', { versions: { bun: '1.1.0' } });
    expect(raiseHeaderLimitOfBun).not.toThrow();
  });
});
