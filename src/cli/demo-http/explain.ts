/** Explains in plain words why a sign-on failed, and what a user and an administrator can do. */
import type { GssError } from '../../gss/status.ts';

/** Why a request was refused. */
export interface Refusal {
  /** The status of HTTP: 400, 401, 403 or 503. */
  readonly status: number;
  /** Absent if the client sent no credentials. */
  readonly error?: GssError | undefined;
  /** The site was opened by its IP address. */
  readonly byAddress?: boolean;
}

/** The explanation of a refusal. Backticks in its sentences mark code. */
export interface Explanation {
  /** A headline. */
  readonly title: string;
  /** What happened, in one or two sentences. */
  readonly summary: string;
  /** What the person at the browser can do. */
  readonly user: readonly string[];
  /** What the administrator of the service can do. */
  readonly admin: readonly string[];
  /** The settings of browsers are a probable remedy. */
  readonly browser: boolean;
  /** The error in the words of the library, each with its label. */
  readonly technical: readonly (readonly [label: string, value: string])[];
}

/** Explains a refusal. The texts of the error are for the operator: show them to nobody else. */
export function explain({ status, error, byAddress = false }: Refusal): Explanation {
  const cause = causeOf(status, error);
  const { browser = false, ...text }: Text =
    TEXTS[byAddress && (cause === 'silent' || cause === 'ntlm') ? 'address' : cause];
  return { ...text, browser, technical: technicalOf(status, error) };
}

type Cause = keyof typeof TEXTS;

function causeOf(status: number, error: GssError | undefined): Cause {
  if (status === 503) return 'service';
  if (error === undefined) return 'silent';
  if (error.code === 'GSS_S_UNAUTHORIZED') return 'forbidden';
  if (status === 400) return 'damaged';
  const minor = error.minor?.code;
  if (minor !== undefined && Object.hasOwn(CAUSES, minor)) {
    return CAUSES[minor as keyof typeof CAUSES];
  }
  if (error.code === 'GSS_S_BAD_BINDINGS') return 'bindings';
  if (error.code === 'GSS_S_BAD_MECH') return 'scheme';
  return error.code === 'GSS_S_DEFECTIVE_TOKEN' ? 'damaged' : 'other';
}

function technicalOf(
  status: number,
  error: GssError | undefined,
): readonly (readonly [string, string])[] {
  if (error === undefined) return [['Answer', `${status}, without an error: nothing was sent`]];
  const { code, message, hint, minor } = error;
  const detail = Object.entries(minor?.detail ?? {}).map(
    ([name, value]) =>
      [DETAILS[name] ?? name, Array.isArray(value) ? value.join(', ') : String(value)] as const,
  );
  return [
    ['Answer', String(status)],
    ['Code', minor === undefined ? code : `${code}, ${minor.code}`],
    ['Error', message],
    ...(hint === undefined ? [] : ([['Hint', hint]] as const)),
    ...detail,
  ];
}

// By the minor status; see KerberosErrorName.
const CAUSES = {
  NTLM_RECEIVED: 'ntlm',
  NEGOEX_RECEIVED: 'ntlm',
  SPNEGO_NEGOTIATION_FAILED: 'scheme',
  KRB_AP_ERR_NOKEY: 'name',
  KRB_AP_ERR_NOT_US: 'name',
  KRB_AP_ERR_BADKEYVER: 'keytab',
  KRB_AP_ERR_BAD_INTEGRITY: 'key',
  KRB_AP_ERR_SKEW: 'clock',
  KRB_AP_ERR_TKT_NYV: 'clock',
  KRB_AP_ERR_TKT_EXPIRED: 'expired',
  KRB_AP_ERR_REPEAT: 'replay',
  KDC_ERR_ETYPE_NOSUPP: 'enctype',
  KRB5_NOPERM_ETYPE: 'enctype',
  KRB_AP_ERR_ILL_CR_TKT: 'realm',
  KDC_ERR_POLICY: 'forbidden',
  KRB5_PARSE_MALFORMED: 'damaged',
} as const;

