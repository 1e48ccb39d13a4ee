/** What there is to say about tickets for another service than those of the keytab. */
import type { KeyDetails, NoKeyDetail } from '../client-reasons.ts';
import type { Explanation, Explanations } from '../reasons.ts';
import { present, sentence } from './entry.ts';

type SpnReason = Extract<keyof KeyDetails, `spn.${string}`>;

/** The area `spn`. */
export const SPN: Explanations<SpnReason> = {
  'spn.ticket-granting': {
    text: ({ ticketServer, service, keytabPrincipals }) =>
      ticketServer.startsWith('krbtgt/')
        ? `the client sent its ticket-granting ticket (${ticketServer}) instead of a ticket for this service`
        : `the client sent a ticket for a service of the KDC (${ticketServer}) instead of one for ${named(service) ?? keytabPrincipals[0] ?? 'this service'}`,
    remedies: ({ ticketServer, service, keytabPrincipals }) => [
      `have the client ask the KDC for a ticket for ${target(service, keytabPrincipals)} first (gss_init_sec_context with that target name), and send that`,
      `never put the key of ${ticketServer.split('/')[0]} into a keytab: its holder can impersonate every user of the realm`,
    ],
  },
  'spn.other-service': nearMiss('other-service', ({ ticketServer, near }) =>
    present(
      `export the key of ${ticketServer} into the keytab too (MIT: kadmin ktadd ${ticketServer}; Active Directory: setspn -S ${withoutRealm(ticketServer)} account, then ktpass or msktutil)`,
      `or have the client ask for ${hostBased(near)}, which the keytab has; HTTP clients always ask for HTTP/host`,
    ),
  ),
  'spn.other-host': nearMiss('other-host', ({ ticketServer, near }) => {
    const add = (name: string) =>
      `or add an SPN for ${name} to the account, and its key to the keytab (setspn -S ${withoutRealm(ticketServer)} account; MIT: kadmin addprinc, ktadd)`;
    const host = hostOf(near) || 'of the keytab';
    if (isAddress(hostOf(ticketServer))) {
      return [`have clients use the name ${host} instead of the address, in URLs too`];
    }
    if (hasPortOnly(ticketServer, near)) {
      return [
        `have clients ask for ${hostBased(near)}, without the port (Chrome: switch off the policy EnableAuthNegotiatePort)`,
        add('the name with its port'),
      ];
    }
    return [
      `have clients use the name ${host}, or let them resolve the alias (dns_canonicalize_hostname = true)`,
      add('the alias'),
    ];
  }),
  'spn.short-name': nearMiss('short-name', ({ ticketServer, near }) => [
    `have the client use the host name ${hostOf(near)}, as the keytab has it`,
    `or add the name to the account and its key to the keytab (setspn -S ${withoutRealm(ticketServer)} account; MIT: kadmin addprinc, ktadd)`,
  ]),
  'spn.other-realm': nearMiss('other-realm', ({ ticketServer, near }) => [
    `map the host to its realm at the client ([domain_realm] of krb5.conf: ${hostOf(ticketServer)} = ${realmOf(near ?? '')}), if that is the right one`,
    `or export the key of ${ticketServer} into the keytab too`,
  ]),
  'spn.realm-case': nearMiss('realm-case', ({ ticketServer }) => [
    `write the keytab again with the realm ${realmOf(ticketServer)} (ktutil addent -p ${ticketServer}; ktpass /princ ${ticketServer})`,
  ]),
  'spn.name-case': nearMiss('name-case', ({ ticketServer }) => [
    `write the keytab again with ${ticketServer}, as the KDC has it`,
    'or have the client ask for the name in the case of the keytab',
  ]),
  'spn.unsplit-name': nearMiss('unsplit-name', ({ ticketServer }) => [
    `write the entry again with service and host as two components (ktutil addent -p ${ticketServer})`,
  ]),
  'spn.account-name': nearMiss('account-name', () => [
    'have the client ask for service@host, and register that SPN for the account (setspn -S HTTP/host account)',
    "or write '*' as service to accept every key of the keytab, with the account's own key in it",
  ]),
  'spn.not-in-keytab': nearMiss(undefined, ({ ticketServer }) => [
    `find out why the client asks for ${ticketServer}: a DNS alias, a short host name, an IP address, an SPN of another account (setspn -Q ${withoutRealm(ticketServer)}); if that is a name of this service, export its key into the keytab (kadmin ktadd, ktpass, msktutil)`,
  ]),
  'spn.not-accepted': {
    text: ({ ticketServer, service }) =>
      `the client asked for ${ticketServer}; this acceptor accepts ${named(service) ?? 'other services'} only`,
    remedies: ({ ticketServer }) => [
      `accept ${hostBased(ticketServer)} too, or '*' for every key of the keytab: the option service (gss-server: service_name)`,
      'or have the client ask for the service that is accepted',
    ],
  },
  'spn.no-service': {
    text: (detail) => noService(detail),
    remedies: (detail) => noServiceRemedies(detail),
  },
};

