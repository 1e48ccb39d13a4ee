/** The identity of a client, and which tickets a key opens: similar names, and tickets of others. */
import { describe, expect, it } from 'vitest';
import { frameToken, TokenId } from '../../src/gss/framing.ts';
import type { AcceptResult } from '../../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  EncryptionKey,
  Mechanism,
  NameType,
  parsePrincipal,
  TicketFlag,
} from '../../src/index.ts';
import type { Authenticator } from '../../src/messages/ap-req.ts';
import { encodeApReq } from '../../src/messages/ap-req.ts';
import type { MintedTicket } from '../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { makeKeytab, makeParties, NOW, seededRandom } from '../support/realm-kit.ts';

const clock = () => NOW;
const random = seededRandom(21);

async function attempt(options: ExchangeOptions): Promise<AcceptResult> {
  const { begin, initiator } = await makeParties(options);
  return begin().accept(initiator.begin());
}

function outcomeOf(result: AcceptResult): string | undefined {
  return result.status === 'failed' ? result.error.minor?.code : result.status;
}

const begin = (ticket: MintedTicket) => createInitiator({ ticket, clock, random }).begin();

describe('an authenticator is refused if its client differs from that of the ticket', () => {
  const name = (...components: string[]) => ({ nameType: NameType.principal, components });

  it.each<[string, string, Partial<Authenticator>]>([
    ['another', 'alice', { clientName: name('bob') }],
    ['in another case', 'alice', { clientName: name('Alice') }],
    ['with an accent apart', 'r\u00e9mi', { clientName: name('re\u0301mi') }],
    ['with an empty component more', 'alice', { clientName: name('alice', '') }],
    ['with a component more', 'alice', { clientName: name('alice', 'admin') }],
    ['with a NUL more', 'alice', { clientName: name('alice\0') }],
    ['with a blank more', 'alice', { clientName: name('alice ') }],
    ['with its realm in it', 'alice', { clientName: name('alice@EXAMPLE.TEST') }],
    ['with two components as one', 'alice/admin', { clientName: name('alice/admin') }],
    ['in a realm of another case', 'alice', { clientRealm: 'example.test' }],
    ['in another realm', 'alice', { clientRealm: 'EVIL.TEST' }],
    ['in a realm with a dot more', 'alice', { clientRealm: 'EXAMPLE.TEST.' }],
  ])('%s', async (_, client, authenticator) => {
    const options = { ticket: { client: `${client}@EXAMPLE.TEST` } };
    expect(outcomeOf(await attempt({ ...options, initiator: { authenticator } }))).toBe(
      'KRB_AP_ERR_BADMATCH',
    );
    expect(outcomeOf(await attempt(options))).toBe('complete');
  });

  it('but not if only the name type differs: that of the ticket counts (RFC 4120 §6.2)', async () => {
    const clientName = { nameType: NameType.srvInst, components: ['alice'] };
    const result = await attempt({ initiator: { authenticator: { clientName } } });
    if (result.status !== 'complete') throw new Error('not complete');
    expect(result.context.initiator.principal?.nameType).toBe(NameType.principal);
  });
});

describe('names of JavaScript object members', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__proto__/constructor'])(
    '%s is a client like any other',
    async (name) => {
      for (const client of [`${name}@EXAMPLE.TEST`, 'alice@__proto__']) {
        const result = await attempt({ ticket: { client } });
        if (result.status !== 'complete') throw new Error('not complete');
        expect(String(result.context.initiator)).toBe(client);
      }
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  );

  it('name a service like any other', async () => {
    const keytab = makeKeytab({ principal: 'constructor/__proto__@__proto__' });
    const result = await attempt({ keytab, service: 'constructor@__proto__' });
    expect(outcomeOf(result)).toBe('complete');
  });
});

