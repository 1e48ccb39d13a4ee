/**
 * Loaded into the server's process before its own program (`node --import`): measures from the
 * inside and answers over the IPC channel. The program knows nothing of it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { register } from 'node:module';
import type { RecordableHistogram } from 'node:perf_hooks';
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Milliseconds, unless they say otherwise. */
export interface Sample {
  readonly rss: number;
  /** Bytes of the heap and of the buffers beside it; after a collection, those in use. */
  readonly live: number;
  /** Of files and sockets; counted where garbage is collected. Replay logs come and go. */
  readonly descriptors?: number;
  /** Processor time since the start. */
  readonly cpu: number;
  /** Since the start: ready to run, but other processes had the cores. */
  readonly starved: number;
  readonly delay: Percentiles;
  /** {@link delay} without what the process waited for a core. */
  readonly ownDelay: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** `collect` collects garbage first, `reset` begins a new measurement of delays. */
export type Request = 'sample' | 'collect' | 'reset';

/** The core's own primitives in place of Node's; nothing else of the program is touched. */
function replaceCrypto(): void {
  const substitute = new URL('./noble-crypto.js', import.meta.url).href;
  const hook = `export async function resolve(specifier, context, next) {
    const found = await next(specifier, context);
    if (!found.url.endsWith('/src/node/crypto.js')) return found;
    return { ...found, url: ${JSON.stringify(substitute)}, shortCircuit: true };
  }`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}

function startProbe(): void {
  const delay = monitorEventLoopDelay({ resolution: INTERVAL });
  delay.enable();
  const ownDelay = createHistogram();
  measureOwnDelay(ownDelay);
  process.on('message', async (request: Request) => {
    if (request === 'reset') {
      delay.reset();
      ownDelay.reset();
    }
    if (request === 'collect') {
      // A collection that we ask for is no delay of the server's.
      delay.disable();
      // What the first one finalises, the second one frees.
      for (let left = 2; left > 0; left--) {
        (globalThis as { gc?: () => void }).gc?.();
        await nextTurn();
      }
      delay.enable();
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const sample: Sample = {
      rss,
      live: heapUsed + external,
      ...(request === 'collect' && { descriptors: countDescriptors() }),
      cpu: (user + system) / 1000,
      starved: starved(),
      delay: percentiles(delay, 1_000_000, INTERVAL),
      ownDelay: percentiles(ownDelay, 1000, 0),
    };
    process.send!(sample);
  });
  // The program ends when it wants to, whether anybody listens here or not.
  process.channel?.unref();
}

/** Records how late a timer is, less the time for which this process waited for a core. */
function measureOwnDelay(histogram: RecordableHistogram): void {
  let last = performance.now();
  let lastStarved = starved();
  const tick = (): void => {
    const now = performance.now();
    const nowStarved = starved();
    const late = now - last - INTERVAL - (nowStarved - lastStarved);
    histogram.record(Math.max(1, Math.round(late * 1000)));
    last = now;
    lastStarved = nowStarved;
    setTimeout(tick, INTERVAL).unref();
  };
  setTimeout(tick, INTERVAL).unref();
}

function countDescriptors(): number {
  let count = 0;
  for (const descriptor of readdirSync('/proc/self/fd')) {
    try {
      if (!readlinkSync(`/proc/self/fd/${descriptor}`).includes('/replays/')) count++;
    } catch {
      // That of the listing itself.
    }
  }
  return count;
}

/** Linux: the second figure of schedstat is the time on a run queue, in nanoseconds. */
function starved(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]) / 1_000_000;
  } catch {
    return 0;
  }
}

interface HistogramLike {
  percentile(percentile: number): number;
  readonly max: number;
  readonly count: number;
}

function percentiles(histogram: HistogramLike, unit: number, offset: number): Percentiles {
  if (histogram.count === 0) return { p50: 0, p99: 0, max: 0 };
  const of = (value: number): number => Math.max(0, value / unit - offset);
  return {
    p50: of(histogram.percentile(50)),
    p99: of(histogram.percentile(99)),
    max: of(histogram.max),
  };
}

// Milliseconds.
const INTERVAL = 5;

// Loaded as `probe.js?backend=noble`.
if (new URL(import.meta.url).searchParams.get('backend') === 'noble') replaceCrypto();
startProbe();
