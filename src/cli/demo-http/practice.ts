/**
 * A client to practise with: it makes its own tickets, as a KDC would, and asks a door of its own over
 * HTTP on the loopback interface. Its realm exists in this process only.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAcceptor } from '../../acceptor.ts';
import { EncryptionKey } from '../../crypto/default-crypto.ts';
import { Enctype } from '../../crypto/numbers.ts';
import { encodeBase64 } from '../../http/base64.ts';
import type { Keytab } from '../../keytab/keytab.ts';
import { acquireCredential } from '../../krb5/credential.ts';
import { parsePrincipal } from '../../messages/principal.ts';
import { systemRandom } from '../../random.ts';
import { createInitiator } from '../../testing/initiator.ts';
import type { InitiatorOptions } from '../../testing/initiator-options.ts';
import type { MintTicketOptions } from '../../testing/mint.ts';
import { mintTicket } from '../../testing/mint.ts';
import { Door } from './door.ts';
import type { Report } from './report.ts';

/** A situation that can be tried. */
export interface Situation {
  /** The last part of its address. */
  readonly id: string;
  /** The label of its button. */
  readonly label: string;
  /** What the client does. */
  readonly story: string;
}

/** One request and its answer, without the bytes of tokens. */
export interface WireStep {
  readonly request: string;
  readonly response: string;
}

/** The outcome of a situation. */
export interface PracticeResult {
  readonly situation: Situation;
  readonly wire: readonly WireStep[];
  /** The answer to the last request. */
  readonly report: Report;
}

/** The practice realm, its door and its client. */
export class Practice {
  readonly #server: Server;
  readonly #keytab: Keytab;

  private constructor(server: Server, keytab: Keytab) {
    this.#server = server;
    this.#keytab = keytab;
  }

