/** The keys of an inspection: those of the keytab, and those found in what they open. */
import { decryptPartOrNothing } from '../ap/encrypted-part.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { enctypeName, KeyUsage } from '../crypto/numbers.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { KerberosError } from '../errors.ts';
import type { KeytabEntry } from '../keytab/keytab.ts';
import type { KeyValue } from '../messages/encrypted-data.ts';
import { printablePrincipal } from '../messages/principal.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import { decodeEncTicketPart } from '../messages/ticket.ts';

/** What was decrypted. */
export interface Opened {
  readonly plain: Uint8Array;
  /** Whose key it was. */
  readonly by: string;
}

/** A ticket that a key of the keytab opened. */
export interface OpenedTicket {
  readonly serviceKey: EncryptionKey;
  /** Absent if the strict reader refuses it. */
  readonly part?: EncTicketPart;
}

/** The keys by which one exchange can be followed: its tokens must be laid out in their order. */
export class Exchange {
  readonly serviceKeys: readonly KeytabEntry[];
  ticket: OpenedTicket | undefined;
  sessionKey: EncryptionKey | undefined;
  initiatorSubkey: EncryptionKey | undefined;
  acceptorSubkey: EncryptionKey | undefined;
  /** `ContextFlag` bits that the initiator asked for. */
  flags = 0;
  /** Where the authenticator says that the client's clock stood, in seconds; for the verdict. */
  clientTime: number | undefined;

  constructor(serviceKeys: readonly KeytabEntry[] = []) {
    this.serviceKeys = serviceKeys;
  }

  /** Whether there is a keytab. */
  get hasKeys(): boolean {
    return this.serviceKeys.length > 0;
  }

  /** Forgets the keys of an exchange, since another one begins. */
  restart(): void {
    for (const key of [this.sessionKey, this.initiatorSubkey, this.acceptorSubkey]) key?.dispose();
    this.ticket = this.sessionKey = this.initiatorSubkey = this.acceptorSubkey = undefined;
    this.flags = 0;
    this.clientTime = undefined;
  }

  /**
   * Opens a ticket with a key of the keytab.
   *
   * @param adopt - Whether its session key becomes that of the exchange.
   * @returns Why it does not open, if so.
   */
  openTicket(
    enctype: number,
    kvno: number | undefined,
    cipher: Uint8Array,
    adopt: boolean,
  ): Opened | string {
    if (!this.hasKeys) return 'needs the keytab of the service';
    const candidates = this.serviceKeys.filter(({ key }) => key.enctype === enctype);
    if (candidates.length === 0) return `the keytab has no key of ${enctypeName(enctype)}`;
    for (const entry of candidates.slice(0, MAX_KEYS)) {
      const plain = tryKey(entry.key, KeyUsage.ticket, cipher);
      if (plain === undefined) continue;
      if (adopt) this.#keepTicket(plain, entry.key);
      const name = printablePrincipal(entry.principal);
      const other =
        kvno !== undefined && kvno !== entry.kvno ? `, although the ticket says ${kvno}` : '';
      return { plain, by: `key of ${name}, kvno ${entry.kvno}${other}` };
    }
    const name = enctypeName(enctype);
    return candidates.length === 1
      ? `the key of ${name} in the keytab does not open it`
      : `none of the ${candidates.length} keys of ${name} in the keytab opens it`;
  }

  /** Opens what is encrypted with the session key or a subkey. */
  open(usages: readonly number[], enctype: number, cipher: Uint8Array): Opened | string {
    const keys: readonly [string, EncryptionKey | undefined][] = [
      ['session key', this.sessionKey],
      ["initiator's subkey", this.initiatorSubkey],
      ["acceptor's subkey", this.acceptorSubkey],
    ];
    let tried = 0;
    for (const [by, key] of keys) {
      if (key?.enctype !== enctype) continue;
      for (const usage of usages) {
        tried++;
        const plain = tryKey(key, usage, cipher);
        if (plain !== undefined) return { plain, by };
      }
    }
    if (tried > 0) return 'the keys of this exchange do not open it';
    return this.sessionKey === undefined
      ? 'needs the session key, which is in the ticket'
      : `the exchange has no key of ${enctypeName(enctype)}`;
  }

  /** A key inside of a message; undefined if the provider cannot use it. */
  importKey({ enctype, value }: KeyValue): EncryptionKey | undefined {
    const crypto: CryptoProvider | undefined = this.ticket?.serviceKey.crypto;
    try {
      const key = new EncryptionKey(enctype, value, crypto);
      return key.supported ? key : undefined;
    } catch (error) {
      if (error instanceof KerberosError) return undefined;
      throw error;
    }
  }

  #keepTicket(plain: Uint8Array, serviceKey: EncryptionKey): void {
    this.ticket = { serviceKey };
    try {
      const part = decodeEncTicketPart(plain);
      this.ticket = { serviceKey, part };
      this.sessionKey = this.importKey(part.key);
    } catch (error) {
      if (!(error instanceof KerberosError)) throw error;
    }
  }
}

/** @returns Undefined for a wrong key, or for one that cannot be used here. */
function tryKey(key: EncryptionKey, usage: number, cipher: Uint8Array): Uint8Array | undefined {
  if (!key.supported || key.disposed) return undefined;
  try {
    return decryptPartOrNothing(key, usage, cipher);
  } catch (error) {
    if (error instanceof KerberosError) return undefined;
    throw error;
  }
}

// A keytab of a server has a few keys of each enctype.
const MAX_KEYS = 64;
