/** gss-inspect as a program: what it reads, prints and returns. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fromHex } from '../../../src/bytes.ts';
import { Program } from '../../support/program.ts';
import type { Transcript } from '../../support/transcript.ts';

const directory = mkdtempSync(join(tmpdir(), 'gss-inspect-'));
afterAll(() => rmSync(directory, { recursive: true }));

const path = new URL('../../../fixtures/transcripts/mit-etype18-spnego.json', import.meta.url);
const transcript = JSON.parse(readFileSync(path, 'utf8')) as Transcript;
const token = Buffer.from(transcript.steps[0]!.token, 'hex');
const header = `Authorization: Negotiate ${token.toString('base64')}\n`;
const time = new Date(transcript.clock).toISOString();

function file(name: string, contents: string | Uint8Array): string {
  const place = join(directory, name);
  writeFileSync(place, contents);
  return place;
}

const keytab = file('http.keytab', fromHex(transcript.keytab));

async function run(args: readonly string[], input: string | Uint8Array = '') {
  await using program = new Program(args, { name: 'gss-inspect' });
  program.process.stdin!.end(input);
  const code = await program.ended;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

describe('gss-inspect', () => {
  it('lays out a header from a pipe, and tells the verdict at the end', async () => {
    const { code, stdout } = await run(['-keytab', keytab, '-time', time], header);
    expect(code).toBe(0);
    expect(stdout).toContain('Authorization: Negotiate  [RFC 4559 §4]');
    expect(stdout).toMatch(
      /^ +87 +470 .*ticket: etype18\/localhost@EXAMPLE\.TEST {2}\[RFC 4120 §5\.3\]$/m,
    );
    expect(stdout).toContain('keyvalue: 32 bytes, hidden');
    expect(stdout.trim().split('\n').slice(-7, -5)).toEqual([
      `Verdict as of ${time.replace(/\.\d+/, '')}, HTTP status 200:`,
      '  The acceptor takes it: the client is alice@EXAMPLE.TEST.',
    ]);
  });

  it('reads files, and several tokens of an exchange', async () => {
    const files = transcript.steps.slice(0, 3).map((step, i) => file(`${i}`, fromHex(step.token)));
    const { code, stdout } = await run(['-keytab', `FILE:${keytab}`, '-time', time, ...files]);
    expect(code).toBe(0);
    expect(stdout).toContain('message, encrypted, checksum good');
  });

  it('prints JSON, and secrets where they are asked for', async () => {
    const args = ['-keytab', keytab, '-time', time, '-json'];
    const closed = await run(args, token);
    const { items, verdict } = JSON.parse(closed.stdout);
    expect(items[0]).toMatchObject({ label: 'GSS-API token', offset: 0, length: token.length });
    expect(verdict).toMatchObject({ outcome: 'accepted' });
    expect(closed.stdout).toContain('"secret": true');
    const open = await run([...args, '-secrets'], token);
    expect(open.stdout).not.toContain('"secret": true');
  });

  it('returns 2 for a refusal or something malformed, 1 where it cannot begin', async () => {
    const refused = await run(['-keytab', keytab, '-token', header.trim()]);
    expect(refused).toMatchObject({ code: 2, stdout: expect.stringContaining('As of 2026-11-23') });
    expect((await run([], 'no token at all !?')).code).toBe(2);
    expect(await run(['/nowhere/token'])).toMatchObject({
      code: 1,
      stderr: 'gss-inspect: /nowhere/token: No such file or directory\n',
    });
    expect(await run(['-keytab', file('text', 'not a keytab')], header)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no keytab that can be read: it is text'),
    });
    expect(await run(['-colour'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('unknown option -colour\nUsage: gss-inspect'),
    });
  });
});
