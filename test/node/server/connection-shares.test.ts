import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Seat, ShareLimits } from '../../../src/node/server/connection-shares.ts';
import { ConnectionShares } from '../../../src/node/server/connection-shares.ts';

/** A server's connections, by names such as `a1`: the first of source `a`. */
class House {
  readonly shares: ConnectionShares;
  readonly seats = new Map<string, Seat>();
  /** Who gave way, and for which limit. */
  readonly displaced: string[] = [];
  now = 1000;

  constructor(limits: Partial<ShareLimits> = {}) {
    const complete = { maxConnections: 8, maxConnectionsPerSource: 6, maxPenalty: 8, ...limits };
    this.shares = new ConnectionShares(complete, () => this.now);
  }

  enter(...names: string[]): (string | undefined)[] {
    return names.map((name) => {
      const seat = this.shares.enter(name[0]!, (limit) => {
        this.displaced.push(`${name} ${limit}`);
        this.seats.delete(name);
      });
      if (typeof seat === 'string') return seat;
      this.seats.set(name, seat);
      return undefined;
    });
  }

  settle(...names: string[]): void {
    for (const name of names) this.shares.settle(this.seats.get(name)!);
  }

  leave(name: string): void {
    this.shares.leave(this.seats.get(name)!);
    this.seats.delete(name);
  }

  /** A connection of the source that comes and fails. */
  fail(source: string): number | undefined {
    this.enter(`${source}!`);
    const seat = this.seats.get(`${source}!`)!;
    this.leave(`${source}!`);
    return this.shares.fail(seat);
  }

  take(): string[] {
    return this.displaced.splice(0);
  }
}

