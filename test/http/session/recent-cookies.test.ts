import { describe, expect, it } from 'vitest';
import { RecentCookies } from '../../../src/http/session/recent-cookies.ts';

describe('RecentCookies', () => {
  it('finds what was kept, for the same value and host only', () => {
    const cookies = new RecentCookies<number>();
    cookies.keep('a', 'www', 1);
    expect(cookies.find('a', 'www')).toBe(1);
    expect(cookies.find('a', 'app')).toBeUndefined();
    expect(cookies.find('b', 'www')).toBeUndefined();
  });

  it('compares whole values, not the ends by which it looks them up', () => {
    const cookies = new RecentCookies<number>();
    const end = 'e'.repeat(24);
    cookies.keep(`a${end}`, 'www', 1);
    expect(cookies.find(`b${end}`, 'www')).toBeUndefined();
    expect(cookies.find(end, 'www')).toBeUndefined();
    expect(cookies.find(`a${end}`, 'www')).toBe(1);
  });

  it('keeps 2^20 characters of cookies, the latest ones', () => {
    const cookies = new RecentCookies<number>();
    const value = (i: number) => `${i}`.padStart(4096, 'x');
    for (let i = 0; i < 300; i++) cookies.keep(value(i), 'www', i);
    const kept = Array.from({ length: 300 }, (_, i) => cookies.find(value(i), 'www'));
    expect(kept.filter((one) => one !== undefined)).toHaveLength(256);
    expect(kept[43]).toBeUndefined();
    expect(kept[44]).toBe(44);
    expect(kept[299]).toBe(299);
  });

  it('counts a cookie once that is kept again', () => {
    const cookies = new RecentCookies<number>();
    const value = 'x'.repeat(1 << 19);
    for (let i = 0; i < 5; i++) cookies.keep(value, 'www', i);
    cookies.keep(`${value.slice(1)}y`, 'www', 9);
    expect(cookies.find(value, 'www')).toBe(4);
    expect(cookies.find(`${value.slice(1)}y`, 'www')).toBe(9);
  });
});