// By the names in ErrorDetail.
const DETAILS: Readonly<Record<string, string>> = {
  ticketServer: 'Ticket for',
  kvno: 'Key version of the ticket',
  enctype: 'Encryption of the ticket',
  keytabPrincipals: 'Names in the keytab',
  keytabKvnos: 'Key versions in the keytab',
  keytabEnctypes: 'Encryption in the keytab',
  clientTime: 'Client’s time',
  clientMicroseconds: 'and microseconds',
  now: 'Server’s time',
  offset: 'Difference in seconds',
  maxSkew: 'Permitted difference',
  startTime: 'Start of the ticket',
  endTime: 'End of the ticket',
  client: 'Client',
  service: 'Service',
  offered: 'Mechanisms offered',
};

const NEW_TICKET =
  'Get a new ticket: lock and unlock Windows or run `klist purge`; elsewhere run `kdestroy`, then `kinit`.';
const TYPE_THE_NAME =
  'Type the site’s full name as its administrator gave it: not an IP address, not a short name, not a nickname.';

interface Text extends Omit<Explanation, 'browser' | 'technical'> {
  readonly browser?: boolean;
}

const TEXTS = {
  silent: {
    title: 'Your browser did not sign on',
    summary:
      'The server asked for a Kerberos ticket and got none. Browsers send tickets only to sites that they are told to trust, and only if you have one.',
    user: [
      'Trust this site: the settings of your browser are below.',
      'See whether you have a ticket: run `klist`. If there is none, log in to your domain or run `kinit`.',
      TYPE_THE_NAME,
    ],
    admin: [
      'Set the browsers’ policies centrally, for the names of all sites that sign users on.',
      'See whether the KDC knows the service: `kvno HTTP/name`, or `klist get HTTP/name` on Windows.',
    ],
    browser: true,
  },
  address: {
    title: 'You opened this site by its IP address',
    summary:
      'Tickets are for names. A browser gets none for an IP address, so it has nothing to send here.',
    user: ['Open the site by its name.'],
    admin: ['Give the site a name in DNS, and register that name with the KDC.'],
  },
  ntlm: {
    title: 'Your browser sent NTLM instead of Kerberos',
    summary:
      'The browser trusts this site, but it got no Kerberos ticket for the name of the site and fell back to NTLM, which this server does not accept.',
    user: [
      TYPE_THE_NAME,
      'See whether you are logged in to the domain and can reach it: run `klist`. At home, connect to the VPN first.',
    ],
    admin: [
      'Register the site’s name as an SPN of exactly one account: `setspn -S HTTP/name account`; `setspn -X` finds duplicates.',
      'If the name is an alias (CNAME), register the name that browsers ask for: that of the alias’s target, unless a policy disables the lookup.',
    ],
    browser: true,
  },
  scheme: {
    title: 'Your browser signed on in a way that this server does not know',
    summary: 'This server accepts Kerberos tickets in `Authorization: Negotiate` and nothing else.',
    user: [
      'If the browser asked for a name and a password, cancel: passwords are not used here.',
      'Trust this site, so that the browser uses your ticket: the settings are below.',
    ],
    admin: ['See which scheme came, under “The error itself”, and which client or proxy chose it.'],
    browser: true,
  },
  name: {
    title: 'Your ticket is for another service',
    summary:
      'The browser sent a ticket for a service name that this server does not serve. Browsers make that name from the address: `HTTP/` and the host.',
    user: [TYPE_THE_NAME],
    admin: [
      'Compare the name in the ticket with the names in the keytab (`klist -kt file`): case, alias, short name and realm count.',
      'Export the key of the missing name into the keytab (`ktadd`, `msktutil`, `ktpass`), or serve the site under the name that the keytab has.',
    ],
  },
  keytab: {
    title: 'The server’s keytab and your ticket have different key versions',
    summary:
      'The KDC made your ticket with a version of the service’s key that the server’s keytab does not have. Either the key was changed and the keytab is old, or your ticket is older than the change.',
    user: [NEW_TICKET, 'If that does not help, tell the administrator: it is not your browser.'],
    admin: [
      'Compare the versions: `kvno HTTP/name` for the KDC’s, `klist -kt file` for the keytab’s.',
      'Export the keytab again. `ktadd` without `-norandkey` and `ktpass` change the key as they export it, so every older copy is out of date.',
    ],
  },
  key: {
    title: 'The server’s key does not open your ticket',
    summary:
      'Name and version of the key agree, the key itself does not: the KDC and the server’s keytab have different keys. The browser is not at fault.',
    user: [NEW_TICKET, 'If that does not help, tell the administrator.'],
    admin: [
      'Look for the same SPN on two accounts: `setspn -X`.',
      'Export the keytab again; if it was typed with `ktutil addent`, the password or the salt differs.',
    ],
  },
  clock: {
    title: 'The clocks of your machine and the server differ',
    summary:
      'Kerberos permits a difference of five minutes, because it is how a server recognises old requests. The error below says how far the clocks are apart.',
    user: [
      'Set your machine’s clock and its time zone, and let it follow the network’s time.',
      'Then reload this page; no new ticket is needed.',
    ],
    admin: [
      'Compare this server’s clock with the KDC’s: `w32tm /stripchart /computer:dc` or `chronyc tracking`.',
      'A difference of whole hours is a time zone or a clock set to local time.',
    ],
  },
  expired: {
    title: 'Your ticket has expired',
    summary: 'Tickets are valid for some hours, mostly ten. Yours ended before this request.',
    user: [NEW_TICKET, 'Then reload this page.'],
    admin: [
      'If new tickets are refused too, this server’s clock is ahead.',
      'For jobs that run longer than a ticket, use `k5start` or renewable tickets (`kinit -r`).',
    ],
  },
  replay: {
    title: 'This request was sent twice',
    summary:
      'The server has seen this very proof before, and each one is accepted once. Usually something between repeated the request; it can also be somebody who recorded it.',
    user: ['Reload this page: your browser makes a new proof for every request.'],
    admin: [
      'Look for a proxy or load balancer that sends a request again after an error (`proxy_next_upstream` of nginx), and switch that off for requests with `Authorization`.',
      'If no proxy did it, find out where the second request came from.',
    ],
  },
  bindings: {
    title: 'Your sign-on is not bound to this TLS connection',
    summary:
      'The server takes only a proof for its own certificate. The browser sent one for another certificate, because a proxy ends TLS in between or somebody relays the connection; or it sent one for none.',
    user: ['Do not ignore warnings about certificates, and tell the administrator.'],
    admin: [
      'Behind a proxy that ends TLS, give the server the proxy’s certificate (option `certificate`).',
      'Antivirus and inspection proxies that replace certificates break the binding, as they should.',
      'Chromium on Linux binds nothing: `channelBindingPolicy: "when-supported"` accepts them, `"required"` does not.',
    ],
  },
  enctype: {
    title: 'Your ticket is encrypted in a way that this server does not permit',
    summary: 'The KDC chose an encryption type that the server lacks or that its policy excludes.',
    user: [NEW_TICKET],
    admin: [
      'Let the service’s account use AES: `msDS-SupportedEncryptionTypes` in Active Directory, or a new key (`cpw -randkey`) in MIT Kerberos.',
      'Then export the keytab again.',
    ],
  },
  realm: {
    title: 'Your realm is not trusted here',
    summary: 'The ticket came by way of a realm that this server does not trust for your realm.',
    user: ['Ask the administrator whether your organisation may use this site.'],
    admin: ['The hint below has the line of `[capaths]` that would permit it.'],
  },
  damaged: {
    title: 'What the browser sent arrived damaged',
    summary: 'The `Authorization` header does not hold a whole Kerberos token.',
    user: ['Reload this page.'],
    admin: [
      'Look for a proxy that cuts or rewrites long headers: a ticket with many groups is 12 kB and more.',
      'Raise the limits on the way: `large_client_header_buffers` of nginx, `LimitRequestFieldSize` of Apache.',
    ],
  },
  forbidden: {
    title: 'You are known, but may not enter',
    summary: 'The sign-on worked. The server’s rules do not let you in.',
    user: ['Ask the administrator for access. If you were just given it, get a new ticket first.'],
    admin: ['The error below names the rule.'],
  },
  service: {
    title: 'The server has a problem of its own',
    summary: 'Your ticket may be good: the server could not check it.',
    user: ['Try again in a few seconds. If that does not help, tell the administrator.'],
    admin: ['The error below says what is wrong: the keytab, the replay cache or the clock.'],
  },
  other: {
    title: 'The sign-on failed',
    summary: 'The server refused the ticket for the reason below.',
    user: [NEW_TICKET, 'If that does not help, tell the administrator.'],
    admin: ['See the error and its hint below.'],
  },
} as const satisfies Readonly<Record<string, Text>>;