describe('the share of a source', () => {
  it('is its maximum: its own oldest connection is displaced, no other one', () => {
    const house = new House();
    house.enter('b1', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6');
    expect(house.enter('a7', 'a8')).toEqual([undefined, undefined]);
    expect(house.take()).toEqual(['a1 source', 'a2 source']);
  });

  it('may be used up by authenticated clients; further ones of that source are refused', () => {
    const house = new House();
    house.enter('a1', 'a2', 'a3', 'a4', 'a5', 'a6');
    house.settle('a1', 'a2', 'a3', 'a4', 'a5', 'a6');
    expect(house.enter('a7', 'b1', 'c1')).toEqual(['source', undefined, undefined]);
    expect(house.take()).toEqual([]);
    house.leave('a3');
    expect(house.enter('a8')).toEqual([undefined]);
  });
});

describe('where all places are taken', () => {
  it('the oldest unauthenticated connection of the source with most is displaced', () => {
    const house = new House();
    house.enter('b1', 'a1', 'a2', 'a3', 'c1', 'a4', 'a5', 'b2');
    house.settle('a1');
    expect(house.enter('d1', 'e1', 'f1')).toEqual([undefined, undefined, undefined]);
    // Of a and b, which had two each, b had two for longer.
    expect(house.take()).toEqual(['a2 connections', 'a3 connections', 'b1 connections']);
  });

  it('of sources with one each, the oldest connection is displaced', () => {
    const house = new House();
    house.enter('a1', 'b1', 'c1', 'd1', 'e1', 'f1', 'g1', 'h1', 'i1', 'j1');
    expect(house.take()).toEqual(['a1 connections', 'b1 connections']);
  });

  it('by authenticated clients, the new one is refused', () => {
    const house = new House({ maxConnections: 2, maxConnectionsPerSource: 2 });
    house.enter('a1', 'a2');
    house.settle('a1', 'a2');
    expect(house.enter('a3', 'b1')).toEqual(['connections', 'connections']);
    house.shares.wait(house.seats.get('a2')!);
    expect(house.enter('b2')).toEqual([undefined]);
    expect(house.take()).toEqual(['a2 connections']);
  });

  it('a source that has all of its share takes from itself', () => {
    const house = new House({ maxConnectionsPerSource: 2, maxConnections: 5 });
    house.enter('b1', 'b2', 'a1', 'a2', 'c1', 'a3');
    expect(house.take()).toEqual(['a1 connections']);
  });
});

describe('failures', () => {
  it('count a second each, and penalise a source that has many at a time', () => {
    const house = new House();
    expect([house.fail('a'), house.fail('a'), house.fail('b')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(house.fail('a')).toBe(3);
    // It is told once.
    expect(house.fail('a')).toBeUndefined();
    house.enter('a1', 'a2', 'b1', 'b2', 'b3', 'b4', 'b5', 'c1');
    house.enter('d1', 'd2', 'd3');
    expect(house.take()).toEqual(['a1 connections', 'a2 connections', 'b1 connections']);
  });

  it('end after their time, which has a maximum', () => {
    const house = new House();
    for (let i = 0; i < 100; i++) house.fail('a');
    house.enter('a1', 'a2', 'b1', 'b2', 'b3', 'b4', 'b5', 'c1');
    house.now += 8;
    house.enter('d1');
    expect(house.take()).toEqual(['b1 connections']);
    expect(house.fail('a')).toBeUndefined();
  });

  it('of a source that seldom fails never add up', () => {
    const house = new House();
    for (let i = 0; i < 100; i++, house.now += 1) expect(house.fail('a')).toBeUndefined();
  });

  it('leave a penalised source less for unauthenticated clients once half is taken, and refuse none', () => {
    const house = new House({ maxConnections: 64, maxConnectionsPerSource: 16 });
    for (let i = 0; i < 3; i++) house.fail('a');
    house.enter('a1', 'a2', 'a3', 'a4');
    expect(house.take()).toEqual([]);
    for (let i = 0; i < 28; i++) house.enter(`${'bcdefgh'[i % 7]}${i}`);
    expect(house.enter('a5', 'a6')).toEqual([undefined, undefined]);
    expect(house.take()).toEqual(['a1 penalty', 'a2 penalty']);
    house.settle('a3', 'a4', 'a5', 'a6');
    expect(house.enter('a7', 'a8')).toEqual([undefined, undefined]);
    expect(house.take()).toEqual([]);
  });

  it('do not count if penalties are disabled', () => {
    const house = new House({ maxPenalty: 0 });
    for (let i = 0; i < 100; i++) expect(house.fail('a')).toBeUndefined();
    expect(house.shares.sources).toBe(0);
  });

  it('of more than 4096 sources are forgotten, the oldest first', () => {
    const house = new House();
    const shares = new ConnectionShares(
      { maxConnections: 8, maxConnectionsPerSource: 8, maxPenalty: 60 },
      () => house.now,
    );
    for (let i = 0; i < 5000; i++) {
      const seat = shares.enter(`source ${i}`, () => {}) as Seat;
      shares.leave(seat);
      shares.fail(seat);
    }
    expect(shares.sources).toBe(4096);
    house.now += 60;
    shares.fail(shares.enter('late', () => {}) as Seat);
    expect(shares.sources).toBe(1);
  });

  it('of a source that was forgotten and came back count for the new one', () => {
    const house = new House();
    house.enter('a1');
    const former = house.seats.get('a1')!;
    house.leave('a1');
    house.enter('a2', 'a3');
    house.shares.fail(former);
    house.leave('a2');
    house.leave('a3');
    house.now += 100;
    house.fail('b');
    expect(house.shares.sources).toBe(1);
  });
});

describe('whatever happens', () => {
  it('connections never exceed a limit, and no authenticated one is displaced', () => {
    const action = fc.tuple(
      fc.constantFrom('enter', 'settle', 'leave', 'fail', 'wait', 'time'),
      fc.nat(5),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const house = new House({ maxConnections: 6, maxConnectionsPerSource: 4, maxPenalty: 4 });
        const settled = new Set<string>();
        actions.forEach(([kind, n], i) => {
          const names = [...house.seats.keys()];
          const name = names[n % names.length];
          const before = new Set(names);
          if (kind === 'enter') house.enter(`${'abcdef'[n]}${i}`);
          else if (kind === 'time') house.now += n / 2;
          else if (name !== undefined && kind === 'leave') house.leave(name);
          else if (name !== undefined && kind === 'fail') {
            const seat = house.seats.get(name)!;
            house.leave(name);
            house.shares.fail(seat);
          } else if (name !== undefined && kind === 'settle') {
            house.settle(name);
            settled.add(name);
          } else if (name !== undefined) {
            house.shares.wait(house.seats.get(name)!);
            settled.delete(name);
          }
          const displaced = house.take().map((text) => text.split(' ')[0]!);
          for (const one of displaced) expect(settled.has(one)).toBe(false);
          expect(displaced.length).toBeLessThanOrEqual(1);
          expect(displaced.every((one) => before.has(one))).toBe(true);
          expect(house.seats.size).toBeLessThanOrEqual(6);
          for (const source of 'abcdef') {
            const own = [...house.seats.keys()].filter((one) => one.startsWith(source));
            expect(own.length).toBeLessThanOrEqual(4);
          }
        });
        for (const name of [...house.seats.keys()]) house.leave(name);
        house.now += 100;
        house.fail('z');
        expect(house.shares.sources).toBe(1);
      }),
    );
  });
});
