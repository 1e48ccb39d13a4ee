import { describe, expect, it } from 'vitest';
import { KnownServers } from '../../../src/node/kdc/known-servers.ts';

const A = { host: 'a.example.test', port: 88 };
const B = { host: 'b.example.test', port: 88 };

function servers() {
  const time = { now: 1000 };
  return { time, known: new KnownServers(() => time.now) };
}

describe('KnownServers', () => {
  it.each([
    ['nothing', undefined, 1000],
    ['a quick answer', 20, 1000],
    ['a slow answer', 1500, 3000],
    ['a very slow answer', 9000, 5000],
    ['a clock that was set back', -60_000, 1000],
  ])('waits after %s', (_, took, patience) => {
    const { time, known } = servers();
    if (took !== undefined) known.answered(A, time.now - took);
    expect(known.patienceWith(A)).toBe(patience);
    expect(known.patienceWith({ ...A, port: 89 })).toBe(1000);
  });

  it('waits no longer for a server whose answer was late than for another', () => {
    const { time, known } = servers();
    known.answered(A, time.now - 2000);
    known.late(A);
    expect(known.patienceWith(A)).toBe(1000);
  });

  it('forgets what has failed if the clock was set back', () => {
    const { time, known } = servers();
    time.now += 3_600_000;
    known.failed(A);
    time.now -= 3_600_000;
    expect(known.inOrder([A, B])).toEqual([A, B]);
  });

  it('puts servers that have failed last, for half a minute', () => {
    const { time, known } = servers();
    known.failed(A);
    known.answered(A, time.now - 2000);
    expect(known.inOrder([A, B])).toEqual([B, A]);
    time.now += 29_999;
    expect(known.inOrder([A, B])).toEqual([B, A]);
    time.now += 1;
    expect(known.inOrder([A, B])).toEqual([A, B]);
    expect(known.patienceWith(A)).toBe(4000);
  });

  it('knows no more than 64 servers', () => {
    const { known } = servers();
    known.failed(A);
    for (let port = 1; port <= 64; port++) known.failed({ host: 'c.example.test', port });
    expect(known.inOrder([A, B])).toEqual([A, B]);
  });
});
