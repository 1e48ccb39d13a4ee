/** Clients that mean harm, each kind in its own way. */
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFrame } from '../support/frames.ts';
import { Flow, Frame, HELLO } from './flow.ts';
import type { Credentials } from './realm.ts';
import { ENCTYPES, initiatorOf } from './realm.ts';

/** How many connections of a kind there were, and what came of them. */
export interface Tally {
  connections: number;
  /** Contexts that the server granted. */
  accepted: number;
  /** Contexts that it should not have granted. */
  wrongly: number;
}

export interface HostileOptions {
  readonly port: number;
  readonly credentials: Credentials;
  /** Connections that do nothing. */
  readonly idle: number;
}

/** What all kinds share. */
interface Scene {
  readonly options: HostileOptions;
  readonly tally: Tally;
  readonly over: () => boolean;
}

type Kind = (scene: Scene) => Promise<void>;

export class HostileClients {
  readonly #options: HostileOptions;
  readonly #tallies = new Map<string, Tally>();
  #over = false;

  constructor(options: HostileOptions) {
    this.#options = options;
  }

  /** Resolves when {@link stop} was called and all of them are gone. */
  async run(): Promise<ReadonlyMap<string, Tally>> {
    const all = Object.entries(KINDS).flatMap(([name, { count, kind }]) => {
      const tally: Tally = { connections: 0, accepted: 0, wrongly: 0 };
      this.#tallies.set(name, tally);
      const scene = { options: this.#options, tally, over: () => this.#over };
      const many = count ?? this.#options.idle;
      return Array.from({ length: many }, (_, i) => this.#again(kind, scene, i));
    });
    await Promise.all(all);
    return this.#tallies;
  }

  stop(): void {
    this.#over = true;
    for (const flow of open) flow.socket.destroy();
  }

  /** One after the other, until it is over. */
  async #again(kind: Kind, scene: Scene, index: number): Promise<void> {
    // Not all at once: that would be one burst, and then none.
    await sleep(Math.min(index, 2000) * 1);
    while (!this.#over) {
      await kind(scene).catch(() => {});
      await sleep(1);
    }
  }
}

/** Those that are connected now. */
const open = new Set<Flow>();

/** @throws Error if it is over: who comes late would stay. */
function connect({ options, tally, over }: Scene): Flow {
  if (over()) throw new Error('it is over');
  const flow = new Flow(options.port);
  tally.connections++;
  open.add(flow);
  flow.socket.once('close', () => open.delete(flow));
  return flow;
}

function tokenOf({ options }: Scene, clockOffset = 0): Uint8Array {
  const enctype = ENCTYPES[Math.floor(Math.random() * ENCTYPES.length)]!;
  const clock = (): number => Date.now() + clockOffset;
  return initiatorOf(options.credentials, enctype, { clock }).begin();
}

function streamOf(scene: Scene): Uint8Array {
  return concat(encodeFrame(HELLO), contextFrame(tokenOf(scene)));
}

function contextFrame(data: Uint8Array): Uint8Array {
  return encodeFrame({ flags: Frame.context, data });
}

/** Sends a context token and says whether the server granted the context. */
async function present(scene: Scene, token: Uint8Array): Promise<boolean> {
  const flow = connect(scene);
  try {
    await flow.connected();
    flow.send(HELLO, { flags: Frame.context, data: token });
    const reply = await flow.receive();
    const granted = reply !== undefined && holdsApRep(reply.data);
    if (granted) scene.tally.accepted++;
    return granted;
  } finally {
    flow.socket.destroy();
  }
}

/** RFC 4121 §4.1: TOK_ID 02 00, behind a header with Kerberos' OID of 9 bytes. */
function holdsApRep(token: Uint8Array): boolean {
  if (token[0] !== 0x60) return false;
  const lengthBytes = token[1]! < 0x80 ? 1 : 1 + (token[1]! & 0x7f);
  const at = 1 + lengthBytes + 11;
  return token[at] === 2 && token[at + 1] === 0;
}

/** Says nothing at all, or no more than hello. */
const idle: Kind = async (scene) => {
  const flow = connect(scene);
  await flow.connected();
  if (scene.tally.connections % 2 === 0) flow.send(HELLO);
  await flow.closed();
};

/** A byte a second. */
const slow: Kind = async (scene) => {
  const flow = connect(scene);
  await flow.connected();
  for (const byte of streamOf(scene)) {
    if (scene.over() || flow.ended) break;
    flow.socket.write(Uint8Array.of(byte));
    await sleep(1000);
  }
  flow.socket.destroy();
};

/** Half a token, and then nothing more in this direction. */
const halfOpen: Kind = async (scene) => {
  const flow = connect(scene);
  const stream = streamOf(scene);
  flow.socket.end(stream.subarray(0, Math.floor(Math.random() * stream.length)));
  await flow.closed();
  await sleep(50);
};

/** Gone in the middle, without a good-bye to TCP even. */
const vanishing: Kind = async (scene) => {
  const flow = connect(scene);
  await flow.connected();
  const stream = streamOf(scene);
  flow.socket.write(stream.subarray(0, Math.floor(Math.random() * stream.length)));
  await sleep(Math.random() * 20);
  flow.socket.resetAndDestroy();
  await flow.closed();
};

/** Announces more than anybody can send; some send a part of it. */
const giant: Kind = async (scene) => {
  const flow = connect(scene);
  const lengths = [0xffff_ffff, 0x7fff_ffff, 16 * 1024 * 1024, 256 * 1024];
  const length = lengths[Math.floor(Math.random() * lengths.length)]!;
  const header = Buffer.alloc(5);
  header[0] = Frame.data;
  header.writeUInt32BE(length, 1);
  await flow.connected();
  // Without a context first: then a message may be as long as a message may be.
  flow.send({ flags: Frame.noop, data: new Uint8Array(0) });
  flow.socket.write(header);
  for (let part = 0; part < 4 && !flow.ended && !scene.over(); part++) {
    flow.socket.write(new Uint8Array(32_768));
    await sleep(500);
  }
  flow.socket.destroy();
};

/** Noise, and tokens with a few bytes changed, as fast as they are refused. */
const garbage: Kind = async (scene) => {
  const noise = Math.random() < 0.5;
  const token = noise ? new Uint8Array(600) : tokenOf(scene);
  if (noise) {
    for (let i = 0; i < token.length; i++) token[i] = Math.random() * 256;
  } else {
    // In the authenticator: everything before it has to be read and decrypted first.
    token[token.length - 1 - Math.floor(Math.random() * 100)]! ^= 1 << (Math.random() * 8);
  }
  if (await present(scene, token)) scene.tally.wrongly++;
};

/** One good request, and then that same one for ever. */
const replay: Kind = async (scene) => {
  const token = tokenOf(scene);
  await present(scene, token);
  for (let left = 200; left > 0 && !scene.over(); left--) {
    if (await present(scene, token)) scene.tally.wrongly++;
  }
};

/** Its KDC's clock is an hour off. */
const skewed: Kind = async (scene) => {
  const hour = 3_600_000;
  const token = tokenOf(scene, Math.random() < 0.5 ? hour : -hour);
  if (await present(scene, token)) scene.tally.wrongly++;
  await sleep(250);
};

/** Sends message after message and reads no answer. */
const deaf: Kind = async (scene) => {
  const flow = connect(scene);
  await flow.connected();
  flow.socket.pause();
  flow.send({ flags: Frame.noop, data: new Uint8Array(0) });
  const messages = concat(
    ...Array.from({ length: 50 }, () =>
      encodeFrame({ flags: Frame.data, data: new Uint8Array(9) }),
    ),
  );
  while (!scene.over() && !flow.ended) {
    flow.socket.write(messages);
    await sleep(50);
  }
  flow.socket.destroy();
};

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

/** How many of each kind at a time; of idle ones there are as many as asked for. */
const KINDS: Readonly<Record<string, { readonly count?: number; readonly kind: Kind }>> = {
  idle: { kind: idle },
  slow: { count: 60, kind: slow },
  'half-open': { count: 40, kind: halfOpen },
  vanishing: { count: 4, kind: vanishing },
  giant: { count: 30, kind: giant },
  garbage: { count: 8, kind: garbage },
  replay: { count: 4, kind: replay },
  'clock skew': { count: 2, kind: skewed },
  deaf: { count: 4, kind: deaf },
};
