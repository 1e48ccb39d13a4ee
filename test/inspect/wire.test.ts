/** Relays, fallbacks, SASL and what carries tokens: laid out, judged, and without their secrets. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { concatBytes, encodeUtf8, fromHex } from '../../src/bytes.ts';
import { formatInspection } from '../../src/inspect/format-text.ts';
import { inspect } from '../../src/inspect/inspect.ts';
import { problemsOf } from '../../src/inspect/item.ts';
import { NOW } from '../support/realm-kit.ts';
import { SecretSearch } from '../support/secrets.ts';
import type { Transcript } from '../support/transcript.ts';
import { itemsOf, values } from './support.ts';
import type { WireSample } from './wire-samples.ts';
import { der, wireSamples } from './wire-samples.ts';

const samples = await wireSamples();
const names = Object.keys(samples);

async function layOut(name: string, options: { readonly secrets?: boolean } = {}) {
  const { inputs, keytab } = samples[name]!;
  return await inspect(inputs, { now: NOW, ...(keytab && { keytab }), ...options });
}

const fixtures = new URL('../../fixtures/transcripts/', import.meta.url);
// One of each format of messages.
const transcripts = ['mit-etype18-spnego.json', 'mit-etype23-dce.json', 'heimdal-etype16.json'];

function recorded(name: string): WireSample {
  const { steps, keytab } = JSON.parse(readFileSync(new URL(name, fixtures), 'utf8')) as Transcript;
  return { inputs: steps.map(({ token }) => fromHex(token)), keytab: fromHex(keytab) };
}

describe('what is met on the wire', () => {
  it.each(names)('%s is laid out without a problem', async (name) => {
    const inspection = await layOut(name);
    expect(inspection.items.flatMap(problemsOf)).toEqual([]);
    const unknown = itemsOf(inspection).filter(({ label }) => /unknown/.test(label));
    expect(unknown).toEqual([]);
  });

  it.each(['iakerb', 'iakerb, old'])(
    '%s: headers, messages for the KDC, checksum',
    async (name) => {
      const inspection = await layOut(name);
      expect(new Set(values(inspection, 'target-realm'))).toEqual(new Set(['EXAMPLE.TEST']));
      for (const label of ['AS-REQ', 'AS-REP', 'TGS-REQ', 'TGS-REP', 'AP-REQ', 'AP-REP']) {
        expect(values(inspection, label), label).not.toEqual([]);
      }
      expect(values(inspection, 'KRB-ERROR')[0]).toContain('KDC_ERR_PREAUTH_REQUIRED (25)');
      expect(values(inspection, 'type').join()).toContain('GSS_EXTS_FINISHED');
      expect(values(inspection, 'gss-mic').length).toBe(1);
      expect(inspection.verdict).toMatchObject({ outcome: 'unknown', reason: 'iakerb.off' });
    },
  );

  it('a ticket that the keytab does not open is said not to open', async () => {
    const inspection = await layOut('iakerb');
    expect(values(inspection, 'EncTicketPart')).toContain(
      'not decrypted: the key of aes256-cts-hmac-sha1-96 in the keytab does not open it',
    );
  });

  it('Late Fallback: the lists of both sides, and the error of the first mechanism', async () => {
    const inspection = await layOut('late fallback');
    expect(values(inspection, 'supportedMechs').length).toBeGreaterThan(0);
    expect(values(inspection, 'mechanism').join()).toContain('Late Fallback');
    expect(values(inspection, 'KRB-ERROR')[0]).toContain('KRB_AP_ERR_TKT_EXPIRED (32)');
    // At the time of the token the ticket had expired too: one verdict says it.
    expect(inspection.verdict).toMatchObject({ reason: 'ticket.expired' });
    expect(inspection.verdict?.whenMade).toBeUndefined();
  });

  it('user-to-user: the request for a ticket, and the ticket', async () => {
    const request = await layOut('user-to-user request');
    expect(values(request, 'server-name')).toEqual(['host/www, NT-SRV-INST (2)']);
    expect(request.verdict).toMatchObject({ reason: 'negotiate.user-to-user-only' });
    const reply = await layOut('user-to-user reply');
    expect(values(reply, 'msg-type')).toEqual(['KERB-TGT-REPLY (17)']);
    expect(values(reply, 'ticket')).toEqual(['host/server.example.test@EXAMPLE.TEST']);
  });

  it.each([
    ['GS2-KRB5', 'n, the client does not support them'],
    ['GS2-KRB5-PLUS', 'p, bound to the channel: tls-exporter'],
  ])('%s: the header, and a verdict on the token behind it', async (mechanism, bindings) => {
    const inspection = await layOut(`SASL ${mechanism}`);
    expect(values(inspection, 'channel bindings')).toEqual([bindings]);
    expect(inspection.verdict).toMatchObject({ outcome: 'accepted' });
    const identity = values(inspection, 'authorization identity');
    expect(identity).toEqual(mechanism === 'GS2-KRB5-PLUS' ? ['a,b=c'] : []);
  });

  it('GS2 with a token that has a header of its own', async () => {
    const [token] = samples['SASL GSSAPI']!.inputs;
    const inspection = await inspect(concatBytes(encodeUtf8('F,y,,'), token!), {
      now: NOW,
      keytab: samples['SASL GSSAPI']!.keytab!,
    });
    expect(values(inspection, 'F')).toEqual(['the token has its own header']);
    expect(inspection.verdict).toMatchObject({ outcome: 'accepted' });
  });

  it('SASL: the layers that both sides state, and frames', async () => {
    const inspection = await layOut('SASL GSSAPI');
    const [offer, choice] = values(inspection, 'if SASL negotiates with it');
    expect(offer).toMatch(
      /^security layers: none, integrity, confidentiality \(0x07\); at most \d+/,
    );
    expect(choice).toMatch(/^security layers: confidentiality \(0x04\)/);
    const frame = samples['SASL GSSAPI']!.inputs.at(-1)!;
    expect(values(inspection, 'frames of a security layer').length).toBe(1);
    const two = await inspect(concatBytes(frame, frame), { now: NOW });
    expect(values(two, 'Wrap token').length).toBe(2);
    expect(two.items.flatMap(problemsOf)).toEqual([]);
  });

  it.each([
    ['SMTP', 'AUTH GSSAPI'],
    ['IMAP', 'AUTHENTICATE GSSAPI'],
    ['XMPP', '<auth>'],
  ])('%s: the command, and a verdict', async (name, label) => {
    const inspection = await layOut(name);
    expect(inspection.items.map((item) => item.label)).toEqual([label]);
    expect(inspection.verdict).toMatchObject({ outcome: 'accepted' });
  });

  it.each([
    ['bind of LDAP', 'ASN.1'],
    ['a token in other bytes', 'bytes with a token in them'],
  ])('%s: the token in it is found and judged', async (name, label) => {
    const inspection = await layOut(name);
    expect(inspection.items[0]).toMatchObject({ label });
    expect(values(inspection, 'GSS-API token')).toEqual(['Kerberos V5']);
    expect(inspection.verdict).toMatchObject({ outcome: 'accepted' });
  });

  it('messages to and from a KDC: PA-DATA, and no verdict, since no acceptor takes them', async () => {
    const fast = await layOut('FAST request');
    expect(values(fast, 'include-pac')).toEqual(['true']);
    expect(values(fast, 'flags')).toEqual(['resourceBasedConstrainedDelegation (0x10000000)']);
    expect(values(fast, 'userName')).toEqual(['host/www, NT-SRV-INST (2)']);
    expect(values(fast, 'enc-fast-req').length).toBe(1);
    expect(fast.verdict).toBeUndefined();
    const error = await layOut('KDC error');
    expect(values(error, 'padata-value')).toContain(
      'arcfour-hmac, aes128-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96 (0x0000001c)',
    );
    const proxied = await layOut('KDC-PROXY-MESSAGE');
    expect(values(proxied, 'target-domain')).toEqual(['EXAMPLE.TEST']);
    expect(values(proxied, 'till')).toEqual(['1970-01-01T00:00:00Z, as long as possible']);
  });

  it('inputs of several files have the names of the files', async () => {
    const { inputs } = samples['SASL GSSAPI']!;
    const files = ['first.token', 'answer\u001b[2J'];
    const inspection = await inspect(inputs.slice(0, 2), { now: NOW, names: files });
    const text = formatInspection(inspection, 'now');
    expect(text).toContain('\n-- 1 of 2: first.token --\n');
    expect(text).toContain('\n-- 2 of 2: answer\\x1b[2J --\n');
  });

  it('frames in frames in frames end', async () => {
    let bytes = new Uint8Array(der(0x60, Uint8Array.of(1, 2, 3)));
    for (let i = 0; i < 3000; i++) {
      const framed = new Uint8Array(bytes.length + 4);
      new DataView(framed.buffer).setUint32(0, bytes.length);
      framed.set(bytes, 4);
      bytes = framed;
    }
    const inspection = await inspect(bytes, { now: NOW });
    expect(itemsOf(inspection).length).toBeLessThan(100);
  });
});

describe('secrets of what is met on the wire', () => {
  it.each([...names, ...transcripts])('%s: what is hidden shows nowhere else', async (name) => {
    const { inputs, keytab } = samples[name] ?? recorded(name);
    const options = { now: NOW, shownBytes: 65_536, ...(keytab && { keytab }) };
    const closed = await inspect(inputs, options);
    const open = itemsOf(await inspect(inputs, { ...options, secrets: true }));
    const hidden = itemsOf(closed).flatMap((item, i) =>
      item.secret === true && item.length! >= 8 ? [`${open[i]!.value}`] : [],
    );
    const search = new SecretSearch(
      Object.fromEntries(hidden.map((value, i) => [`${i}`, bytesOf(value)])),
    );
    expect(search.inText(JSON.stringify(closed))).toEqual([]);
    expect(search.inText(formatInspection(closed, 'now'))).toEqual([]);
    expect(JSON.stringify(closed)).not.toContain('hunter2');
    expect(itemsOf(closed).length).toBe(open.length);
  });

  it('are the message in a frame, all of an exported context, and keys', async () => {
    const frames = await layOut('SASL GSSAPI', { secrets: true });
    expect(values(frames, 'message, encrypted, checksum good')).toEqual(['"hunter2 hunter2"']);
    const exported = await layOut('exported context');
    expect(exported.items[0]).toMatchObject({
      secret: true,
      value: expect.stringMatching(/hidden$/),
    });
    const keys = itemsOf(await layOut('iakerb')).filter(({ label }) => label === 'keyvalue');
    expect(keys.length).toBeGreaterThan(3);
    expect(keys.every(({ secret }) => secret === true)).toBe(true);
  });
});

/** The bytes of a value in hexadecimal, or of a text in quotation marks. */
function bytesOf(value: string): Uint8Array {
  if (value.startsWith('"')) return encodeUtf8(JSON.parse(value) as string);
  return new Uint8Array(Buffer.from(value, 'hex'));
}
