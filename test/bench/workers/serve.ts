/** What the workers that run in Node.js share. */
import { encodeFrame, readFrames } from '../protocol.ts';

export type Serve = (operation: number, payload: Uint8Array) => Promise<Uint8Array>;

/** Answers requests from stdin until it ends. */
export async function serveRequests(serve: Serve): Promise<void> {
  for await (const { code, payload } of readFrames(process.stdin)) {
    let reply: Uint8Array;
    try {
      reply = encodeFrame(0, await serve(code, payload));
    } catch (error) {
      reply = encodeFrame(1, Buffer.from(String((error as Error).stack ?? error)));
    }
    process.stdout.write(reply);
  }
}

/** Nanoseconds of CPU, all threads included. */
export function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}
