/** Explains why a server cannot listen. */
import { getSystemErrorMap } from 'node:util';
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
  const place = `port ${port}${host === undefined ? '' : ` of ${printableName(host)}`}`;
  const text = `${what}: ${place}`;
  switch (code) {
    case 'EADDRINUSE':
      return {
        reason: 'server.port-in-use',
        text,
        remedies: [
          `choose another port (${option}), or stop the server that has it ` +
            `(ss -ltnp 'sport = :${port}'; Windows: netstat -ano)`,
        ],
      };
    case 'EACCES':
      return {
        reason: 'server.port-privileged',
        text,
        remedies: [
          `choose a port from 1024 on (${option})`,
          'ports below 1024 need the capability CAP_NET_BIND_SERVICE: AmbientCapabilities=' +
            'CAP_NET_BIND_SERVICE in a unit of systemd, or setcap cap_net_bind_service=+ep on node',
        ],
      };
    default:
      return {
        reason: 'server.address',
        text,
        remedies: [
          'name an address of this machine (ip address), or omit the host to listen on all of them',
        ],
      };
  }
}
