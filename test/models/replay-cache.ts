/**
 * A model of a replay cache that several servers share: an engine that stores keys once, forgets when it
 * crashes or when a replica takes its place, and servers that crash between any two steps.
 *
 * What it assumes:
 * - The engine sets a key only if it is not there in one atomic step, and names its run (a restart or a
 *   promotion begins another one) in the same answer.
 * - A server that has judged a request's age has its answer within the deadline, or refuses.
 * - A key lives until its request is refused for its age by every server, and after that for the deadline
 *   and the difference of the servers' clocks: one may have judged the age just before, and ask late.
 * - `clientAhead` says how far the client's clock is ahead, `serverAhead` how far that of the second server.
 * - A server that meets a run it does not know asks the engine since when the run is known, or writes
 *   down its own time and a margin there, before it decides; it refuses requests that are not younger.
 *   It may do so before a request depends on it.
 */
import type { Model } from './explore.ts';

export interface ReplayModelOptions {
  /** How far the client's clock is ahead of the clock of the servers, in units. */
  readonly clientAhead: number;
  /** How far the second server's clock is ahead of the first one's, in units. */
  readonly serverAhead: number;
  /** How much younger than its first sight of a run a server wants requests to be; 0 if absent. */
  readonly margin?: number;
  /** Whether requests from before the engine's run are refused. Without that, the model must fail. */
  readonly refusesOlder: boolean;
  /** Whether the engine's key is set in one step. Without that, the model must fail. */
  readonly atomic: boolean;
  /**
   * A new engine, which servers may meet before any request depends on it, at any time. `at-meeting` notes
   * the time of the meeting. With the others the model must fail: `at-creation` notes the time at which
   * the server was created, and `if-empty` trusts an engine in which nothing is stored.
   */
  readonly meetsEarly?: 'at-meeting' | 'at-creation' | 'if-empty';
  /** How many crashes and promotions happen; 2 if absent. */
  readonly disasters?: number;
  /** For how many units a key outlives the last time at which its request is young enough. */
  readonly outlives?: number;
}

interface Engine {
  readonly up: boolean;
  readonly run: number;
  /** The end of each stored token's key, by token; absent if it is not stored. */
  readonly keys: Readonly<Record<string, number>>;
  /** What survives a crash: as the keys were at some time. */
  readonly durable: Readonly<Record<string, number>>;
  /** Since when each run is known, by the clock of the server that met it first. */
  readonly since: Readonly<Record<string, number>>;
}

type Work =
  | { readonly at: 'idle' }
  | { readonly at: 'judged'; readonly token: number; readonly judged: number }
  | {
      readonly at: 'looked';
      readonly token: number;
      readonly judged: number;
      readonly present: boolean;
      readonly run: number;
    }
  | {
      readonly at: 'answered';
      readonly token: number;
      readonly judged: number;
      readonly isNew: boolean;
      readonly run: number;
    };

interface State {
  readonly now: number;
  readonly engine: Engine;
  readonly servers: readonly Work[];
  /** How often each token was accepted. */
  readonly accepted: readonly number[];
  readonly sent: readonly number[];
  readonly disasters: number;
}

/** Tokens are numbered by the time at which their client made them, by the true clock. */
const MADE = [0, 1];
/** How often each is sent: the second is there to be the first that meets a run. */
const SENDS = [2, 1];
const SKEW = 2;
const DEADLINE = 1;
const END = 4;
const LONG_AGO = -SKEW - 1;
/** When the servers were created. */
const CREATED = -1;
const IDLE: Work = { at: 'idle' };

