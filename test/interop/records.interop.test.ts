/** The records, the JSON log, the report and the trace of gss-server, with a KDC and MIT's gss-client. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runGssClient } from '../support/gss-client.ts';
import { have, kinit } from '../support/realm.ts';
import { startServer } from '../support/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'records-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SERVICE = 'host/localhost@EXAMPLE.TEST';
const AES = 'aes256-cts-hmac-sha1-96';

interface Line {
  readonly time: string;
  readonly event: string;
  readonly reason?: string;
}

function readLog(path: string): Line[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe.runIf(have('gss-client'))('gss-server', () => {
  it('writes a record of each client to its log, as JSON, and a report at the end', async () => {
    const user = await (await kinit()).fetchTickets('host');
    const logfile = join(folder, 'log.json');
    const report = join(folder, 'report.json');
    const flags = ['-log', 'json', '-logfile', logfile, '-report', report];
    const server = await startServer({ flags });
    await runGssClient({ port: server.port, user });
    await server.untilPrinted('Accepted connection: "');
    server.process.kill('SIGTERM');
    await server.ended();
    const lines = readLog(logfile);
    for (const { time } of lines) expect(new Date(time).toISOString()).toBe(time);
    expect(lines.filter(({ event }) => event !== 'line')).toEqual([
      {
        time: expect.any(String),
        event: 'accepted',
        connection: expect.any(Number),
        peer: expect.stringMatching(/^(127\.0\.0\.1|\[::1\]):\d+$/),
        client: expect.stringMatching(/@EXAMPLE\.TEST$/),
        service: SERVICE,
        kvno: 1,
        enctype: AES,
        sessionEnctype: AES,
        messageEnctype: AES,
        flags: expect.arrayContaining(['mutual', 'integrity']),
        notes: [expect.stringMatching(/^delegation\./)],
      },
    ]);
    // MIT's own lines are where they were: in the log, and on stdout.
    expect(lines).toContainEqual({
      time: expect.any(String),
      event: 'line',
      text: expect.stringMatching(/^Received message: "/),
    });
    expect(server.stdout).toMatch(/^Accepted connection: "/m);
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
      services: [{ service: SERVICE, accepted: 1, clients: [], unlisted: 0 }],
      foreignOffers: [],
      // The keytab has keys of old enctypes, of other services.
      weakKeys: expect.arrayContaining([expect.objectContaining({ enctype: 'arcfour-hmac' })]),
    });
    expect(statSync(report).mode & 0o777).toBe(0o600);
    expect(existsSync(`${report}.new`)).toBe(false);
  });

  it('writes one line for a refused client, with its reason and remedy', async () => {
    const user = await (await kinit()).fetchTickets('host');
    const logfile = join(folder, 'log');
    await using server = await startServer({ clockOffset: 600, flags: ['-logfile', logfile] });
    await runGssClient({ port: server.port, user });
    await server.untilWarned('hint: ');
    const lines = readFileSync(logfile, 'utf8').trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('GSS-API error accepting context'))).toEqual([
      expect.any(String),
      'GSS-API error accepting context: Clock skew too great',
    ]);
    const record = lines.find((line) => / refused /.test(line));
    expect(record).toMatch(
      new RegExp(
        '^\\d{4}-\\S+Z refused connection=\\d+ peer=\\S+:\\d+ client=\\S+@EXAMPLE\\.TEST ' +
          `service=${SERVICE} kvno=1 enctype=${AES} sessionEnctype=${AES} ` +
          'reason=clock\\.\\S+ text=".+" remedy=".+"$',
      ),
    );
  });

  it('follows KRB5_TRACE', async () => {
    const user = await (await kinit()).fetchTickets('host');
    const path = join(folder, 'trace');
    await using server = await startServer({ env: { KRB5_TRACE: path } });
    await runGssClient({ port: server.port, user });
    await server.untilPrinted('Accepted connection: "');
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines.every((line) => /^\[\d+\] \d+\.\d{6}: \S/.test(line))).toBe(true);
    const text = lines.join('\n');
    expect(text).toContain(`: Decrypted AP-REQ with server principal ${SERVICE}: ${AES}, kvno 1`);
    expect(text).toMatch(
      new RegExp(`: AP-REQ ticket: \\S+@EXAMPLE\\.TEST -> ${SERVICE}, session key`),
    );
  });
});
