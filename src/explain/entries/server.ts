/** What there is to say about ports, logs, engines, KDCs and DNS, and about the clients of `./testing`. */

import type { Explanations } from '../reasons.ts';
import type { ListenDetail, ServerDetails } from '../service-reasons.ts';
import type { CONNECTION_ENDS } from './connection.ts';
import { present } from './entry.ts';
import { REACH_KDC } from './negotiate.ts';

/** Of the areas `server`, `kdc`, `dns` and `testing`. */
export const SERVER: Explanations<
  Exclude<keyof ServerDetails, `http.${string}` | keyof typeof CONNECTION_ENDS>
> = {
  'server.port-in-use': {
    text: (detail) => `another process listens on ${placeOf(detail)}`,
    remedies: ({ option, port }) => [
      `choose another port${by(option)}, or stop the server that has it ` +
        `(ss -ltnp 'sport = :${port ?? 'PORT'}'; Windows: netstat -ano)`,
    ],
  },
  'server.port-privileged': {
    text: (detail) => `this user may not listen on ${placeOf(detail)}`,
    remedies: ({ option }) => [
      `choose a port from 1024 on${by(option)}`,
      'ports below 1024 need the capability CAP_NET_BIND_SERVICE: ' +
        'AmbientCapabilities=CAP_NET_BIND_SERVICE in a unit of systemd, or setcap ' +
        'cap_net_bind_service=+ep on node',
    ],
  },
  'server.address': {
    text: (detail) => `this machine cannot listen on ${placeOf(detail)}`,
    remedies: () => [
      'name an address of this machine (ip address), or omit the host to listen on all of them',
    ],
  },
  'server.log-file': {
    text: ({ path = 'the log file', problem }) =>
      `${path} cannot be written${problem === undefined ? '' : `: ${problem}`}`,
    remedies: ({ problem = '' }) => [
      / on a directory$/.test(problem)
        ? 'name a file: a directory has this name'
        : 'make its directory, and let the user of the server write there',
    ],
  },
  'server.option': {
    text: ({ option }) =>
      option === undefined
        ? 'options do not fit together'
        : `${option} does not fit the other options`,
    remedies: () => ['see the list of options: -help'],
  },
  'server.no-replay-cache': {
    text: () =>
      'there is no replay cache: a recorded request can be used again while its ticket is valid',
    remedies: () => ['write -rcache dfl:, or set KRB5RCACHENAME'],
  },
  'server.engine': {
    text: ({ engine = 'the engine' }) => `${engine} cannot be used`,
    remedies: () => ['start it, and check its address, its firewall and the password in the URL'],
  },
  'kdc.unknown': {
    text: ({ realm = 'the realm' }) => `no KDC of ${realm} is known`,
    remedies: ({ realm = 'REALM' }) => [
      `name it in krb5.conf: [realms] ${realm} = { kdc = host }`,
      `add SRV records to DNS: _kerberos._udp.${realm}`,
    ],
  },
  'kdc.unreachable': {
    text: ({ realm = 'the realm' }) => `no KDC of ${realm} answers`,
    remedies: () => [
      'look at the KDC, at firewalls (port 88, UDP and TCP), and at kdc in krb5.conf',
    ],
  },
  'kdc.no-service': {
    text: () => 'the KDC does not know the service: clients get no ticket for it',
    remedies: () => [
      'make the principal, and export its key again: kadmin addprinc -randkey, then ktadd',
      'in Active Directory, which knows SPNs only as those of an account, see whose it is: setspn -Q',
    ],
  },
  'dns.no-address': {
    text: ({ host = 'the host' }) => `${host} has no address in DNS`,
    remedies: () => ['add it to DNS, or correct the spelling of the host'],
  },
  'dns.alias': {
    text: ({ host = 'the host', other = 'another name' }) => `${host} is an alias of ${other}`,
    remedies: () => [
      'add a key for the name behind the alias, or make the host an A or AAAA record',
    ],
  },
  'dns.reverse': {
    text: ({ host = 'the host', other = 'another name' }) =>
      `the address of ${host} belongs to ${other}`,
    remedies: () => ["set rdns = false in the clients' krb5.conf, or correct the PTR record"],
  },
  'dns.address-as-name': {
    text: ({ host = 'an address' }) => `the service is named by ${host}, an address`,
    remedies: () => ['give the machine a name in DNS, and export the keys of that name'],
  },
  'testing.answer': {
    text: () => 'the server answered otherwise than the protocol says',
    remedies: () => ['look at the answer in the error, and at the log of the server'],
  },
  'testing.refused': {
    text: ({ errorCode }) =>
      `the server refused the client${errorCode === undefined ? '' : ` with KRB-ERROR ${errorCode}`}`,
    remedies: () => ["look at the server's log, which has the reason"],
  },
};

/** Of the area `iakerb`: what relays to a KDC. */
export const RELAY: Explanations<
  'iakerb.realm-not-relayed' | 'iakerb.kdc-unreachable' | 'iakerb.too-many'
> = {
  'iakerb.realm-not-relayed': {
    text: ({ realm, problem }) =>
      `the client asks for ${realm === undefined ? 'a realm' : `realm ${realm}`}, ${problem === undefined ? 'which is not relayed' : 'of which the relay knows no KDC'}`,
    remedies: ({ problem }) => [
      problem === undefined
        ? 'name the realm in iakerb.realms (gss-server, krb5-forward-auth: -realms), if its clients are to be relayed'
        : 'name its KDC in krb5.conf of this server ([realms]: kdc), or in DNS (_kerberos._udp)',
      REACH_KDC,
    ],
  },
  'iakerb.kdc-unreachable': {
    text: ({ realm, problem }) =>
      `no KDC of ${realm === undefined ? "the client's realm" : `realm ${realm}`} answers the relay${problem === undefined ? '' : `: ${problem}`}`,
    remedies: () => [
      'look at the KDC, at firewalls (port 88, UDP and TCP), and at kdc in krb5.conf of this server',
    ],
  },
  'iakerb.too-many': {
    text: ({ bound }) =>
      `the client sends more messages for KDCs than ${bound === undefined ? 'one exchange may' : `${bound} allows`}`,
    remedies: ({ bound }) =>
      present(
        'find out who sends them: it may be somebody who guesses passwords through this server',
        bound !== undefined && `raise ${bound.split(' ')[0]}, if these clients are to be served`,
      ),
  },
};

function placeOf({ port, address }: ListenDetail): string {
  const where = port === undefined ? 'the port' : `port ${port}`;
  return address === undefined ? where : `${where} of ${address}`;
}

function by(option: string | undefined): string {
  return option === undefined ? '' : ` (${option})`;
}
