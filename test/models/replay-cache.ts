/**
 * A model of a replay cache that several servers share: an engine that stores keys once, forgets when it
 * crashes or when a replica takes its place, and servers that crash between any two steps.
 *
 * What it assumes:
 * - The engine stores the requests of a batch, those of them that are not there, in one atomic step, and
 *   names its run (a restart or a promotion begins another one) in the same answer. A batch has any of the
 *   requests that wait at one server; an answer may be lost.
 * - A server that has judged a request's age has its answer within the deadline, or refuses.
 * - A key lives until its request is refused for its age by every server, and after that for the deadline
 *   and the difference of the servers' clocks: one may have judged the age just before, and ask late.
 * - After a crash or a promotion the engine has any of the keys that it had.
 * - The engine's clock is right, or ahead by less than keys outlive their requests (`engineAhead`).
 * - `clientAhead` says how far the client's clock is ahead, `serverAhead` how far that of the second server.
 * - A server that meets a run it does not know notes its own time and a margin, writes it down in the engine
 *   as it is then unless there is one already, and remembers what is there, before it decides; it refuses
 *   requests that are not younger. It may do so before a request depends on it.
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
  /** How far the engine's clock jumps ahead, once, in units; 0 if absent. */
  readonly engineAhead?: number;
  /** Whether the engine's key is set in one step. Without that, the model must fail. */
  readonly atomic: boolean;
  /** Whether a key that is there is set again, as by SET without NX: the model must fail. */
  readonly overwrites?: boolean;
  /**
   * A new engine, which servers may meet before any request depends on it, at any time. `at-meeting` notes
   * the time of the meeting. With the others the model must fail: `at-creation` notes the time at which
   * the server was created, and `if-empty` trusts an engine in which nothing is stored.
   */
  readonly meetsEarly?: 'at-meeting' | 'at-creation' | 'if-empty';
  /** How often each token is sent; the first twice and the second once if absent. */
  readonly sends?: readonly number[];
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
  /** Since when each run is known, by the clock of the server that met it first. */
  readonly since: Readonly<Record<string, number>>;
}

/** A request that a server is at; `text` has all of it, and `mirror` the same at the other server. */
type Work = WorkFields & { readonly text: string; readonly mirror: string };

type WorkFields = {
  readonly server: number;
  readonly token: number;
  /** When its age was judged. */
  readonly judged: number;
} & (
  | { readonly at: 'judged' }
  | { readonly at: 'looked' | 'answered'; readonly isNew: boolean; readonly run: number }
);

interface State {
  readonly now: number;
  /** How far the engine's clock is ahead. */
  readonly ahead: number;
  readonly engine: Engine;
  /** The requests that servers are at, in an order that does not depend on how they came there. */
  readonly works: readonly Work[];
  /** How often each token was accepted. */
  readonly accepted: readonly number[];
  readonly sent: readonly number[];
  readonly disasters: number;
}

/** Tokens are numbered by the time at which their client made them, by the true clock. */
const MADE = [0, 1];
/** The second is there to be the first that meets a run, and to share a batch. */
const SENDS = [2, 1];
const SKEW = 2;
const DEADLINE = 1;
const END = 4;
const LONG_AGO = -SKEW - 1;
/** When the servers were created. */
const CREATED = -1;
const SERVERS = [0, 1];