/** Of `keytab.no-service`, which is met at the start. */
export const NO_SERVICE: Explanation<'keytab.no-service'> = {
  text: (detail) => noService(detail),
  remedies: (detail) => noServiceRemedies(detail),
};

/** A service of which a keytab has no key. */
interface MissingService {
  readonly service?: string;
  readonly keytabPrincipals: readonly string[];
  readonly near?: string;
  readonly likeness?: string;
}

/** What is wrong with a keytab that lacks the service of the acceptor. */
function noService({ service, keytabPrincipals, near, likeness }: MissingService): string {
  if (keytabPrincipals.length === 0) return 'the keytab has no entries';
  return sentence(
    `the keytab has no key for ${named(service) ?? 'the service'}`,
    hasPortOnly(service, near)
      ? holdsLike(keytabPrincipals, near, 'port')
      : holdsLike(keytabPrincipals, near, likeness),
  );
}

/** What to do about {@link noService}. */
function noServiceRemedies(detail: MissingService): readonly string[] {
  const { service, near, likeness, keytabPrincipals } = detail;
  const wanted = service === undefined ? 'the service' : withoutRealm(service);
  const exporting = `export the key of ${wanted} into the keytab (MIT: kadmin ktadd; Active Directory: setspn -S, then ktpass, msktutil or net ads keytab)`;
  if (keytabPrincipals.length === 0) return [exporting];
  if (likeness === 'account-name') {
    return [
      "write '*' to accept every key of the keytab: a name with one @ and no / is service@host",
      exporting,
    ];
  }
  if (likeness === 'unsplit-name') {
    return ['write the entry again with service and host as two components', exporting];
  }
  if (near === undefined) return strangerRemedies(detail, exporting);
  const writing = `write ${hostBased(near)} as the service`;
  if (hasPortOnly(service, near)) return [`${writing}: browsers ask for a host without its port`];
  // Clients ask for the service and the host that they know: another name here only moves the refusal.
  return OF_CLIENTS.has(likeness)
    ? [exporting, `or ${writing}, if that is what clients ask for (browsers: HTTP/host)`]
    : [writing, exporting];
}

/** What to do where no name of the keytab is like that of the service. */
function strangerRemedies(
  { service = '', keytabPrincipals }: MissingService,
  exporting: string,
): readonly string[] {
  const account = hostOf(service) === realmOf(keytabPrincipals[0]!).toLowerCase();
  // formatServiceName writes HTTP/@ for a service on any host.
  const [only = ''] = /^[^/,]+(?=\/@$)/.exec(service) ?? [];
  const onHost = keytabPrincipals.find((name) => hostOf(name).toLowerCase() === only.toLowerCase());
  return present(
    account &&
      'name a service and its host (HTTP@www.example.com): a name with one @ and no / is service@host, and not an account',
    only !== '' && onHost !== undefined
      ? `write ${hostBased(onHost)} as the service: ${only} alone is a host`
      : only.includes('.') && `write the service before the host: HTTP@${only}`,
    exporting,
    keytabPrincipals.every((name) => !name.includes('/')) &&
      "or write '*' as the service to accept every key of the keytab, if these names are accounts to which the service is registered (setspn -L account)",
  );
}

