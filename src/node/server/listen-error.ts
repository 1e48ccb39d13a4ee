/** Explains why a server cannot listen. */
import { getSystemErrorMap } from 'node:util';
import { SERVER } from '../../explain/entries/server.ts';
import { printableName } from '../../text.ts';

/** Why a server cannot listen, and what to do. */
export interface ListenFault {
  readonly reason: 'server.port-in-use' | 'server.port-privileged' | 'server.address';
  /** `Address already in use: port 4444 of 127.0.0.1`. */
  readonly text: string;
  readonly remedies: readonly string[];
}

/** Where a server was to listen. */
export interface ListenPlace {
  readonly port: number;
  /** An address or a name; undefined for all addresses. */
  readonly host: string | undefined;
  /** The option of a program by which the operator chose the place: `-port`. */
  readonly option: string;
}

/** @param error - The system's error. */
export function describeListenError(
  error: unknown,
  { port, host, option }: ListenPlace,
): ListenFault {
  const { code = '', errno, message = '' } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  const what =
    known === undefined ? printableName(message) : known.charAt(0).toUpperCase() + known.slice(1);
  const place = host === undefined ? {} : { address: printableName(host) };
  const reason = REASONS[code] ?? 'server.address';
  return {
    reason,
    text: `${what}: port ${port}${host === undefined ? '' : ` of ${place.address}`}`,
    remedies: SERVER[reason].remedies({ port, option, ...place }),
  };
}

const REASONS: Readonly<Record<string, ListenFault['reason']>> = {
  EADDRINUSE: 'server.port-in-use',
  EACCES: 'server.port-privileged',
};
