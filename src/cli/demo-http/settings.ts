/** The command line of the demonstration. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { integer, readArguments, text, UsageError } from '../arguments.ts';

/** What the demonstration serves, and where. */
export interface Settings {
  readonly host: string;
  /** 0 chooses a free port. */
  readonly port: number;
  /** The service of the real door; undefined if there is none. */
  readonly service?: ServiceSettings;
  /** Serve https with these, as PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Whether a sign-on begins a session. */
  readonly sessions: boolean;
}

/** Whose tickets are accepted. */
export interface ServiceSettings {
  /** A name for keytabFile; undefined: the default keytab. */
  readonly keytab: string | undefined;
  readonly name: string;
  /** How a client of a throw-away realm gets a ticket, as lines for a shell. */
  readonly login?: readonly string[];
}

/** The environment variables that are read. */
export interface Environment {
  readonly KRB5_ACCEPTOR_REALM?: string | undefined;
}

export const HELP = `Usage: npm run demo:http -- [-keytab name] [-service name] [-port port] [-host address]
       [-session] [-cert file -key file]

Signs browsers on with Kerberos and shows what a ticket says, or why the sign-on failed. Without
options it uses the realm in the directory of KRB5_ACCEPTOR_REALM (fixtures/kdc/realm.sh), or else
only plays a client of its own.

  -keytab name     keytab of the service. Default with -service: KRB5_KTNAME, then the system's
  -service name    whose tickets are accepted (HTTP@: the service HTTP of any host in the keytab)
  -port port       listen on this port (8080); 0 chooses a free one
  -host address    listen on this address (127.0.0.1). On others, anybody who can connect reads why
                   his sign-on failed, and the names in the keytab with it
  -session         a sign-on begins a session, so that browsers do not send a ticket with each request
  -cert, -key      serve https with this certificate and key (PEM)
  -help            print this text
`;

/**
 * @param argv - The arguments after the program's name.
 * @returns Undefined if they ask for help.
 * @throws {@link UsageError}
 */
export function readSettings(
  argv: readonly string[],
  environment: Environment,
): Settings | undefined {
  const values = readArguments(argv, { switches: SWITCHES, texts: TEXTS });
  if (values.switches.has('help')) return undefined;
  const [extra] = values.positionals;
  if (extra !== undefined) throw new UsageError(`expected options only, got '${extra}'`);
  const keytab = text(values, 'keytab');
  const name = text(values, 'service');
  const service =
    keytab === undefined && name === undefined
      ? serviceOfRealm(environment.KRB5_ACCEPTOR_REALM)
      : { keytab, name: name ?? 'HTTP@' };
  const cert = text(values, 'cert');
  const key = text(values, 'key');
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('-cert and -key: expected both or none');
  }
  return {
    host: text(values, 'host') ?? '127.0.0.1',
    port: integer(values, 'port', 0, 65_535) ?? 8080,
    sessions: values.switches.has('session'),
    ...(service && { service }),
    ...(cert !== undefined &&
      key !== undefined && { tls: { cert: readPem('cert', cert), key: readPem('key', key) } }),
  };
}

/** The service of a realm that realm.sh made. */
function serviceOfRealm(directory: string | undefined): ServiceSettings | undefined {
  if (directory === undefined || directory === '') return undefined;
  const file = resolve(directory, 'realm.json');
  if (!existsSync(file)) {
    throw new UsageError(
      `KRB5_ACCEPTOR_REALM: expected a directory of realm.sh, ${file} is missing`,
    );
  }
  const realm = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly hostname: string;
    readonly keytabs: string;
    readonly krb5Config: string;
  };
  return {
    keytab: resolve(directory, realm.keytabs, 'http.keytab'),
    name: `HTTP@${realm.hostname}`,
    login: [
      `export KRB5_CONFIG=${resolve(directory, realm.krb5Config)}`,
      'echo alice-password | kinit alice',
    ],
  };
}

function readPem(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`-${option}: ${(error as Error).message}`);
  }
}

const SWITCHES: ReadonlySet<string> = new Set(['session', 'help']);
const TEXTS: ReadonlySet<string> = new Set(['keytab', 'service', 'port', 'host', 'cert', 'key']);
