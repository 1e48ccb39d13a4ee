/** A way to an engine that a test turns to another one. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { freePort } from './ports.ts';

/** A port that leads to one engine, and after a failover to another one. */
export class Switch {
  readonly port: number;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#lead(socket));
  #target: number;

  private constructor(port: number, target: number) {
    this.port = port;
    this.#target = target;
  }

  static async to(target: number): Promise<Switch> {
    const created = new Switch(await freePort(), target);
    created.#server.listen(created.port, '127.0.0.1');
    await once(created.#server, 'listening');
    return created;
  }

  /** From now on all connections lead there; those that were are cut. */
  turn(target: number): void {
    this.#target = target;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.turn(0);
    this.#server.close();
  }

  #lead(socket: Socket): void {
    const other = connect(this.#target, '127.0.0.1');
    for (const [one, end] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        end.destroy();
        this.#sockets.delete(one);
      });
      one.pipe(end);
    }
  }
}
