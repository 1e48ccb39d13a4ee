import { resolve } from 'node:path';
import { PYTHON } from './peers.ts';
import type { User } from './realm.ts';
import { javaClasses, realm } from './realm.ts';
import { run } from './run.ts';

/** The foreign libraries that play the initiator. */
export type InitiatorLibrary = 'python3-gssapi' | 'java';

export interface InitiatorOptions {
  readonly port: number;
  readonly user: User;
  /** The service that a ticket is asked for; default host. */
  readonly service?: string;
  readonly mechanism?: 'krb5' | 'spnego';
  readonly framing?: 1 | 2;
  /** Context flags to ask for, of deleg, mutual, replay, sequence, conf, integ, dce (python only). */
  readonly flags?: readonly string[];
  /** Application data of the channel bindings, in hex. */
  readonly bindings?: string;
  /** Bytes of each message. */
  readonly sizes?: readonly number[];
  /** Indexes of the messages in the order of sending, when not each once in turn. */
  readonly order?: readonly number[];
  /** Offset of a byte to alter in each message token. */
  readonly alter?: number;
  readonly wrap?: boolean;
  readonly confidential?: boolean;
  /** Ask for a signature over each message, and verify it. */
  readonly sign?: boolean;
  readonly timeout?: number;
}

/** The lines that the initiators print; test/interop/clients/initiator.py says what they mean. */
export interface InitiatorReport {
  readonly established?: {
    readonly mechanism: string;
    readonly flags: readonly string[];
    readonly source: string;
    readonly target: string;
  };
  readonly messages: readonly {
    readonly index: number;
    readonly size: number;
    readonly wrapped: boolean;
    readonly confidential: boolean;
    readonly answer: 'mic' | 'noop';
  }[];
  readonly error?: { readonly during: string; readonly major: number; readonly text: string };
  /** True if all messages were sent and answered. */
  readonly done: boolean;
}

/** Runs an initiator to its end. @throws Error if it prints anything but its lines. */
export async function runInitiator(
  library: InitiatorLibrary,
  options: InitiatorOptions,
): Promise<InitiatorReport> {
  const [command = '', ...prefix] = library === 'java' ? javaCommand() : pythonCommand();
  const result = await run(command, [...prefix, ...argumentsOf(options)], {
    env: options.user.env,
    timeout: options.timeout ?? 60_000,
  });
  const lines = result.stdout.split('\n').filter((line) => line !== '');
  try {
    return report(lines.map((line) => JSON.parse(line) as Line));
  } catch (error) {
    throw new Error(`${library} printed:\n${result.stdout}${result.stderr}`, { cause: error });
  }
}

interface Line {
  readonly event: string;
}

function report(lines: readonly Line[]): InitiatorReport {
  const find = (event: string): unknown => lines.find((line) => line.event === event);
  const established = find('established') as InitiatorReport['established'];
  const error = find('error') as InitiatorReport['error'];
  const done = find('done') !== undefined;
  if (!done && error === undefined) {
    throw new Error('neither done nor an error');
  }
  return {
    ...(established === undefined ? {} : { established }),
    ...(error === undefined ? {} : { error }),
    messages: lines.filter(
      (line) => line.event === 'message',
    ) as unknown as InitiatorReport['messages'],
    done,
  };
}

function pythonCommand(): string[] {
  return [PYTHON, resolve(import.meta.dirname, '../interop/clients/initiator.py')];
}

function javaCommand(): string[] {
  // A small heap and the first compiler only: it runs for less than a second.
  const tuning = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
  const config = `-Djava.security.krb5.conf=${realm().krb5Config}`;
  return ['java', ...tuning, config, '-cp', javaClasses(), 'Initiator'];
}

function argumentsOf(options: InitiatorOptions): string[] {
  const values: Record<string, string | undefined> = {
    port: String(options.port),
    service: `${options.service ?? 'host'}@${realm().hostname}`,
    mech: options.mechanism,
    framing: options.framing?.toString(),
    flags: options.flags?.join(','),
    bindings: options.bindings,
    sizes: options.sizes?.join(','),
    order: options.order?.join(','),
    alter: options.alter?.toString(),
    wrap: bit(options.wrap),
    conf: bit(options.confidential),
    mic: bit(options.sign),
  };
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
}

function bit(value: boolean | undefined): string | undefined {
  return value === undefined ? undefined : value ? '1' : '0';
}
