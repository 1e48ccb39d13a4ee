import { describe, expect, it, vi } from 'vitest';
import { remembered } from '../../../src/node/kdc/remembered.ts';

describe('remembered', () => {
  it('asks once for all at the same time, and again after half a minute', async () => {
    let now = 0;
    const find = vi.fn(async (name: string) => `${name} ${find.mock.calls.length}`);
    const ask = remembered(find, () => now);
    expect(await Promise.all([ask('a'), ask('a'), ask('b')])).toEqual(['a 1', 'a 1', 'b 2']);
    now += 29_999;
    expect(await ask('a')).toBe('a 1');
    now += 1;
    expect(await ask('a')).toBe('a 3');
  });

  it('asks again if the clock was set back', async () => {
    let now = 3_600_000;
    const find = vi.fn(async () => find.mock.calls.length);
    const ask = remembered(find, () => now);
    expect(await ask('a')).toBe(1);
    now = 0;
    expect(await ask('a')).toBe(2);
  });

  it('forgets failures', async () => {
    const find = vi.fn(async () => 'found');
    find.mockRejectedValueOnce(new Error('no'));
    const ask = remembered(find, () => 0);
    const failed = Promise.allSettled([ask('a'), ask('a')]);
    expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(find).toHaveBeenCalledTimes(1);
    expect(await ask('a')).toBe('found');
  });

  it('forgets what is not worth it', async () => {
    const find = vi.fn(async (): Promise<string[]> => ['found']);
    find.mockResolvedValueOnce([]);
    const ask = remembered(
      find,
      () => 0,
      ({ length }) => length > 0,
    );
    expect(await Promise.all([ask('a'), ask('a')])).toEqual([[], []]);
    expect(find).toHaveBeenCalledTimes(1);
    expect(await ask('a')).toEqual(['found']);
    expect(await ask('a')).toEqual(['found']);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('remembers a bounded number of names', async () => {
    const find = vi.fn(async (name: string) => name);
    const ask = remembered(find, () => 0);
    for (let i = 0; i < 65; i++) await ask(String(i));
    await ask('64');
    expect(find).toHaveBeenCalledTimes(65);
    await ask('0');
    expect(find).toHaveBeenCalledTimes(66);
  });
});
