import { describe, expect, it } from 'vitest';
import { RecentPeers } from '../../src/ap/recent-peers.ts';

const cipher = (n: number): Uint8Array => Uint8Array.of(0, 0, n >> 16, n >> 8, n);
const at = (...address: number[]) => ({ type: 2, address: Uint8Array.from(address) });
const [here, there] = [at(192, 0, 2, 7), at(192, 0, 2, 8)];

describe('RecentPeers', () => {
  it('tells whether a request came from the same address before', () => {
    const peers = new RecentPeers();
    expect(peers.sawFrom(cipher(1), here)).toBeUndefined();
    peers.note(cipher(1), here);
    expect(peers.sawFrom(cipher(1), at(192, 0, 2, 7))).toBe(true);
    expect(peers.sawFrom(cipher(1), there)).toBe(false);
    expect(peers.sawFrom(cipher(1), { ...here, type: 24 })).toBe(false);
    expect(peers.sawFrom(cipher(2), here)).toBeUndefined();
  });

  it('knows nothing without addresses', () => {
    const peers = new RecentPeers();
    peers.note(cipher(1), undefined);
    peers.note(cipher(2), here);
    expect(peers.sawFrom(cipher(1), here)).toBeUndefined();
    expect(peers.sawFrom(cipher(2), undefined)).toBeUndefined();
  });

  it('forgets a request for a later one', () => {
    const peers = new RecentPeers();
    peers.note(cipher(1), here);
    peers.note(cipher(1 + 1024), there);
    expect(peers.sawFrom(cipher(1), here)).toBeUndefined();
    expect(peers.sawFrom(cipher(1 + 1024), there)).toBe(true);
  });
});