export function replayModel(options: ReplayModelOptions): Model<State> {
  const {
    clientAhead,
    serverAhead,
    refusesOlder,
    atomic,
    disasters: most = 2,
    margin = 0,
    meetsEarly,
    outlives = DEADLINE + 2,
  } = options;
  const ctime = (token: number) => MADE[token]! + clientAhead;
  const clockOf = (server: number, now: number) => now + (server === 0 ? 0 : serverAhead);

  /** Each server takes a token: its age is judged before the cache is asked (RFC 4120 §3.2.3). */
  function* arrivals(state: State): Iterable<readonly [string, State]> {
    for (const [server, work] of state.servers.entries()) {
      if (work.at !== 'idle') continue;
      for (const [token, made] of MADE.entries()) {
        if (state.now < made || state.sent[token]! >= SENDS[token]!) continue;
        const sent = state.sent.map((count, i) => (i === token ? count + 1 : count));
        const fresh = Math.abs(ctime(token) - clockOf(server, state.now)) <= SKEW;
        const next = { ...state, sent };
        yield fresh
          ? [
              `judge ${server} ${token}`,
              withWork(next, server, {
                at: 'judged',
                token,
                judged: state.now,
              }),
            ]
          : [`too-old ${server} ${token}`, next];
      }
    }
  }

  function* questions(state: State): Iterable<readonly [string, State]> {
    const { engine } = state;
    for (const [server, work] of state.servers.entries()) {
      if (work.at === 'judged' && !engine.up) {
        yield [`refuse-unanswered ${server}`, withWork(state, server, IDLE)];
      }
      if (work.at === 'judged' && engine.up) {
        const { token, judged } = work;
        const { run } = engine;
        const isNew = engine.keys[token] === undefined;
        yield atomic
          ? [
              `set ${server} ${token}`,
              withWork(stored(state, token), server, { at: 'answered', token, judged, isNew, run }),
            ]
          : [
              `look ${server} ${token}`,
              withWork(state, server, { at: 'looked', token, judged, present: !isNew, run }),
            ];
      }
      if (work.at === 'looked' && engine.up) {
        const { token, judged, present, run } = work;
        const answered: Work = { at: 'answered', token, judged, isNew: !present, run };
        yield [`write ${server} ${token}`, withWork(stored(state, token), server, answered)];
      }
    }
  }

  /** The server learns since when the run is known, and decides. */
  function* decisions(state: State): Iterable<readonly [string, State]> {
    for (const [server, work] of state.servers.entries()) {
      if (work.at !== 'answered') continue;
      const { token, judged, isNew, run } = work;
      const idle = withWork(state, server, IDLE);
      if (state.now - judged > DEADLINE) {
        yield [`refuse-late ${server} ${token}`, idle];
        continue;
      }
      if (!isNew) {
        yield [`replay ${server} ${token}`, idle];
        continue;
      }
      const known = state.engine.since[run];
      if (known === undefined && (!state.engine.up || state.engine.run !== run)) {
        yield [`refuse-run-over ${server} ${token}`, idle];
        continue;
      }
      const since = known ?? clockOf(server, state.now) + margin;
      const engine = { ...state.engine, since: { ...state.engine.since, [run]: since } };
      const met = { ...idle, engine };
      if (refusesOlder && ctime(token) <= since) {
        yield [`refuse-older ${server} ${token}`, met];
        continue;
      }
      const accepted = state.accepted.map((count, i) => (i === token ? count + 1 : count));
      yield [`accept ${server} ${token}`, { ...met, accepted }];
    }
  }

  /** A server asks the engine for its run, and notes since when it is known. */
  function* meetings(state: State): Iterable<readonly [string, State]> {
    const { engine, now } = state;
    if (meetsEarly === undefined || !engine.up || engine.since[engine.run] !== undefined) return;
    for (const server of state.servers.keys()) {
      const isEmpty = Object.keys(engine.keys).length === 0;
      const isTrusted = meetsEarly === 'if-empty' && isEmpty;
      const time = clockOf(server, meetsEarly === 'at-creation' ? CREATED : now) + margin;
      const since = { ...engine.since, [engine.run]: isTrusted ? LONG_AGO : time };
      yield [`meet ${server}`, { ...state, engine: { ...engine, since } }];
    }
  }

  function* world(state: State): Iterable<readonly [string, State]> {
    const { engine } = state;
    if (state.now < END) yield ['tick', { ...state, now: state.now + 1 }];
    if (engine.up) {
      if (JSON.stringify(engine.durable) !== JSON.stringify(engine.keys)) {
        yield ['persist', { ...state, engine: { ...engine, durable: engine.keys } }];
      }
      for (const [token, end] of Object.entries(engine.keys)) {
        if (end > state.now) continue;
        const { [token]: _, ...keys } = engine.keys;
        yield [`expire ${token}`, { ...state, engine: { ...engine, keys } }];
      }
    } else {
      const run = engine.run + 1;
      const back = { ...engine, up: true, run, keys: engine.durable };
      yield ['restart', { ...state, engine: back }];
    }
    if (state.disasters >= most) return;
    const disasters = state.disasters + 1;
    if (engine.up) {
      yield ['kill-engine', { ...state, disasters, engine: { ...engine, up: false } }];
      // A replica takes over at once, with what had reached it.
      const promoted = { ...engine, run: engine.run + 1, keys: engine.durable };
      yield ['promote-replica', { ...state, disasters, engine: promoted }];
    }
    for (const [server, work] of state.servers.entries()) {
      if (work.at === 'idle') continue;
      yield [`kill-server ${server}`, withWork({ ...state, disasters }, server, IDLE)];
    }
  }

  function stored(state: State, token: number): State {
    const { engine } = state;
    if (engine.keys[token] !== undefined) return state;
    const keys = { ...engine.keys, [token]: ctime(token) + SKEW + outlives };
    return { ...state, engine: { ...engine, keys } };
  }

  return {
    initial: {
      now: 0,
      // If servers do not meet it early, the run at the beginning is known from long before.
      engine: { up: true, run: 0, keys: {}, durable: {}, since: meetsEarly ? {} : { 0: LONG_AGO } },
      servers: [IDLE, IDLE],
      accepted: MADE.map(() => 0),
      sent: MADE.map(() => 0),
      disasters: 0,
    },
    *next(state) {
      yield* arrivals(state);
      yield* questions(state);
      yield* decisions(state);
      yield* meetings(state);
      yield* world(state);
    },
    wrong: ({ accepted }) =>
      accepted.some((count) => count > 1) ? `accepted ${accepted.join(' and ')} times` : undefined,
  };
}

function withWork<S extends { readonly servers: readonly Work[] }>(
  state: S,
  server: number,
  work: Work,
): S {
  return { ...state, servers: state.servers.map((old, i) => (i === server ? work : old)) };
}