/** How a name of the keytab differs from the wanted one, after that name. */
const LIKENESS: Readonly<Record<string, string>> = {
  port: 'is the same name without a port',
  'realm-case': 'differs in the case of the realm only, and realms are case-sensitive',
  'name-case': 'differs in upper and lower case only, and names are case-sensitive',
  'other-realm': 'has the same name in another realm',
  'unsplit-name': 'is one component: the tool that wrote it did not split the name at its slash',
  'account-name': 'is an account, not a service on a host',
  'short-name': 'names the same host if one of the two names is the short one',
  'other-service': 'is another service on the same host',
  'other-host': 'is the same service on another host',
};

/** Of names that differ in what clients choose, and not in their spelling. */
const OF_CLIENTS: ReadonlySet<string | undefined> = new Set(['other-service', 'other-host']);

/** What else there is to say of the name for which a client asked. */
function asked({ near, ticketServer }: NoKeyDetail, likeness: string | undefined): string {
  switch (likeness) {
    case 'other-host':
      if (isAddress(hostOf(ticketServer))) return ': an IP address instead of a name';
      if (hasPortOnly(ticketServer, near)) return ': the same name with a port';
      return ": an alias (CNAME), a load balancer's name or another server";
    case 'realm-case':
      return ", as the KDC wrote it into the ticket: the keytab's realm is wrong";
    case 'account-name':
      return near === undefined ? ', an account and not a service on a host' : '';
    default:
      return '';
  }
}

function nearMiss(
  likeness: string | undefined,
  remedies: (detail: NoKeyDetail) => readonly string[],
): Explanation<SpnReason> {
  return {
    text: (detail) =>
      sentence(
        holdsLike(detail.keytabPrincipals, detail.near, likeness),
        `the client asked for ${detail.ticketServer}${asked(detail, likeness)}`,
        detail.keysTried !== undefined &&
          `only ${detail.keysTried} of ${detail.keysOfEnctype} keys of other names were tried`,
      ),
    remedies,
  };
}

/** `the keytab holds HTTP/www@R, which has the same name in another realm`. */
function holdsLike(
  principals: readonly string[],
  near: string | undefined,
  likeness: string | undefined,
): string {
  if (near === undefined) return holds(principals);
  const [only, ...others] = principals;
  const how = LIKENESS[likeness ?? ''] ?? 'is like it';
  return `${holds(principals)}${only === near && others.length === 0 ? ', which' : `; ${near}`} ${how}`;
}

function holds(principals: readonly string[]): string {
  return `the keytab holds ${principals.join(', ')}`;
}

function target(service: string | undefined, principals: readonly string[]): string {
  const one = service === undefined || /[,*]/.test(service) ? principals[0] : service;
  return one === undefined ? 'this service' : withoutRealm(one);
}

/** `HTTP@www.example.org` of a principal, as services are named in options. */
function hostBased(principal: string | undefined): string {
  if (principal === undefined) return 'its name';
  const name = withoutRealm(principal);
  return /^[^/]+\/[^/]+$/.test(name) ? name.replace('/', '@') : name;
}

/** `HTTP/www`, which an acceptor has as `HTTP/www@`: of whichever realm the keytab has. */
function named(service: string | undefined): string | undefined {
  return service?.replace(/@(?=,|$)/g, '');
}

/** Whether the wanted name is that of the keytab but for a port after its host. */
function hasPortOnly(wanted: string | undefined, near: string | undefined): boolean {
  const host = /^(.+):\d+$/.exec(hostOf(wanted))?.[1];
  return host !== undefined && host.toLowerCase() === hostOf(near).toLowerCase();
}

function isAddress(host: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$|^\[?[\da-f]*:[\da-f:.]*:[\da-f:.]*\]?$/i.test(host);
}

function hostOf(principal: string | undefined): string {
  return withoutRealm(principal ?? '').split('/')[1] ?? '';
}

function withoutRealm(principal: string): string {
  return principal.replace(/@[^@]*$/, '');
}

function realmOf(principal: string): string {
  return principal.slice(principal.lastIndexOf('@') + 1);
}