export function replayModel(options: ReplayModelOptions): Model<State> {
  const {
    clientAhead,
    serverAhead,
    refusesOlder,
    atomic,
    overwrites = false,
    engineAhead = 0,
    disasters: most = 2,
    sends = SENDS,
    margin = 0,
    meetsEarly,
    outlives = DEADLINE + 2,
  } = options;
  const ctime = (token: number) => MADE[token]! + clientAhead;
  const clockOf = (server: number, now: number) => now + (server === 0 ? 0 : serverAhead);

  /** Each server takes a token: its age is judged before the cache is asked (RFC 4120 §3.2.3). */
  function* arrivals(state: State): Iterable<readonly [string, State]> {
    for (const server of SERVERS) {
      for (const [token, made] of MADE.entries()) {
        if (state.now < made || state.sent[token]! >= sends[token]!) continue;
        const sent = state.sent.map((count, i) => (i === token ? count + 1 : count));
        const fresh = Math.abs(ctime(token) - clockOf(server, state.now)) <= SKEW;
        const next = { ...state, sent };
        const work = workOf({ server, token, judged: state.now, at: 'judged' });
        yield fresh
          ? [`judge ${server} ${token}`, withWorks(next, [], [work])]
          : [`too-old ${server} ${token}`, next];
      }
    }
  }

  /** A server sends some of the requests that wait at it together. */
  function* questions(state: State): Iterable<readonly [string, State]> {
    for (const server of SERVERS) {
      const waiting = state.works.filter((work) => work.server === server && work.at === 'judged');
      for (const batch of subsets(waiting)) {
        const name = `${server} ${batch.map(({ token }) => token).join(' ')}`;
        if (!state.engine.up) {
          yield [`refuse-unanswered ${name}`, withWorks(state, batch, [])];
          continue;
        }
        const { answers, engine } = ask(state, batch);
        const next = atomic ? { ...state, engine } : state;
        const kind = batch.length === 1 ? 'set' : 'set-several';
        yield [`${atomic ? kind : 'look'} ${name}`, withWorks(next, batch, answers)];
      }
    }
    for (const work of state.works) {
      if (work.at !== 'looked' || !state.engine.up) continue;
      const { engine } = ask(state, [work]);
      const answered = workOf({ ...work, at: 'answered' });
      yield [
        `write ${work.server} ${work.token}`,
        withWorks({ ...state, engine }, [work], [answered]),
      ];
    }
  }

  /** What the engine answers to a batch, and how it is after that: of two that are the same one is new. */
  function ask({ engine }: State, batch: readonly Work[]) {
    let { keys } = engine;
    const answers = batch.map(({ server, token, judged }): Work => {
      const isNew = overwrites || keys[token] === undefined;
      if (isNew) keys = { ...keys, [token]: ctime(token) + SKEW + outlives };
      const at = atomic ? 'answered' : 'looked';
      return workOf({ server, token, judged, at, isNew, run: engine.run });
    });
    return { answers, engine: { ...engine, keys } };
  }

  /** A server that knows since when the run is known decides; another asks the engine first. */
  function* decisions(state: State): Iterable<readonly [string, State]> {
    for (const work of state.works) {
      if (work.at !== 'answered') continue;
      const { server, token, judged, isNew, run } = work;
      const name = `${server} ${token}`;
      const over = withWorks(state, [work], []);
      if (state.now - judged > DEADLINE) {
        yield [`refuse-late ${name}`, over];
        continue;
      }
      if (!isNew) {
        yield [`replay ${name}`, over];
        continue;
      }
      const since = state.engine.since[run];
      if (since === undefined) {
        yield state.engine.up
          ? [`ask-since ${name}`, meet(state, run, clockOf(server, state.now) + margin)]
          : [`refuse-unmet ${name}`, over];
      } else if (refusesOlder && ctime(token) <= since) {
        yield [`refuse-older ${name}`, over];
      } else {
        const accepted = state.accepted.map((count, i) => (i === token ? count + 1 : count));
        yield [`accept ${name}`, { ...over, accepted }];
      }
    }
  }

  /** A server notes since when a run is known; the run may be over. */
  function meet(state: State, run: number, time: number): State {
    const { engine } = state;
    return { ...state, engine: { ...engine, since: { ...engine.since, [run]: time } } };
  }

  /** A server asks the engine for its run, and notes since when it is known. */
  function* meetings(state: State): Iterable<readonly [string, State]> {
    const { engine, now } = state;
    if (meetsEarly === undefined || !engine.up || engine.since[engine.run] !== undefined) return;
    for (const server of SERVERS) {
      const isEmpty = Object.keys(engine.keys).length === 0;
      const isTrusted = meetsEarly === 'if-empty' && isEmpty;
      const time = clockOf(server, meetsEarly === 'at-creation' ? CREATED : now) + margin;
      yield [`meet ${server}`, meet(state, engine.run, isTrusted ? LONG_AGO : time)];
    }
  }

  function* world(state: State): Iterable<readonly [string, State]> {
    const { engine } = state;
    if (state.now < END) yield ['tick', { ...state, now: state.now + 1 }];
    if (state.ahead < engineAhead) yield ['engine-jumps', { ...state, ahead: engineAhead }];
    if (engine.up) {
      for (const [token, end] of Object.entries(engine.keys)) {
        if (end > state.now + state.ahead) continue;
        const { [token]: _, ...keys } = engine.keys;
        yield [`expire ${token}`, { ...state, engine: { ...engine, keys } }];
      }
    } else {
      for (const left of forgetful(engine)) yield ['restart', { ...state, engine: left }];
    }
    if (state.disasters >= most) return;
    const disasters = state.disasters + 1;
    if (engine.up) {
      yield ['kill-engine', { ...state, disasters, engine: { ...engine, up: false } }];
      // A replica takes over at once.
      for (const left of forgetful(engine)) {
        yield ['promote-replica', { ...state, disasters, engine: left }];
      }
    }
    for (const server of SERVERS) {
      const lost = state.works.filter((work) => work.server === server);
      if (lost.length === 0) continue;
      yield [`kill-server ${server}`, { ...withWorks(state, lost, []), disasters }];
    }
  }

  return {
    initial: {
      now: 0,
      ahead: 0,
      // If servers do not meet it early, the run at the beginning is known from long before.
      engine: { up: true, run: 0, keys: {}, since: meetsEarly ? {} : { 0: LONG_AGO } },
      works: [],
      accepted: MADE.map(() => 0),
      sent: MADE.map(() => 0),
      disasters: 0,
    },
    *next(state) {
      for (const steps of [arrivals, questions, decisions, meetings, world]) {
        for (const [step, result] of steps(state)) yield [step, tidy(result, serverAhead === 0)];
      }
    },
    keyOf,
    wrong: ({ accepted }) =>
      accepted.some((count) => count > 1) ? `accepted ${accepted.join(' and ')} times` : undefined,
  };
}

