import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { InitiatorOptions, InitiatorReport } from './initiators.ts';
import { readReport } from './initiators.ts';
import { PYTHON, SAMBA } from './peers.ts';
import { scratch } from './realm.ts';
import type { RunResult } from './run.ts';
import { run, runOrThrow } from './run.ts';
import { until } from './until.ts';

/** What samba_domain.py says of a user, by Samba's own reckoning. */
export interface DomainUser {
  readonly sid: string;
  readonly tokenGroups: readonly string[];
}

/** Options of an initiator on Samba's own library; it asks for features, and always for answers. */
export interface SambaInitiatorOptions
  extends Pick<
    InitiatorOptions,
    'port' | 'user' | 'mechanism' | 'sizes' | 'order' | 'alter' | 'answers'
  > {
  readonly service: string;
  /** Of integ, conf, dce. */
  readonly features?: readonly string[];
  /** Of smb.conf: name=value. */
  readonly settings?: readonly string[];
}

interface DomainFacts {
  readonly realm: string;
  readonly host: string;
  readonly domainSid: string;
  readonly password: string;
  readonly users: Readonly<Record<'alice' | 'many' | 'loner', DomainUser>>;
  /** SIDs. */
  readonly groups: Readonly<Record<'local' | 'local-outer' | 'inner' | 'outer', string>>;
}

/** Credentials of a user of the domain. */
export interface DomainCredentials {
  readonly ccache: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * An Active Directory domain on Samba. Its KDC runs in a network namespace of its own, on the port that such a KDC
 * has; nothing of it is left when it ends.
 */
export class Domain {
  readonly facts: DomainFacts;
  readonly krb5Config: string;
  /** Keys of the services `aes` and `rc4`. */
  readonly keytab: string;
  /** Keys of the KDC itself. */
  readonly kdcKeytab: string;
  readonly smbConfig: string;
  readonly #pid: number;
  readonly #stop: () => Promise<void>;

  private constructor(
    directory: string,
    facts: DomainFacts,
    pid: number,
    stop: () => Promise<void>,
  ) {
    this.facts = facts;
    this.krb5Config = join(directory, 'krb5.conf');
    this.keytab = join(directory, 'service.keytab');
    this.kdcKeytab = join(directory, 'krbtgt.keytab');
    this.smbConfig = join(directory, 'etc/smb.conf');
    this.#pid = pid;
    this.#stop = stop;
  }

  /** Provisions and starts a domain; takes about seven seconds. */
  static async start(): Promise<Domain> {
    const directory = join(scratch(), 'domain');
    mkdirSync(directory);
    const program = resolve(import.meta.dirname, '../interop/clients/samba_domain.py');
    const output = await runOrThrow(PYTHON, [program, directory]);
    const facts = JSON.parse(output) as DomainFacts;
    const samba = [SAMBA, '-s', join(directory, 'etc/smb.conf'), '-F', '--no-process-group'];
    const script = `ip link set lo up && exec ${samba.join(' ')} -M single`;
    const child = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      await ended;
    };
    const domain = new Domain(directory, facts, child.pid ?? 0, stop);
    const silent = (): string => `Samba's KDC does not answer; see ${directory}/samba.log`;
    const answers = async (): Promise<boolean> => {
      if (child.exitCode !== null) throw new Error(silent());
      return (await domain.#kinit('loner', 'MEMORY:probe')).code === 0;
    };
    try {
      await until(answers, silent);
    } catch (error) {
      await stop();
      throw error;
    }
    return domain;
  }

  /** Gets tickets for a user, and for the services. */
  async credentials(
    name: keyof DomainFacts['users'],
    ...services: readonly string[]
  ): Promise<DomainCredentials> {
    const ccache = join(scratch(), 'ccache');
    const login = await this.#kinit(name, `FILE:${ccache}`);
    if (login.code !== 0) throw new Error(`kinit ${name}: ${login.stderr}`);
    const env = { KRB5_CONFIG: this.krb5Config, KRB5CCNAME: `FILE:${ccache}` };
    const names = services.map((service) => `${service}/${this.facts.host}`);
    const tickets = await this.runInside('kvno', ['-q', ...names], env);
    if (tickets.code !== 0) throw new Error(`kvno ${names.join(' ')}: ${tickets.stderr}`);
    return { ccache, env };
  }

  /** Runs an initiator on Samba's library, outside of the domain's network: it has its tickets. */
  async runInitiator(options: SambaInitiatorOptions): Promise<InitiatorReport> {
    const program = resolve(import.meta.dirname, '../interop/clients/samba_initiator.py');
    const { service, mechanism, features, settings, sizes, order, alter, answers } = options;
    const values: Record<string, string | undefined> = {
      port: String(options.port),
      service: `${service}@${this.facts.host}`,
      smbconf: this.smbConfig,
      mech: mechanism,
      flags: features?.join(','),
      settings: settings?.join(','),
      sizes: sizes?.join(','),
      order: order?.join(','),
      alter: alter?.toString(),
      answers: answers?.toString(),
    };
    const args = Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name}`, value],
    );
    return readReport(await run(PYTHON, [program, ...args], { env: options.user.env }));
  }

  /** Runs a program in the domain's network. */
  runInside(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    input = '',
  ): Promise<RunResult> {
    return run('nsenter', ['--net', '--target', String(this.#pid), command, ...args], {
      env,
      input,
    });
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  #kinit(name: string, ccache: string): Promise<RunResult> {
    const env = { KRB5_CONFIG: this.krb5Config };
    return this.runInside('kinit', ['-c', ccache, name], env, `${this.facts.password}\n`);
  }
}
