/** No interleaving of servers, engine, crash, failover, expiry and skew accepts twice or hands out twice. */
import { describe, expect, it } from 'vitest';
import { exchangeModel } from './exchange-store.ts';
import { explore } from './explore.ts';
import { replayModel } from './replay-cache.ts';

const SOUND = { clientAhead: 0, serverAhead: 0, refusesOlder: true, atomic: true };

describe('a replay cache of several servers', () => {
  it('accepts no token twice, whatever happens in whatever order', { timeout: 600_000 }, () => {
    const { counterexample, states, taken } = explore(replayModel({ ...SOUND, outlives: 2 }));
    expect(counterexample).toBeUndefined();
    expect(states).toBeGreaterThan(100_000);
    for (const step of [
      'accept',
      'ask-since',
      'expire',
      'kill-engine',
      'kill-server',
      'promote-replica',
      'refuse-late',
      'refuse-older',
      'refuse-unanswered',
      'refuse-unmet',
      'replay',
      'restart',
      'set',
      'set-several',
      'too-old',
    ]) {
      expect(taken.get(step), step).toBeGreaterThan(0);
    }
  });

  it('does so with a client whose clock is behind', () => {
    const { counterexample } = explore(replayModel({ ...SOUND, clientAhead: -1, disasters: 1 }));
    expect(counterexample).toBeUndefined();
  });

  it('does so with clocks that are ahead or behind by no more than the margin', () => {
    const within = { ...SOUND, margin: 1, disasters: 1 };
    for (const clocks of [{ clientAhead: 1 }, { serverAhead: 1 }, { serverAhead: -1 }]) {
      const { counterexample } = explore(replayModel({ ...within, ...clocks }));
      expect(counterexample, JSON.stringify(clocks)).toBeUndefined();
    }
  });

  it.each([
    ['a client whose clock is ahead', { clientAhead: 1 }],
    ['a server whose clock is behind', { serverAhead: -1 }],
  ])('has one window, when the engine forgets: %s by more than the margin', (_, clocks) => {
    const { counterexample } = explore(replayModel({ ...SOUND, ...clocks }));
    expect(counterexample?.wrong).toMatch(/^accepted/);
    const forgot = /^(restart|promote-replica)/;
    expect(counterexample?.steps.some((step) => forgot.test(step))).toBe(true);
  });

  describe('that servers meet before a request depends on it', () => {
    const early = (meetsEarly: 'at-meeting' | 'at-creation' | 'if-empty', margin = 0) =>
      explore(replayModel({ ...SOUND, margin, sends: [0, 2], disasters: 1, meetsEarly }));

    it('accepts no token twice, and those that are younger at once', () => {
      const { counterexample, taken } = early('at-meeting');
      expect(counterexample).toBeUndefined();
      for (const step of ['meet', 'accept', 'refuse-older', 'kill-engine', 'promote-replica']) {
        expect(taken.get(step), step).toBeGreaterThan(0);
      }
    });

    it('would accept twice if an engine were trusted because it is empty', () => {
      const { counterexample } = early('if-empty');
      expect(counterexample?.wrong).toMatch(/^accepted/);
      expect(counterexample?.steps.some((step) => /^(restart|promote)/.test(step))).toBe(true);
    });

    it('would accept twice if the time of its creation were noted by a server', () => {
      expect(early('at-creation').counterexample?.wrong).toMatch(/^accepted/);
    });
  });

  it('would accept twice if requests from before a restart were taken', () => {
    const { counterexample } = explore(replayModel({ ...SOUND, refusesOlder: false }));
    expect(counterexample?.wrong).toMatch(/^accepted/);
  });

  it('does so while the clock of the engine is ahead by less than keys outlive their requests', () => {
    const { counterexample } = explore(replayModel({ ...SOUND, engineAhead: 1, disasters: 0 }));
    expect(counterexample).toBeUndefined();
    const more = explore(replayModel({ ...SOUND, engineAhead: 2, disasters: 0 }));
    expect(more.counterexample?.steps.some((step) => step.startsWith('engine-jumps'))).toBe(true);
  });

  it('would accept twice if a key that is there were set again', () => {
    const { counterexample } = explore(replayModel({ ...SOUND, overwrites: true }));
    expect(counterexample?.wrong).toMatch(/^accepted/);
  });

  it('would accept twice if the key were looked up first and stored after that', () => {
    const { counterexample } = explore(replayModel({ ...SOUND, atomic: false }));
    expect(counterexample?.steps.filter((step) => step.startsWith('look'))).toHaveLength(2);
  });

  it('would accept twice if a key ended as soon as its request is too old', () => {
    const { counterexample } = explore(replayModel({ ...SOUND, outlives: 0 }));
    expect(counterexample?.steps.some((step) => step.startsWith('expire'))).toBe(true);
  });
});

describe('a store of half-finished exchanges', () => {
  it('hands none to two takers, whatever happens in whatever order', () => {
    const { counterexample, states, taken } = explore(
      exchangeModel({ atomic: true, bindsRun: true }),
    );
    expect(counterexample).toBeUndefined();
    expect(states).toBeGreaterThan(300);
    for (const step of ['expire', 'kill-engine', 'lose-answer', 'promote-replica', 'take']) {
      expect(taken.get(step), step).toBeGreaterThan(0);
    }
  });

  it('would hand one to two takers if it were read first and deleted after that', () => {
    const { counterexample } = explore(exchangeModel({ atomic: false, bindsRun: true }));
    expect(counterexample?.wrong).toBe('handed to 2 takers');
  });

  it('would hand one to two takers if a promoted replica might give it again', () => {
    const { counterexample } = explore(exchangeModel({ atomic: true, bindsRun: false }));
    expect(counterexample?.steps).toContain('promote-replica');
  });
});
