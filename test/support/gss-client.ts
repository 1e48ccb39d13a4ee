import { GSS_CLIENT } from './peers.ts';
import type { User } from './realm.ts';
import { realm } from './realm.ts';
import type { RunResult } from './run.ts';
import { run } from './run.ts';

export interface GssClientOptions {
  readonly port: number;
  readonly user: User;
  /** The service that a ticket is asked for, such as etype18; default host. */
  readonly service?: string;
  /** Options besides -port; default -krb5. */
  readonly flags?: readonly string[];
  readonly message?: string;
  readonly timeout?: number;
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
    { env: options.user.env, timeout: options.timeout ?? 30_000 },
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
