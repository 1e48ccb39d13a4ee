import { join } from 'node:path';
import { GSS_CLIENT } from './peers.ts';
import type { User } from './realm.ts';
import { realm } from './realm.ts';
import type { RunResult } from './run.ts';
import { run } from './run.ts';

// A build of MIT krb5's newest sources, whose tokens have the form of the draft; Debian's are older.
const NEW_MIT = process.env.KRB5_TEST_MIT_BUILD;

/** The programs that know IAKERB, with what they need in their environment. */
export const IAKERB_CLIENTS: readonly {
  readonly name: string;
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}[] = [
  { name: "Debian's gss-client", command: GSS_CLIENT, env: {} },
  ...(NEW_MIT === undefined
    ? []
    : [
        {
          name: 'the gss-client of newer sources',
          command: join(NEW_MIT, 'src/appl/gss-sample/gss-client'),
          env: { LD_LIBRARY_PATH: join(NEW_MIT, 'src/lib') },
        },
      ]),
];

export interface GssClientOptions {
  readonly port: number;
  readonly user: User;
  /** The service that a ticket is asked for, such as etype18; default host. */
  readonly service?: string;
  /** Options besides -port; default -krb5. */
  readonly flags?: readonly string[];
  readonly message?: string;
}

/**
 * Runs Debian's gss-client.
 *
 * Its exit code says little: when the server closes first it may die of SIGPIPE with nothing printed, or print why
 * and exit 1. Ask for {@link exchanges} or for what the server printed instead.
 */
export function runGssClient(options: GssClientOptions): Promise<RunResult> {
  const { hostname } = realm();
  return run(
    GSS_CLIENT,
    [
      '-port',
      String(options.port),
      ...(options.flags ?? ['-krb5']),
      hostname,
      `${options.service ?? 'host'}@${hostname}`,
      options.message ?? 'testmsg',
    ],
    { env: options.user.env },
  );
}

/** How many messages the server answered, with a verified signature or without one, as gss-client told it. */
export function exchanges(result: RunResult): { signed: number; unsigned: number } {
  return {
    signed: result.stdout.split('Signature verified.').length - 1,
    unsigned: result.stdout.split('Response received.').length - 1,
  };
}

/** The `context flag:` lines, which client and server print alike. */
export function contextFlags(output: string): string[] {
  return output.split('\n').filter((line) => line.startsWith('context flag: '));
}