/** The next run of an engine, with any of what it had: each key may have reached the disk, or the replica. */
function* forgetful({ run, keys, since }: Engine): Iterable<Engine> {
  for (const left of [[], ...subsets(Object.entries(keys))]) {
    yield { up: true, run: run + 1, keys: Object.fromEntries(left), since };
  }
}

/**
 * Without what no step depends on: notes on runs that are over and that no request was answered by, and
 * which of two servers is which if they are alike.
 */
function tidy(state: State, serversAreAlike: boolean): State {
  const { engine, works } = state;
  const matters = (run: number) =>
    run === engine.run || works.some((work) => 'run' in work && work.run === run);
  let next = state;
  for (const run of Object.keys(engine.since).map(Number)) {
    if (matters(run)) continue;
    const { [run]: _, ...since } = next.engine.since;
    next = { ...next, engine: { ...next.engine, since } };
  }
  if (!serversAreAlike || works.length === 0) return next;
  const swapped = works.map(({ mirror }) => mirror).sort();
  if (swapped.join('') >= textOf(works)) return next;
  return {
    ...next,
    works: sorted(works.map((work) => workOf({ ...work, server: 1 - work.server }))),
  };
}

/** Millions of states are compared by it: JSON would take most of the time. */
function keyOf({ now, ahead, engine, works, accepted, sent, disasters }: State): string {
  const { up, run, keys, since } = engine;
  let key = `${now} ${ahead} ${disasters} ${up} ${run} ${accepted} ${sent}`;
  for (const token in keys) key += ` ${token}:${keys[token]}`;
  for (const one in since) key += ` ${one}=${since[one]}`;
  return `${key} ${textOf(works)}`;
}

function textOf(works: readonly Work[]): string {
  let text = '';
  for (const work of works) text += work.text;
  return text;
}

function workOf(fields: WorkFields): Work {
  const { server, token, judged, at } = fields;
  const rest = `${token} ${judged} ${at}${at === 'judged' ? '' : ` ${fields.isNew} ${fields.run}`})`;
  return { ...fields, text: `(${server} ${rest}`, mirror: `(${1 - server} ${rest}` };
}

function withWorks(state: State, gone: readonly Work[], come: readonly Work[]): State {
  const left = state.works.filter((work) => !gone.includes(work));
  return { ...state, works: sorted([...left, ...come]) };
}

function sorted(works: readonly Work[]): Work[] {
  return [...works].sort((one, other) => (one.text < other.text ? -1 : 1));
}

/** Every selection of at least one. */
function* subsets<T>([first, ...others]: readonly T[]): Iterable<readonly T[]> {
  if (first === undefined) return;
  yield [first];
  for (const some of subsets(others)) {
    yield some;
    yield [first, ...some];
  }
}
