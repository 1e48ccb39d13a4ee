/** What the inspector makes of real exchanges, of broken ones, and of secrets. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeUtf8, fromHex, toHex } from '../../src/bytes.ts';
import { frameToken, TokenId } from '../../src/gss/framing.ts';
import { Mechanism } from '../../src/gss/mechanism.ts';
import { exportName, formatKeytab } from '../../src/index.ts';
import { formatInspection } from '../../src/inspect/format-text.ts';
import type { InspectOptions } from '../../src/inspect/inspect.ts';
import { inspect } from '../../src/inspect/inspect.ts';
import { problemsOf } from '../../src/inspect/item.ts';
import { encodeKrbError } from '../../src/messages/krb-error.ts';
import { Prng } from '../fuzz/prng.ts';
import type { DomainTickets } from '../support/domain-ticket.ts';
import { establish, makeKeytab, makeParties, NOW, NOW_SECONDS } from '../support/realm-kit.ts';
import { SecretSearch } from '../support/secrets.ts';
import type { Transcript } from '../support/transcript.ts';
import { delegating, expectSound, itemsOf, sampleCache, values } from './support.ts';

const fixtures = new URL('../../fixtures/', import.meta.url);
const readJson = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(path, fixtures), 'utf8'));
const transcripts = readdirSync(new URL('transcripts/', fixtures));
const samba = readJson('samba/tickets.json') as DomainTickets;

describe('a recorded exchange', () => {
  it.each(transcripts)('%s is laid out, decrypted, and judged', async (name) => {
    const transcript = readJson(`transcripts/${name}`) as Transcript;
    const options: InspectOptions = {
      keytab: fromHex(transcript.keytab),
      now: transcript.clock,
      weak: true,
    };
    const tokens = transcript.steps.map(({ token }) => fromHex(token));
    const inspection = await inspect(tokens, options);
    expectSound(inspection);
    expect(inspection.items.flatMap(problemsOf)).toEqual([]);
    const closed = itemsOf(inspection).filter(({ value = '' }) =>
      /^not (?:decrypted|opened)/.test(value),
    );
    expect(closed).toEqual([]);
    const [client, realm] = transcript.client.split('@');
    expect(values(inspection, 'cname')[0]).toContain(client);
    expect(values(inspection, 'crealm')).toContain(realm);
    const messages = transcript.steps.filter(({ kind }) => kind.endsWith('wrap')).length;
    const opened = itemsOf(inspection).filter(({ label }) =>
      /^message, .*checksum good$/.test(label),
    );
    expect(opened.length).toBe(messages);
    const verdict = inspection.verdict!;
    if (name.includes('dce')) expect(verdict.outcome).toBe('continues');
    else expect(verdict.text).toContain(transcript.client);
  });

  it('is laid out without its keytab too, and the verdict says what is missing', async () => {
    const transcript = readJson('transcripts/mit-etype18-spnego.json') as Transcript;
    const inspection = await inspect(fromHex(transcript.steps[0]!.token), {
      now: transcript.clock,
    });
    expect(values(inspection, 'sname')).toEqual(['etype18/localhost, NT-PRINCIPAL (1)']);
    expect(values(inspection, 'EncTicketPart')[0]).toContain('needs the keytab');
    expect(inspection.verdict).toMatchObject({ outcome: 'unknown' });
  });

  it('has a second verdict, at its own time, when it is old', async () => {
    const transcript = readJson('transcripts/mit-etype18-spnego.json') as Transcript;
    const { verdict } = await inspect(fromHex(transcript.steps[0]!.token), {
      keytab: fromHex(transcript.keytab),
      now: transcript.clock + 86_400_000,
    });
    expect(verdict).toMatchObject({
      outcome: 'refused',
      // Client and KDC agree that the ticket is valid: by the token alone, it is this clock that is wrong.
      reason: 'clock.server-ahead',
      whenMade: { outcome: 'accepted' },
    });
    expect(verdict!.remedies.length).toBeGreaterThan(0);
    expect(verdict!.facts.join()).toContain('KRB_AP_ERR_TKT_EXPIRED');
  });

  it('can be asked about as often as one likes: no replay cache knows it', async () => {
    const { keytab, initiator } = await makeParties();
    const token = initiator.begin();
    for (let i = 0; i < 3; i++) {
      const { verdict } = await inspect(token, { keytab: formatKeytab(keytab), now: NOW });
      expect(verdict?.outcome).toBe('accepted');
    }
  });
});

describe("Samba's tickets", () => {
  it.each(samba.tickets)('of $user for $service show SIDs, and good signatures', async (ticket) => {
    const keytab = fromHex(samba.keytab + samba.kdcKeytab.slice(4));
    const inspection = await inspect(fromHex(ticket.token), {
      keytab,
      now: ticket.clock,
      weak: true,
    });
    expectSound(inspection);
    expect(inspection.items.flatMap(problemsOf)).toEqual([]);
    const signatures = itemsOf(inspection).filter(({ label }) => / signature \(\d+\)$/.test(label));
    expect(signatures.map(({ value }) => value)).toEqual(['good', 'good', 'good', 'good']);
    expect(values(inspection, 'user')[0]).toContain(ticket.sid);
    const groups = values(inspection, 'group').join('\n');
    const own = ticket.tokenGroups.filter(
      (sid) => sid.startsWith(`${samba.domainSid}-`) && sid !== ticket.sid,
    );
    for (const sid of own.filter((each) => !each.endsWith('-513'))) expect(groups).toContain(sid);
    expect(inspection.verdict?.text).toContain(`${ticket.user}@AD.EXAMPLE.TEST`);
  });

  it("say which signatures need the KDC's key, and which are wrong", async () => {
    const [ticket] = samba.tickets;
    const options = { keytab: fromHex(samba.keytab), now: ticket!.clock };
    const inspection = await inspect(fromHex(ticket!.token), options);
    expect(values(inspection, 'server signature (6)')).toEqual(['good']);
    expect(values(inspection, 'KDC signature (7)')[0]).toMatch(
      /^not judged: needs the key of krbtgt/,
    );
  });
});

describe('each kind of token', () => {
  it('KRB-ERROR is read out', async () => {
    const eData = fromHex('3015a103020103a20e040c3401 00c0 00000000 01000000'.replaceAll(' ', ''));
    const error = encodeKrbError({
      stime: NOW_SECONDS,
      susec: 5,
      ctime: NOW_SECONDS - 600,
      errorCode: 37,
      realm: 'EXAMPLE.TEST',
      serverName: { nameType: 3, components: ['HTTP', 'www'] },
      eText: 'clock\u001b[2J',
      eData,
    });
    const token = frameToken(Mechanism.krb5, TokenId.krbError, error);
    const inspection = await inspect(token, { now: NOW });
    expectSound(inspection);
    const [said] = values(inspection, 'KRB-ERROR');
    expect(said).toContain('KRB_AP_ERR_SKEW (37): Clock skew too great');
    expect(said).toContain('e-text "clock\\x1b[2J"');
    expect(said).toContain('the request was made at 2026-06-01T11:50:00Z');
    expect(inspection.verdict?.outcome).toBe('refused');
  });

  it('KRB-ERROR with METHOD-DATA and TYPED-DATA names their elements', async () => {
    const methodData =
      '303e303ca103020113a235043330313009a003020112a1021b003024a003020111a11d1b1b4558414d504c452e544553546e6f742d7468652d64656661756c74';
    const bytes = (eData: string) =>
      encodeKrbError({
        stime: NOW_SECONDS,
        susec: 0,
        errorCode: 25,
        realm: 'EXAMPLE.TEST',
        serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] },
        eData: fromHex(eData),
      });
    const method = await inspect(bytes(methodData), { now: NOW });
    expect(values(method, 'padata-type')).toEqual(['PA-ETYPE-INFO2 (19)']);
    expect(values(method, 'etype')).toEqual([
      'aes256-cts-hmac-sha1-96 (18)',
      'aes128-cts-hmac-sha1-96 (17)',
    ]);
    expect(values(method, 'salt')).toContain('EXAMPLE.TESTnot-the-default');
    const typed = await inspect(bytes('300f300da00402020085a1050403010203'), { now: NOW });
    expect(values(typed, 'data-type')).toEqual(['PA-FX-COOKIE (133)']);
    const extended = await inspect(bytes('3015a103020103a20e040c8b0100c00000000001000000'), {
      now: NOW,
    });
    expect(values(extended, 'data-value')).toEqual(['STATUS_NO_TRUST_SAM_ACCOUNT (0xc000018b)']);
  });

  it('NTLM is named, and its responses are hidden', async () => {
    const negotiate = 'TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAbEdAAAADw==';
    const inspection = await inspect(`Authorization: NTLM ${negotiate}`, { now: NOW });
    expect(values(inspection, 'MessageType')).toEqual(['NEGOTIATE_MESSAGE (1)']);
    expect(values(inspection, 'Version')).toEqual(['Windows 6.1, build 7601']);
    expect(inspection.verdict).toMatchObject({ outcome: 'refused', status: 401 });
    expect(inspection.verdict?.facts.join()).toContain('NTLM_RECEIVED');
    const response = Uint8Array.from({ length: 24 }, (_, i) => 0xa0 + i);
    const authenticate = Buffer.alloc(64 + 24);
    authenticate.write('NTLMSSP\0', 'latin1');
    authenticate[8] = 3;
    authenticate.set([24, 0, 24, 0, 64, 0, 0, 0], 20);
    authenticate.set(response, 64);
    const third = await inspect(new Uint8Array(authenticate), { now: NOW });
    expect(new SecretSearch({ response }).inValue(third)).toEqual([]);
    expect(values(third, 'MessageType')).toEqual(['AUTHENTICATE_MESSAGE (3)']);
  });

  it('a delegated credential is opened down to its session key', async () => {
    const { keytab, initiator } = await delegating();
    const options = { keytab: formatKeytab(keytab), now: NOW };
    const inspection = await inspect(initiator.begin(), options);
    expect(inspection.items.flatMap(problemsOf)).toEqual([]);
    expect(values(inspection, 'EncKrbCredPart').length).toBe(1);
    expect(values(inspection, 'sname')).toContain('krbtgt/EXAMPLE.TEST, NT-SRV-INST (2)');
    expect(inspection.verdict?.facts).toContain('delegated credential: yes');
  });

  it('an exported name, a MIC, and a message with its length before it', async () => {
    const { client } = await establish();
    const name = await inspect(exportName(client.initiator), { now: NOW });
    expect(values(name, 'name')).toEqual(['alice@EXAMPLE.TEST']);
    expect(values(name, 'mechanism')[0]).toContain('Kerberos V5');
    const mic = await inspect(client.getMic(Uint8Array.of(1)), { now: NOW });
    expect(values(mic, 'TOK_ID')).toEqual(['MIC (04 04)']);
    const framed = await inspect(
      Buffer.concat([Buffer.from([0, 0, 0, 5]), Buffer.from('6e03020101', 'hex')]),
      {
        now: NOW,
      },
    );
    expect(framed.items[0]?.label).toBe('message with its length before it');
  });
});

describe('malformed input is shown as far as it can be read', () => {
  it('a token that is cut off', async () => {
    const { keytab, initiator } = await makeParties();
    const token = initiator.begin();
    const inspection = await inspect(token.subarray(0, 200), {
      keytab: formatKeytab(keytab),
      now: NOW,
    });
    expectSound(inspection);
    expect(values(inspection, 'sname')).toEqual(['host/server.example.test, NT-PRINCIPAL (1)']);
    expect(inspection.items.flatMap(problemsOf).join('\n')).toMatch(
      /truncated: \d+ bytes are missing/,
    );
    expect(inspection.verdict?.outcome).toBe('refused');
  });

  it('BER that the strict reader refuses is read with asn1js', async () => {
    // AuthorizationData with an indefinite length, and a constructed OCTET STRING in it.
    const ber = '3080 3011 a003020101 a10a 2408 0402 3000 0402 0000 0000'.replaceAll(' ', '');
    const inspection = await inspect(fromHex(ber), { now: NOW });
    expect(values(inspection, 'ad-type')).toEqual(['AD-IF-RELEVANT (1)']);
    expect(inspection.items.flatMap(problemsOf).join()).toContain('indefinite length');
  });

  it('indefinite lengths one after the other are each read once', async () => {
    const each = '3080 0000'.replaceAll(' ', '');
    const inspection = await inspect(fromHex(`3082ffff${each.repeat(2000)}`), { now: NOW });
    expectSound(inspection);
    expect(values(inspection, 'SEQUENCE').length).toBe(2000);
  });

  it('nesting has an end', async () => {
    let deep: Uint8Array = Uint8Array.of(0x30, 0);
    for (let i = 0; i < 12_000; i++) {
      const length = deep.length;
      deep = Uint8Array.of(0x30, 0x83, length >> 16, length >> 8, length, ...deep);
      if (deep.length > 20_000) break;
    }
    expectSound(await inspect(deep, { now: NOW }));
    const wide = new Uint8Array(200_000).fill(5);
    for (let i = 1; i < wide.length; i += 2) wide[i] = 0;
    wide.set([0x30, 0x83, 3, 13, 0x3b]);
    expectSound(await inspect(wide, { now: NOW }));
  });
});

describe('secrets', () => {
  it.each([18, 20, 26])('of enctype %i show on request only', async (enctype) => {
    const { keytab, initiator, ticket, tgtKey } = await delegating(enctype);
    const exported = formatKeytab(keytab);
    const service = keytab.entries[0]!.key.bytes();
    const token = initiator.begin();
    const cache = await sampleCache();
    const search = new SecretSearch({
      service,
      session: ticket.sessionKey.bytes(),
      delegated: tgtKey,
    });
    const inputs = [token, exported, cache];
    for (const [i, input] of inputs.entries()) {
      const options = { keytab: exported, now: NOW };
      const inspection = await inspect(input, options);
      expect(inspection.items.flatMap(problemsOf)).toEqual([]);
      expect(search.inValue(inspection), `${i}`).toEqual([]);
      expect(search.inText(formatInspection(inspection, 'now')), `${i}`).toEqual([]);
      const open = await inspect(input, { ...options, secrets: true });
      expect(search.inValue(open), `${i}`).not.toEqual([]);
    }
  });

  it('of a message, too', async () => {
    const keytab = makeKeytab();
    const { initiator, begin } = await makeParties({ keytab });
    const first = initiator.begin();
    const result = await begin().accept(first);
    if (result.status !== 'complete') throw new Error(result.status);
    const client = initiator.finish(result.outputToken);
    const message = encodeUtf8('the password is hunter2');
    const tokens = [first, result.outputToken!, client.wrap(message)];
    const options = { keytab: formatKeytab(keytab), now: NOW };
    const search = new SecretSearch({ message });
    const closed = await inspect(tokens, options);
    expect(search.inValue(closed)).toEqual([]);
    const open = await inspect(tokens, { ...options, secrets: true });
    expect(JSON.stringify(open)).toContain('the password is hunter2');
  });

  it('in damaged keytabs and credential caches stay hidden', async () => {
    const prng = new Prng(7);
    const keytab = makeKeytab({}, { kvno: 2, seed: 8 });
    const cache = await sampleCache();
    const { tgtKey } = await delegating();
    const search = new SecretSearch({
      first: keytab.entries[0]!.key.bytes(),
      second: keytab.entries[1]!.key.bytes(),
      delegated: tgtKey,
    });
    for (const bytes of [formatKeytab(keytab), cache]) {
      for (let i = 0; i < 300; i++) {
        const damaged = bytes.slice(0, prng.chance(0.3) ? prng.below(bytes.length) : bytes.length);
        if (damaged.length > 8) damaged[2 + prng.below(60)] = prng.u32();
        const inspection = await inspect(damaged, { now: NOW });
        expect(search.inText(JSON.stringify(inspection)), toHex(damaged)).toEqual([]);
      }
    }
  });

  it('of other schemes stay hidden: passwords and bearer tokens', async () => {
    for (const header of [
      'Authorization: Basic YWxpY2U6aHVudGVyMg==',
      'authorization: Bearer eyJhbGciOiJIUzI1NiJ9',
    ]) {
      const text = JSON.stringify(await inspect(header, { now: NOW }));
      expect(text).not.toMatch(/YWxpY2U|hunter2|eyJhbGciOi/);
      expect(text).toContain('hidden');
    }
  });
});
