/** A realm in a folder of the bench's own: keytabs, a krb5.conf, and tokens as clients send them. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Keytab } from '../../src/index.ts';
import {
  EncryptionKey,
  formatKeytab,
  Mechanism,
  parsePrincipal,
  systemRandom,
} from '../../src/index.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
} from '../../src/messages/authorization-data.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import type { Initiator, MintedTicket, PacContents, SaslClient } from '../../src/testing/index.ts';
import { createInitiator, createSaslClient, mintTicket } from '../../src/testing/index.ts';
import { encodeEtypeList } from '../support/encoders.ts';

/** The size of the AP-REQ tokens, in bytes. */
export const TOKEN_SIZE = 700;

export class BenchRealm {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'krb5-acceptor-bench-'));
  /** For servers that run as another user. */
  readonly openFolder: string = mkdtempSync(join(tmpdir(), 'krb5-acceptor-bench-open-'));
  readonly krb5Conf: string = join(this.openFolder, 'krb5.conf');
  readonly #services = new Map<number, BenchService>();

  constructor() {
    chmodSync(this.openFolder, 0o755);
    writeFileSync(this.krb5Conf, KRB5_CONF);
  }

  /** A service whose keytab has one key. */
  service(enctype: number): BenchService {
    let service = this.#services.get(enctype);
    if (service === undefined) {
      service = new BenchService(enctype, join(this.folder, `service-${enctype}.keytab`));
      this.#services.set(enctype, service);
    }
    return service;
  }

  remove(): void {
    for (const folder of [this.folder, this.openFolder]) rmSync(folder, { recursive: true });
  }
}

/** `plain`: AP-REQs of {@link TOKEN_SIZE} bytes; `SPNEGO`: these in a NegTokenInit; `PAC`: with a PAC of 3 kB, signed. */
export type TokenKind = 'plain' | 'SPNEGO' | 'PAC';

/** `new`: each has got its ticket just now; `returning`: one, with the same ticket each time. */
export type Clients = 'new' | 'returning';

export class BenchService {
  readonly keytabPath: string;
  readonly #enctype: number;
  readonly #keytab: Keytab;
  readonly #padding: number;

  constructor(enctype: number, keytabPath: string) {
    this.#enctype = enctype;
    this.keytabPath = keytabPath;
    const principal = parsePrincipal(SERVICE);
    const key = EncryptionKey.generate(enctype, systemRandom);
    const timestamp = Math.floor(Date.now() / 1000);
    this.#keytab = { version: 2, entries: [{ principal, kvno: 2, timestamp, key }] };
    writeFileSync(keytabPath, formatKeytab(this.#keytab), { mode: 0o600 });
    this.#padding = this.#findPadding();
  }

  /** A client with a new ticket. */
  initiator(kind: TokenKind = 'plain'): Initiator {
    return this.#initiator(this.#newTicket(kind));
  }

  /** A client of SASL with a new ticket, which wants confidentiality and frames of 64 KiB. */
  saslClient(): SaslClient {
    return createSaslClient('GSSAPI', { ticket: this.#newTicket('plain') });
  }

  /** @param clients - Of clients that have each got a ticket just now, or of one that comes again. */
  tokens(kind: TokenKind, count: number, clients: Clients = 'new'): Uint8Array[] {
    const ticket = this.#newTicket(kind);
    return Array.from({ length: count }, () => {
      const token = this.#initiator(clients === 'new' ? this.#newTicket(kind) : ticket).begin();
      if (kind !== 'SPNEGO') return token;
      return encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken: token });
    });
  }

  #newTicket(kind: TokenKind): MintedTicket {
    return kind === 'PAC'
      ? mintTicket({ keytab: this.#keytab, client: CLIENT, pac: PAC })
      : this.#ticket(this.#padding);
  }

  #ticket(padding: number): MintedTicket {
    return mintTicket({
      keytab: this.#keytab,
      client: CLIENT,
      authorizationData: [
        {
          // Stands where a KDC puts what it says about a user.
          type: AuthorizationDataType.ifRelevant,
          data: encodeAuthorizationData([{ type: PRIVATE_TYPE, data: new Uint8Array(padding) }]),
        },
      ],
    });
  }

  #initiator(ticket: MintedTicket): Initiator {
    // RFC 4537: MIT krb5's clients send the enctypes that they would take.
    const offered = encodeAuthorizationData([
      { type: AuthorizationDataType.etypeNegotiation, data: encodeEtypeList([this.#enctype]) },
    ]);
    const authorizationData = [{ type: AuthorizationDataType.ifRelevant, data: offered }];
    return createInitiator({ ticket, authenticator: { authorizationData } });
  }

  #findPadding(): number {
    const size = (padding: number) => this.#initiator(this.#ticket(padding)).begin().length;
    let padding = Math.max(0, TOKEN_SIZE - size(0));
    // Lengths of lengths grow with the padding.
    while (padding > 0 && size(padding) > TOKEN_SIZE) padding--;
    return padding;
  }
}

// A user of many groups: with its signatures and the rest, 3000 bytes.
const PAC: PacContents = {
  logonInfo: {
    groupIds: Array.from({ length: 286 }, (_, i) => ({ relativeId: 2000 + i, attributes: 7 })),
  },
  upnDnsInfo: {
    upn: 'alice.liddell@corp.example.test',
    dnsDomainName: 'CORP.EXAMPLE.TEST',
    constructed: false,
  },
};

const CLIENT = 'alice.liddell@CORP.EXAMPLE.TEST';
/** The service as gss-server and others want it. */
export const HOST_BASED_SERVICE = 'host@appserver01.corp.example.test';

const SERVICE = 'host/appserver01.corp.example.test@CORP.EXAMPLE.TEST';
// RFC 4120 §5.2.6: negative numbers are for local use.
const PRIVATE_TYPE = -1;

const KRB5_CONF = `[libdefaults]
  default_realm = CORP.EXAMPLE.TEST
  dns_lookup_realm = false
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
`;
