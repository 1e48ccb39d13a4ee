import { describe, expect, it } from 'vitest';
import { principalsOf } from '../../../src/keytab/keytab-index.ts';
import { judgeByKdc } from '../../../src/node/check/clock.ts';
import type { Finding } from '../../../src/node/check/finding.ts';
import { kdcAsker } from '../../../src/node/kdc/ask-kdc.ts';
import { kdcError, startFakeKdc } from '../../support/fake-kdc.ts';
import { CLOSED_PORT } from '../../support/ports.ts';
import { makeKeytab, NOW } from '../../support/realm-kit.ts';

const [HELD] = principalsOf(makeKeytab());

async function judge(port: number): Promise<Finding[]> {
  return await judgeByKdc([HELD!], {
    ask: kdcAsker(async () => [{ host: '127.0.0.1', port }]),
    clock: () => NOW,
    clockSkew: 300,
    signal: AbortSignal.timeout(30_000),
  });
}

/** The finding if this machine is ahead of the KDC by these seconds. */
async function ahead(seconds: number): Promise<Finding> {
  await using kdc = await startFakeKdc(() => kdcError(NOW - seconds * 1000));
  const [finding] = await judge(kdc.port);
  return finding!;
}

describe('judgeByKdc', () => {
  it.each([
    [0, 'ok', undefined],
    [20, 'ok', undefined],
    [-20, 'ok', undefined],
    [60, 'warning', 'clock.server-ahead'],
    [-60, 'warning', 'clock.server-behind'],
    [400, 'error', 'clock.server-ahead'],
    [-86_400, 'error', 'clock.server-behind'],
  ])('%i s ahead: %s', async (seconds, status, reason) => {
    const finding = await ahead(seconds);
    expect(finding).toMatchObject({ check: 'clock', status });
    expect(finding.reason).toBe(reason);
  });

  it('says how far, what the KDC says, and whether it looks like a time zone', async () => {
    const { text, remedies } = await ahead(3600);
    expect(text).toMatch(
      /^this machine's clock is 3600 s ahead of that of the KDC \(127\.0\.0\.1 port \d+\/udp\), which says 2026-06-01T11:00:00Z \(one hour: daylight saving, or a time zone\); 300 s are allowed \(clockskew\), so every client whose clock is right is refused$/,
    );
    expect(remedies[0]).toContain('NTP');
    expect((await ahead(-11 * 3600)).text).toContain('(11 hours: a clock set to local time');
    expect((await ahead(1234)).text).not.toContain('hour');
  });

  it('warns where no KDC answers, since an acceptor needs none', async () => {
    const [finding] = await judge(CLOSED_PORT);
    expect(finding).toMatchObject({ status: 'warning', reason: 'kdc.unreachable' });
    expect(finding!.text).toContain('ECONNREFUSED');
  });

  it('warns of an answer that cannot be read', async () => {
    await using kdc = await startFakeKdc(() => Uint8Array.of(0x7e, 0));
    const [finding] = await judge(kdc.port);
    expect(finding).toMatchObject({ check: 'clock', status: 'warning' });
  });
});
