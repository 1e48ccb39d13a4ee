import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Practice, SITUATIONS } from '../../../src/cli/demo-http/practice.ts';

let practice: Practice;
beforeAll(async () => {
  practice = await Practice.open();
});
afterAll(() => practice.close());

const OUTCOMES = {
  'signed-on': 'Alice Liddell',
  'no-ticket': 'Your browser did not sign on',
  ntlm: 'Your browser sent NTLM instead of Kerberos',
  'wrong-name': 'Your ticket is for another service',
  'clock-skew': 'The clocks of your machine and the server differ',
  'stale-keytab': 'The server’s keytab and your ticket have different key versions',
  'wrong-key': 'The server’s key does not open your ticket',
  replay: 'This request was sent twice',
  expired: 'Your ticket has expired',
  'cut-header': 'What the browser sent arrived damaged',
} as const;

describe('the practice client', () => {
  it.each(Object.entries(OUTCOMES))('in the situation %s ends with: %s', async (id, outcome) => {
    const result = await practice.play(id);
    const report = result!.report;
    expect(report.outcome === 'authenticated' ? report.name : report.explanation.title).toBe(
      outcome,
    );
  });

  it('knows these situations and no other', async () => {
    expect(SITUATIONS.map(({ id }) => id)).toEqual(Object.keys(OUTCOMES));
    expect(await practice.play('toString')).toBeUndefined();
  });

  it('has as many that fail as README.md says', () => {
    expect(SITUATIONS).toHaveLength(1 + 9);
    expect(readFileSync('README.md', 'utf8')).toContain('explains nine that fail');
  });

  it('can repeat each, and shows no token', async () => {
    for (const { id } of SITUATIONS) {
      const [first, second] = [await practice.play(id), await practice.play(id)];
      expect(second!.wire.map(({ response }) => response)).toHaveLength(first!.wire.length);
      expect(second!.report.outcome).toBe(first!.report.outcome);
      // Base64 and hexadecimal of any token or key are longer than the words of the page.
      expect(JSON.stringify(second)).not.toMatch(/[A-Za-z0-9+/]{60}|[0-9a-f]{32}/);
    }
  });

  it('says what went over the wire', async () => {
    const { wire } = (await practice.play('replay'))!;
    expect(wire.map(({ response }) => response.slice(0, 3))).toEqual(['200', '403']);
    expect(wire[0]!.request).toMatch(
      /^GET \/ with Authorization: Negotiate and a token of \d+ characters$/,
    );
    expect((await practice.play('ntlm'))!.wire[0]).toEqual({
      request: 'GET / without Authorization',
      response: '401 Unauthorized with WWW-Authenticate: Negotiate',
    });
  });

  it('reports names, groups, times, flags and enctypes of the ticket', async () => {
    const { report } = (await practice.play('signed-on'))!;
    const sections = report.outcome === 'authenticated' ? report.sections : [];
    const shown = new Map(
      sections.flatMap(({ rows }) => rows.map(({ label, values }) => [label, values] as const)),
    );
    expect(sections.map(({ title }) => title)).toEqual([
      'Who you are',
      'Your groups (4)',
      'Your ticket',
      'Encryption',
      'Connection',
    ]);
    expect(shown.get('Principal')).toEqual(['alice@EXAMPLE.ORG']);
    expect(shown.get('SID')).toEqual(['S-1-5-21-1004336348-1177238915-682003330-1104']);
    expect(shown.get('Domain Users')).toEqual(['S-1-5-21-1004336348-1177238915-682003330-513']);
    expect(shown.get('For the service')).toEqual(['HTTP/practice.example.org@EXAMPLE.ORG']);
    expect(shown.get('Valid until')).toEqual([{ time: expect.any(String), note: 'in 10 hours' }]);
    expect(shown.get('Flags')?.[0]).toMatch(/^initial: /);
    expect(shown.get('Session key')).toEqual(['aes256-cts-hmac-sha1-96']);
    expect(shown.get('Bound to TLS')).toEqual(['no: this is plain HTTP']);
  });
});
