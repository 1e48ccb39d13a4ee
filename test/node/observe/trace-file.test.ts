/** The trace of exchanges, by the hook, in a file, and by KRB5_TRACE. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Mechanism } from '../../../src/index.ts';
import { traceToFile } from '../../../src/node/observe/trace-file.ts';
import { createInitiator } from '../../../src/testing/index.ts';
import { CLIENT, makeParties, NOW, SERVICE } from '../../support/realm-kit.ts';

const directory = mkdtempSync(join(tmpdir(), 'trace-'));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const AES = 'aes256-cts-hmac-sha1-96';
const STEPS = [
  /^Received token of \d+ bytes$/,
  `Kerberos V5 AP-REQ for ${SERVICE}: ${AES}, kvno 1, mutual authentication asked for`,
  `Decrypted AP-REQ with server principal ${SERVICE}: ${AES}, kvno 1`,
  /^AP-REQ ticket: alice@EXAMPLE\.TEST -> host\/server\.example\.test@EXAMPLE\.TEST, session key aes256-cts-hmac-sha1-96, valid from 2026-06-01T12:00:00Z to /,
  'Authenticator of 2026-06-01T12:00:00Z; the time here is 2026-06-01T12:00:00Z',
  `Authenticator contains subkey: ${AES}`,
  'AP-REQ passed all checks, and is no replay',
  /^Context flags: .*mutual/,
  `Negotiated enctype based on authenticator: ${AES}`,
  /^Creating AP-REP, subkey aes256-cts-hmac-sha1-96, seqnum \d+$/,
  `Accepted ${CLIENT} for ${SERVICE}`,
];

describe('the option trace', () => {
  it('gets each step of an exchange, in order', async () => {
    const steps: string[] = [];
    const trace = (message: string): void => void steps.push(message);
    const { initiator, begin } = await makeParties({ acceptor: { trace } });
    await begin().accept(initiator.begin());
    expect(steps).toEqual(
      STEPS.map((step) => (typeof step === 'string' ? step : expect.stringMatching(step))),
    );
  });

  it('shows where a refused exchange ends, and why', async () => {
    const steps: string[] = [];
    const trace = (message: string): void => void steps.push(message);
    const { initiator, begin } = await makeParties({
      acceptor: { trace, clock: () => NOW + 3_600_000 },
    });
    await begin().accept(initiator.begin());
    expect(steps.at(-2)).toMatch(/^Authenticator contains subkey/);
    expect(steps.at(-1)).toMatch(/^Refused: Clock skew too great/);
  });

  it('shows the negotiation of SPNEGO', async () => {
    const steps: string[] = [];
    const trace = (message: string): void => void steps.push(message);
    const { ticket, begin } = await makeParties({ acceptor: { trace } });
    const mechanisms = [Mechanism.ntlmssp, Mechanism.krb5];
    const initiator = createInitiator({ ticket, clock: () => NOW, spnego: { mechanisms } });
    await begin().accept(initiator.begin());
    expect(steps).toContain('SPNEGO: offered NTLM, Kerberos V5; chosen Kerberos V5');
    expect(steps.at(-1)).toMatch(/^Answered with a token of \d+ bytes; another one is awaited$/);
  });

  it('may throw', async () => {
    const trace = (): never => {
      throw new Error('a hook that fails');
    };
    const { initiator, begin } = await makeParties({ acceptor: { trace } });
    expect((await begin().accept(initiator.begin())).status).toBe('complete');
  });
});

describe('traceToFile', () => {
  it('writes the lines of MIT krb5, until it is closed', async () => {
    const path = join(directory, 'file');
    const trace = traceToFile(path);
    const { initiator, begin, ticket } = await makeParties();
    await begin().accept(initiator.begin());
    trace.close();
    trace.close();
    await begin().accept(createInitiator({ ticket, clock: () => NOW + 1 }).begin());
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines.pop()).toBe('');
    expect(lines).toHaveLength(STEPS.length);
    for (const line of lines) expect(line).toMatch(/^\[\d+\] \d+\.\d{6}: \S/);
    expect(lines[0]).toContain(`[${process.pid}] `);
    expect(lines.at(-1)).toContain(`: Accepted ${CLIENT} for ${SERVICE}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('throws the error of the system', () => {
    expect(() => traceToFile(join(directory, 'absent', 'file'))).toThrow(/ENOENT/);
  });
});

describe('KRB5_TRACE', () => {
  it('is followed from the first call of a function that reads files', async () => {
    const path = join(directory, 'variable');
    vi.stubEnv('KRB5_TRACE', path);
    vi.resetModules();
    const { keytabFile } = await import('../../../src/node/files/keytab-file.ts');
    const { initiator, begin, ticket } = await makeParties();
    await begin().accept(initiator.begin());
    expect(existsSync(path)).toBe(false);
    keytabFile('/absent/keytab');
    keytabFile('/absent/keytab');
    await begin().accept(createInitiator({ ticket, clock: () => NOW + 1 }).begin());
    expect(readFileSync(path, 'utf8').match(/Accepted alice/g)).toHaveLength(1);
  });

  it('that names no file which can be written is a warning', async () => {
    vi.stubEnv('KRB5_TRACE', join(directory, 'absent', 'file'));
    vi.resetModules();
    const { followTraceVariable } = await import('../../../src/node/observe/trace-file.ts');
    const warned = new Promise((resolve) => process.once('warning', resolve));
    followTraceVariable();
    expect(await warned).toMatchObject({ code: 'KRB5_ACCEPTOR_TRACE' });
  });
});
