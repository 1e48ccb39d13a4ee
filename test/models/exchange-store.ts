/**
 * A model of the store of half-finished exchanges: an exchange is put under a random name and taken
 * once, by whichever server the client's next request reaches.
 *
 * What it assumes:
 * - The engine gives an entry and deletes it in one atomic step, and names its run in the same answer.
 * - An entry holds the run in which it was put. A server discards an entry of another run: a replica that
 *   was promoted may still have what the former primary had already given away.
 */
import type { Model } from './explore.ts';

export interface ExchangeModelOptions {
  /** Whether the entry is given and deleted in one step. Without that, the model must fail. */
  readonly atomic: boolean;
  /** Whether entries of an earlier run are discarded. Without that, the model must fail. */
  readonly bindsRun: boolean;
}

type Taker =
  | { readonly at: 'idle' | 'holding' | 'refused' }
  | { readonly at: 'looked'; readonly put: number; readonly run: number };

interface State {
  readonly now: number;
  readonly run: number;
  readonly up: boolean;
  /** The run in which the exchange was put; absent if it is not there. */
  readonly entry: number | null;
  readonly durable: number | null;
  readonly putter: 'begun' | 'put';
  readonly takers: readonly Taker[];
  readonly handed: number;
  readonly disasters: number;
}

const LIFETIME = 2;
const END = 3;
const DISASTERS = 3;

export function exchangeModel({ atomic, bindsRun }: ExchangeModelOptions): Model<State> {
  function* servers(state: State): Iterable<readonly [string, State]> {
    if (state.putter === 'begun' && state.up) {
      yield ['put', { ...state, putter: 'put', entry: state.run }];
    }
    // The name of the entry may be known to two, as after a cookie was stolen.
    for (const [i, taker] of state.takers.entries()) {
      if (state.putter === 'begun') break;
      if (taker.at === 'idle') yield* asks(state, i);
      if (taker.at === 'looked') {
        const { put, run } = taker;
        if (state.up) yield [`delete ${i}`, decide({ ...state, entry: null }, i, put, run)];
      }
    }
  }

  function* asks(state: State, i: number): Iterable<readonly [string, State]> {
    const { entry, run } = state;
    if (!state.up) {
      yield [`refuse-unanswered ${i}`, withTaker(state, i, { at: 'refused' })];
    } else if (entry === null) {
      yield [`refuse-absent ${i}`, withTaker(state, i, { at: 'refused' })];
    } else if (atomic) {
      yield [`take ${i}`, decide({ ...state, entry: null }, i, entry, run)];
      // The answer is lost, or the server dies with it: the exchange is gone, and nobody has it.
      yield [`lose-answer ${i}`, withTaker({ ...state, entry: null }, i, { at: 'refused' })];
    } else {
      yield [`look ${i}`, withTaker(state, i, { at: 'looked', put: entry, run })];
    }
  }

  function decide(state: State, i: number, put: number, run: number): State {
    if (bindsRun && put !== run) return withTaker(state, i, { at: 'refused' });
    return withTaker({ ...state, handed: state.handed + 1 }, i, { at: 'holding' });
  }

  function* world(state: State): Iterable<readonly [string, State]> {
    if (state.now < END) yield ['tick', { ...state, now: state.now + 1 }];
    if (!state.up)
      yield ['restart', { ...state, up: true, run: state.run + 1, entry: state.durable }];
    if (state.up && state.durable !== state.entry) {
      yield ['persist', { ...state, durable: state.entry }];
    }
    if (state.up && state.entry !== null && state.now >= LIFETIME) {
      yield ['expire', { ...state, entry: null }];
    }
    if (!state.up || state.disasters >= DISASTERS) return;
    const disasters = state.disasters + 1;
    yield ['kill-engine', { ...state, disasters, up: false }];
    const promoted = { run: state.run + 1, entry: state.durable };
    yield ['promote-replica', { ...state, disasters, ...promoted }];
  }

  return {
    initial: {
      now: 0,
      run: 0,
      up: true,
      entry: null,
      durable: null,
      putter: 'begun',
      takers: [{ at: 'idle' }, { at: 'idle' }, { at: 'idle' }],
      handed: 0,
      disasters: 0,
    },
    *next(state) {
      yield* servers(state);
      yield* world(state);
    },
    keyOf: JSON.stringify,
    wrong: ({ handed }) => (handed > 1 ? `handed to ${handed} takers` : undefined),
  };
}

function withTaker(state: State, taker: number, value: Taker): State {
  return { ...state, takers: state.takers.map((old, i) => (i === taker ? value : old)) };
}
