import { describe, expect, it } from 'vitest';
import { defaultCrypto } from '../../../src/crypto/default-crypto.ts';
import { withLegacyEnctypes } from '../../../src/crypto/legacy/index.ts';
import { formatKeytab, parseKeytab } from '../../../src/keytab/keytab.ts';
import { principalsOf } from '../../../src/keytab/keytab-index.ts';
import { encodeKdcReply, KdcReplyType } from '../../../src/messages/kdc/reply.ts';
import type { Finding } from '../../../src/node/check/finding.ts';
import type { ServiceQuestions } from '../../../src/node/check/service-keys.ts';
import { judgeServiceKeys } from '../../../src/node/check/service-keys.ts';
import type { KdcAsker } from '../../../src/node/kdc/ask-kdc.ts';
import { mintTicket } from '../../../src/testing/mint.ts';
import { kdcError } from '../../support/fake-kdc.ts';
import type { KeySpec } from '../../support/realm-kit.ts';
import { makeKeytab, NOW, SERVICE, seededRandom } from '../../support/realm-kit.ts';

/** The finding about a keytab, if the KDC has another one. */
async function judge(
  own: readonly KeySpec[],
  kdc: Uint8Array | readonly KeySpec[],
  more: Partial<ServiceQuestions> = {},
): Promise<Finding | undefined> {
  const bytes = kdc instanceof Uint8Array ? kdc : asRep(kdc);
  const ask: KdcAsker = async () => ({
    bytes,
    server: { host: 'kdc', port: 88 },
    transport: 'udp',
  });
  const { signal } = new AbortController();
  // Without the enctypes that are off by default.
  const [held] = principalsOf(parseKeytab(formatKeytab(makeKeytab(...own))));
  return await judgeServiceKeys(held!, { ask, signal, ...more });
}

/** A ticket of the service to itself (RFC 4120 §3.1), under the KDC's key of highest kvno. */
function asRep(keys: readonly KeySpec[]): Uint8Array {
  const { ticket } = mintTicket({
    keytab: makeKeytab(...keys),
    client: SERVICE,
    clock: () => NOW,
    random: seededRandom(4),
  });
  return encodeKdcReply({
    type: KdcReplyType.as,
    paData: [],
    clientRealm: ticket.realm,
    clientName: ticket.serverName,
    ticket,
    encPart: ticket.encPart,
  });
}

describe('judgeServiceKeys', () => {
  it("opens a ticket of the KDC with the keytab's key", async () => {
    const finding = await judge([{ kvno: 2 }, { kvno: 1, seed: 8 }], [{ kvno: 2 }]);
    expect(finding).toMatchObject({ check: 'kvno', status: 'ok' });
    expect(finding!.text).toBe(
      `${SERVICE}: the KDC uses kvno 2, which the keytab has, and its key opens a ticket of the KDC`,
    );
  });

  it.each<[string, KeySpec[], KeySpec[]]>([
    ['as an 8-bit tool writes it', [{ kvno: 4 }], [{ kvno: 260 }]],
    ['0, which stands for any', [{ kvno: 0 }], [{ kvno: 7 }]],
  ])('takes a kvno %s', async (_, own, kdc) => {
    expect(await judge(own, kdc)).toMatchObject({ status: 'ok' });
  });

  it('finds a keytab that is out of date', async () => {
    const finding = await judge([{ kvno: 1 }, { kvno: 2 }], [{ kvno: 3 }]);
    expect(finding).toMatchObject({ status: 'error', reason: 'key.stale-keytab' });
    expect(finding!.text).toContain(`kvno 3 for ${SERVICE}, the keytab has 1, 2`);
  });

  it('finds a key that differs', async () => {
    const finding = await judge([{ seed: 8 }], [{ seed: 7 }]);
    expect(finding).toMatchObject({ check: 'kvno', status: 'error', reason: 'key.wrong' });
    expect(finding!.text).toContain('(kvno 1, aes256-cts-hmac-sha1-96)');
    expect(finding!.remedies[0]).toMatch(/^export the keytab again/);
  });

  it('finds that the KDC uses an enctype that the keytab lacks', async () => {
    const finding = await judge([{ enctype: 17 }], [{ enctype: 18 }]);
    expect(finding).toMatchObject({ status: 'error', reason: 'key.enctype-missing' });
    expect(finding!.text).toContain(
      `uses aes256-cts-hmac-sha1-96 for ${SERVICE}, the keytab has aes128-cts-hmac-sha1-96`,
    );
  });

  it('does not judge a key that cannot be used here', async () => {
    const weak = { enctype: 23, crypto: withLegacyEnctypes(defaultCrypto, [23]) };
    const finding = await judge([weak], [{ ...weak, seed: 8 }]);
    expect(finding).toMatchObject({ status: 'ok' });
    expect(finding!.text).toMatch(/: the KDC uses kvno 1, which the keytab has$/);
  });

  it('warns of a service that the KDC does not know', async () => {
    const finding = await judge([{}], kdcError(NOW, 6, 'CLIENT_NOT_FOUND'));
    expect(finding).toMatchObject({
      check: 'service',
      status: 'warning',
      reason: 'kdc.no-service',
      text: `the KDC does not know ${SERVICE}: clients get no ticket for it`,
    });
    expect(finding!.remedies).toEqual([
      expect.stringContaining(`kadmin addprinc -randkey ${SERVICE}`),
      expect.stringMatching(/^in Active Directory.*: setspn -Q [^@]+$/),
    ]);
  });

  it('knows that Active Directory finds no SPN as a client', async () => {
    expect(await judge([{}], kdcError(NOW, 6))).toBeUndefined();
    const member = { ofDomainMember: true };
    expect(await judge([{}], kdcError(NOW, 6, 'Client unknown'), member)).toBeUndefined();
  });

  it('concludes nothing from a demand for pre-authentication', async () => {
    expect(await judge([{}], kdcError(NOW, 25, 'NEEDED_PREAUTH'))).toBeUndefined();
  });

  it('passes on that an answer cannot be read', async () => {
    await expect(judge([{}], Uint8Array.of(0x6b, 1, 0))).rejects.toMatchObject({
      code: 'KRB5_PARSE_MALFORMED',
    });
  });
});
