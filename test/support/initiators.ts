import { resolve } from 'node:path';
import { PYTHON } from './peers.ts';
import type { User } from './realm.ts';
import { cProgram, javaClasses, realm } from './realm.ts';
import type { RunResult } from './run.ts';
import { run } from './run.ts';

/** The foreign libraries that play the initiator. */
export type InitiatorLibrary = 'python3-gssapi' | 'java' | 'mit-c' | 'heimdal';

export interface InitiatorOptions {
  readonly port: number;
  readonly user: Pick<User, 'env'>;
  /** The service that a ticket is asked for; default host. */
  readonly service?: string;
  /** The host of the service; default the realm's. */
  readonly host?: string;
  readonly mechanism?: 'krb5' | 'spnego';
  readonly framing?: 1 | 2;
  /** Context flags to ask for, of deleg, mutual, replay, sequence, conf, integ, dce (not Java). */
  readonly flags?: readonly string[];
  /** Application data of the channel bindings, in hex. */
  readonly bindings?: string;
  /** IPv4 addresses of initiator and acceptor in the channel bindings, in hex (C only). */
  readonly addresses?: readonly [string, string];
  /** What SPNEGO offers, in order: krb5, mskrb5, ntlm (MIT's C only). */
  readonly offer?: readonly string[];
  /** Bytes of the pseudo-random function to print (C only). */
  readonly prf?: number;
  /** Bytes of each message. */
  readonly sizes?: readonly number[];
  /** Indexes of the messages in the order of sending, when not each once in turn. */
  readonly order?: readonly number[];
  /** Send all messages and then take that many wrapped ones, instead of an answer to each. */
  readonly answers?: number;
  /** With `answers`: send a MIC of each message as well, in a frame of its own. */
  readonly mics?: boolean;
  /** Offset of a byte to alter in each message token; with `answers` in the first only. */
  readonly alter?: number;
  readonly wrap?: boolean;
  readonly confidential?: boolean;
  /** Ask for a signature over each message, and verify it. */
  readonly sign?: boolean;
  readonly timeout?: number;
  /** Added to the user's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The lines that the initiators print; test/interop/clients/initiator.py says what they mean. */
export interface InitiatorReport {
  readonly established?: {
    readonly mechanism: string;
    readonly flags: readonly string[];
    readonly source: string;
    readonly target: string;
    readonly prfFull?: string;
    readonly prfPartial?: string;
  };
  readonly messages: readonly {
    readonly index: number;
    readonly size: number;
    readonly wrapped: boolean;
    readonly confidential: boolean;
    readonly answer: 'mic' | 'noop';
  }[];
  /** What the library made of the answers, as they came; the index is -1 where there is no message. */
  readonly answers: readonly {
    readonly index: number;
    readonly confidential: boolean;
    readonly status: readonly string[];
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
  const [command = '', ...prefix] = commandOf(library);
  const result = await run(command, [...prefix, ...argumentsOf(options)], {
    env: { ...options.user.env, ...options.env },
    timeout: options.timeout ?? 60_000,
  });
  return readReport(result);
}

/** What an initiator printed. @throws Error if it is anything but its lines. */
export function readReport({ stdout, stderr }: RunResult): InitiatorReport {
  const lines = stdout.split('\n').filter((line) => line !== '');
  try {
    return report(lines.map((line) => JSON.parse(line) as Line));
  } catch (error) {
    throw new Error(`the initiator printed:\n${stdout}${stderr}`, { cause: error });
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
    answers: lines.filter(
      (line) => line.event === 'answer',
    ) as unknown as InitiatorReport['answers'],
    done,
  };
}

function commandOf(library: InitiatorLibrary): string[] {
  switch (library) {
    case 'java':
      return javaCommand();
    case 'python3-gssapi':
      return pythonCommand();
    default:
      return [cProgram(library)];
  }
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
    service: `${options.service ?? 'host'}@${options.host ?? realm().hostname}`,
    mech: options.mechanism,
    framing: options.framing?.toString(),
    flags: options.flags?.join(','),
    bindings: options.bindings,
    addresses: options.addresses?.join(','),
    offer: options.offer?.join(','),
    prf: options.prf?.toString(),
    sizes: options.sizes?.join(','),
    order: options.order?.join(','),
    answers: options.answers?.toString(),
    mics: options.mics ? '1' : undefined,
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