  /** Opens the practice door on a free port of the loopback interface. */
  static async open(): Promise<Practice> {
    const keytab = keytabOf([PRINCIPAL, 2]);
    const credential = await acquireCredential({ keytab, service: SERVICE });
    // Nobody else can reach the door, so plain HTTP deserves no warning.
    const door = new Door({ acceptor: createAcceptor({ credential }), onWarning: () => {} });
    const server = createServer({ maxHeaderSize: MAX_HEADER }, async (request, response) => {
      const { status, headers, report } = await door.knock(request);
      for (const [name, value] of headers) response.appendHeader(name, value);
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(report));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Practice(server, keytab);
  }

  /** Plays the client in a situation. @returns Undefined for an unknown id. */
  async play(id: string): Promise<PracticeResult | undefined> {
    const found = SITUATIONS.find((situation) => situation.id === id);
    if (found === undefined) return undefined;
    const { plan, ...situation } = found;
    const wire: WireStep[] = [];
    let report: Report | undefined;
    for (const authorization of plan(this.#keytab)) {
      const answer = await this.#request(authorization);
      wire.push(answer.step);
      report = answer.report;
    }
    // Each plan has a request.
    return { situation, wire, report: report! };
  }

  close(): void {
    this.#server.close();
  }

  async #request(authorization: string | undefined) {
    const { port } = this.#server.address() as AddressInfo;
    const response = await fetch(`http://localhost:${port}/`, {
      headers: authorization === undefined ? {} : { authorization },
    });
    const { status, headers } = response;
    const proof = headers.get('www-authenticate');
    const step: WireStep = {
      request:
        authorization === undefined
          ? 'GET / without Authorization'
          : `GET / with Authorization: ${abridge(authorization)}`,
      response: `${status} ${STATUS_CODES[status] ?? ''}${proof === null ? '' : ` with WWW-Authenticate: ${abridge(proof)}`}`,
    };
    return { step, report: (await response.json()) as Report };
  }
}

/** The header without its token, which would only distract. */
function abridge(header: string): string {
  const [scheme, token] = header.split(' ');
  return token === undefined ? scheme! : `${scheme} and a token of ${token.length} characters`;
}

type Plan = (keytab: Keytab) => readonly (string | undefined)[];

function signOn(
  keytab: Keytab,
  ticket: Partial<MintTicketOptions> = {},
  initiator: Partial<InitiatorOptions> = {},
): string {
  const minted = mintTicket({ keytab, client: CLIENT, pac: PAC, ...ticket });
  const token = createInitiator({ ticket: minted, ...initiator }).begin();
  return `Negotiate ${encodeBase64(token)}`;
}

function keytabOf(...names: readonly (readonly [principal: string, kvno: number])[]): Keytab {
  const timestamp = Math.floor(Date.now() / 1000);
  const entries = names.map(([principal, kvno]) => ({
    principal: parsePrincipal(principal),
    kvno,
    timestamp,
    key: EncryptionKey.generate(Enctype.aes256CtsHmacSha1, systemRandom),
  }));
  return { version: 2, entries };
}

function secondsFromNow(hours: number): number {
  return Math.floor(Date.now() / 1000) + hours * 3600;
}

const SERVICE = 'HTTP@practice.example.org';
const PRINCIPAL = 'HTTP/practice.example.org@EXAMPLE.ORG';
const CLIENT = 'alice@EXAMPLE.ORG';
const DOMAIN = 'S-1-5-21-1004336348-1177238915-682003330';
const MANDATORY = 7;
const MAX_HEADER = 81_920;
const PAC: NonNullable<MintTicketOptions['pac']> = {
  logonInfo: {
    effectiveName: 'alice',
    fullName: 'Alice Liddell',
    logonDomainName: 'EXAMPLE',
    logonDomainId: DOMAIN,
    userId: 1104,
    primaryGroupId: 513,
    groupIds: [513, 525, 1601].map((relativeId) => ({ relativeId, attributes: MANDATORY })),
    extraSids: [{ sid: 'S-1-18-1', attributes: MANDATORY }],
  },
  upnDnsInfo: { upn: 'alice@example.org', dnsDomainName: 'example.org', constructed: false },
};
// NEGOTIATE_MESSAGE (MS-NLMP §2.2.1.1) without names.
const NTLM_NEGOTIATE = 'TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA=';

/** All situations, in the order of their buttons. */
export const SITUATIONS: readonly (Situation & { readonly plan: Plan })[] = [
  {
    id: 'signed-on',
    label: 'A good ticket',
    story:
      'Alice has logged in and her browser trusts the site: it is asked for a ticket and sends one.',
    plan: (keytab) => [undefined, signOn(keytab)],
  },
  {
    id: 'no-ticket',
    label: 'No ticket',
    story:
      'The browser is asked for a ticket and sends none: it does not trust the site, or has no ticket.',
    plan: () => [undefined],
  },
  {
    id: 'ntlm',
    label: 'NTLM',
    story: 'Windows found no Kerberos ticket for the site’s name and sends NTLM.',
    plan: () => [undefined, `Negotiate ${NTLM_NEGOTIATE}`],
  },
  {
    id: 'wrong-name',
    label: 'Wrong service name',
    story:
      'The user typed an alias of the site. The ticket is for that alias, and the keytab has no key of it.',
    plan: () => [undefined, signOn(keytabOf(['HTTP/intranet.example.org@EXAMPLE.ORG', 1]))],
  },
  {
    id: 'clock-skew',
    label: 'Clock skew',
    story: 'The clock of the user’s machine is twelve minutes behind.',
    plan: (keytab) => [
      undefined,
      signOn(keytab, { authTime: secondsFromNow(-1) }, { clock: () => Date.now() - 12 * 60_000 }),
    ],
  },
  {
    id: 'stale-keytab',
    label: 'Stale keytab',
    story: 'The service’s key was changed at the KDC, and the server still has the old keytab.',
    plan: () => [undefined, signOn(keytabOf([PRINCIPAL, 3]))],
  },
  {
    id: 'wrong-key',
    label: 'Wrong key',
    story: 'The keytab has the right name and version, and another key than the KDC.',
    plan: () => [undefined, signOn(keytabOf([PRINCIPAL, 2]))],
  },
  {
    id: 'replay',
    label: 'Replay',
    story: 'A proxy sends the same request a second time.',
    plan: (keytab) => {
      const authorization = signOn(keytab);
      return [authorization, authorization];
    },
  },
  {
    id: 'expired',
    label: 'Expired ticket',
    story: 'The ticket ended two hours ago, and the client did not notice.',
    plan: (keytab) => [
      undefined,
      signOn(keytab, { authTime: secondsFromNow(-12), endTime: secondsFromNow(-2) }),
    ],
  },
  {
    id: 'cut-header',
    label: 'Header cut by a proxy',
    story: 'A proxy on the way cuts headers that it finds too long.',
    plan: (keytab) => [undefined, signOn(keytab).slice(0, 401)],
  },
];
