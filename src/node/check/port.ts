/** Tries whether a server could listen, by listening for a moment. */
import { createServer } from 'node:net';
import { describeListenError } from '../server/listen-error.ts';
import type { Finding } from './finding.ts';
import { failure, ok } from './finding.ts';

/** @param host - An address or a name; undefined for all addresses. */
export async function checkPort(port: number, host: string | undefined): Promise<Finding> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, exclusive: true, ...(host !== undefined && { host }) }, resolve);
    });
    return ok('port', `${addressText(port, host)} is free`);
  } catch (error) {
    const { reason, text, remedies } = describeListenError(error, { port, host, option: '-port' });
    return failure('port', reason, text, ...remedies);
  } finally {
    server.close();
  }
}

function addressText(port: number, host: string | undefined): string {
  return host === undefined ? `port ${port}` : `port ${port} of ${host}`;
}