describe('a key of the keytab opens only tickets of its own service', () => {
  const keytab = makeKeytab(
    { principal: 'host/www.example.test@EXAMPLE.TEST', seed: 31 },
    { principal: 'HTTP/www.example.test@EXAMPLE.TEST', seed: 32 },
    { principal: 'krbtgt/EXAMPLE.TEST@EXAMPLE.TEST', seed: 33 },
  );
  const mint = (service: string) =>
    mintTicket({ keytab, service, client: 'alice@EXAMPLE.TEST', clock, random });

  it.each<[string | readonly string[]]>([
    ['HTTP@www.example.test'],
    ['HTTP/www.example.test@EXAMPLE.TEST'],
    ['HTTP@'],
    [['HTTP@www.example.test', 'cifs@other.example.test']],
  ])('so that %j accepts no other tickets', async (service) => {
    const credential = await acquireCredential({ keytab, service });
    const acceptor = createAcceptor({ credential, clock, random });
    const ours = await acceptor.begin().accept(begin(mint('HTTP@www.example.test')));
    expect(outcomeOf(ours)).toBe('complete');
    const others = [mint('host@www.example.test'), mint('krbtgt/EXAMPLE.TEST@EXAMPLE.TEST')];
    for (const other of others) {
      // Anyone can write the unencrypted fields of a ticket.
      const serverName = parsePrincipal('HTTP/www.example.test@EXAMPLE.TEST');
      for (const ticket of [other, { ...other, ticket: { ...other.ticket, serverName } }]) {
        expect((await acceptor.begin().accept(begin(ticket))).status).toBe('failed');
      }
    }
  });

  it('and no ticket encrypted in the session key of another ticket', async () => {
    const { acceptor } = await makeParties({ keytab, service: 'HTTP@' });
    const seen = mint('HTTP@www.example.test');
    expect(outcomeOf(await acceptor.begin().accept(begin(seen)))).toBe('complete');
    const stolen = {
      version: 2 as const,
      entries: [{ ...keytab.entries[1]!, key: seen.sessionKey }],
    };
    const forged = mintTicket({ keytab: stolen, client: 'root@EXAMPLE.TEST', clock, random });
    expect((await acceptor.begin().accept(begin(forged))).status).toBe('failed');
  });

  it('and no user-to-user ticket, with the flag or without', async () => {
    const { begin: open, ticket } = await makeParties();
    const { sessionKey } = ticket;
    const plain = new Uint8Array(16);
    const apReq = encodeApReq({
      apOptions: 0x6000_0000,
      ticket: ticket.ticket,
      authenticator: { enctype: 18, cipher: sessionKey.encrypt(11, plain, random) },
    });
    const said = await open().accept(frameToken(Mechanism.krb5, TokenId.apReq, apReq));
    expect(outcomeOf(said)).toBe('KRB_AP_ERR_NOKEY');
    const sealed = EncryptionKey.generate(18, seededRandom(77));
    const own = makeKeytab();
    const unsaid = { ...own, entries: [{ ...own.entries[0]!, key: sealed }] };
    const other = mintTicket({ keytab: unsaid, client: 'alice', clock, random });
    expect((await open().accept(begin(other))).status).toBe('failed');
  });

  it.each([
    [0, 'complete'],
    [1, 'complete'],
    // Old keytabs store the low 8 bits.
    [257, 'complete'],
    [2, 'failed'],
    [0x7fff_ffff, 'failed'],
    [0xffff_ffff, 'failed'],
  ])('of key version %i: %s', async (kvno, expected) => {
    const service = 'host/server.example.test@EXAMPLE.TEST';
    expect((await attempt({ service, ticket: { kvno } })).status).toBe(expected);
  });
});

describe('a forwarded ticket with addresses', () => {
  const address = { type: 2, address: Uint8Array.of(10, 0, 0, 1) };

  it.each([
    ['the same', address, 'complete'],
    ['another', { type: 2, address: Uint8Array.of(10, 0, 0, 2) }, 'KRB_AP_ERR_BADADDR'],
    ['of another type', { type: 24, address: address.address }, 'KRB_AP_ERR_BADADDR'],
    ['unknown', undefined, 'KRB_AP_ERR_BADADDR'],
  ])('where the peer is %s: %3$s', async (_, peerAddress, expected) => {
    const result = await attempt({
      ticket: { addresses: [address], flags: TicketFlag.forwarded },
      acceptor: { checkAddresses: true },
      handshake: peerAddress ? { peerAddress } : {},
    });
    expect(outcomeOf(result)).toBe(expected);
  });
});
