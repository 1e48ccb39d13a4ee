import { describe, expect, it } from 'vitest';
import { decodeKdcReply } from '../../../src/messages/kdc/reply.ts';
import type { Kdc, RequestTicketOptions } from '../../../src/testing/index.ts';
import { createRealm, KdcError, requestTicket, testKeytab } from '../../../src/testing/index.ts';
import { NOW, seededRandom } from '../../support/realm-kit.ts';

const FIXED = { clock: () => NOW, random: seededRandom() };
const realm = createRealm(FIXED);
const LOGIN = { client: 'alice@EXAMPLE.TEST', service: 'host/localhost', ...FIXED };

function request(changes: Partial<RequestTicketOptions> = {}) {
  return requestTicket({ kdc: realm.kdc, password: 'alice-password', ...LOGIN, ...changes });
}

/** A KDC of whose answers one is replaced. */
function answering(index: number, replace: (answer: Uint8Array) => Uint8Array): Kdc {
  let count = 0;
  return async (name, message) => {
    const answer = await realm.kdc(name, message);
    return count++ === index ? replace(answer) : answer;
  };
}

describe('a client', () => {
  it('logs in with a password', async () => {
    const { client, ticket } = await request();
    expect(client).toMatchObject({ components: ['alice'], realm: 'EXAMPLE.TEST' });
    expect(ticket.serverName.components).toEqual(['host', 'localhost']);
  });

  it('logs in with a keytab', async () => {
    const { kdc, keytab } = realm;
    const ticket = requestTicket({ kdc, ...LOGIN, keytab: realm.userKeytab('alice') });
    await expect(ticket).resolves.toMatchObject({ client: { components: ['alice'] } });
    await expect(requestTicket({ kdc, ...LOGIN, keytab })).rejects.toThrow(RangeError);
  });

  it('asks for three answers', async () => {
    const asked: string[] = [];
    const kdc: Kdc = async (name, message) => {
      asked.push(`${name} ${message[0]!.toString(16)}`);
      return await realm.kdc(name, message);
    };
    await request({ kdc });
    expect(asked).toEqual(['EXAMPLE.TEST 6a', 'EXAMPLE.TEST 6a', 'EXAMPLE.TEST 6c']);
  });

  it.each([
    ['a wrong password', { password: 'wrong' }, 'KDC_ERR_PREAUTH_FAILED'],
    [
      'a keytab of before the last change of the password',
      { password: undefined as never, keytab: testKeytab('alice@EXAMPLE.TEST') },
      'KDC_ERR_PREAUTH_FAILED',
    ],
    ['an unknown name', { client: 'eve@EXAMPLE.TEST' }, 'KDC_ERR_C_PRINCIPAL_UNKNOWN'],
    ['an unknown service', { service: 'host/other' }, 'KDC_ERR_S_PRINCIPAL_UNKNOWN'],
    ['a wrong clock', { clock: () => NOW + 600_000 }, 'KRB_AP_ERR_SKEW'],
  ])('is refused with %s', async (_, changes, code) => {
    const refused = request(changes);
    await expect(refused).rejects.toBeInstanceOf(KdcError);
    await expect(refused).rejects.toMatchObject({ code });
  });

  it('passes its signal on', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(request({ signal })).rejects.toThrow('stopped');
  });
});

describe('an answer', () => {
  it.each([1, 2])('to another request is refused: answer %i', async (index) => {
    let other: Uint8Array | undefined;
    await request({ kdc: answering(index, (answer) => (other = answer)) });
    const refused = request({ kdc: answering(index, () => other!) });
    // The one to the AS-REQ is in the same key, with another nonce; the other in another session key.
    const code = index === 1 ? 'KRB_AP_ERR_MODIFIED' : 'KRB_AP_ERR_BAD_INTEGRITY';
    await expect(refused).rejects.toMatchObject({ code });
  });

  it.each([1, 2])('that was altered is refused: answer %i', async (index) => {
    const alter = (answer: Uint8Array) => {
      const bytes = answer.slice();
      bytes[bytes.length - 1]! ^= 1;
      return bytes;
    };
    const refused = request({ kdc: answering(index, alter) });
    await expect(refused).rejects.toMatchObject({ code: 'KRB_AP_ERR_BAD_INTEGRITY' });
  });

  it('without a demand for pre-authentication is refused', async () => {
    let granted: Uint8Array | undefined;
    await request({ kdc: answering(1, (answer) => (granted = answer)) });
    expect(decodeKdcReply(granted!, 11).type).toBe(11);
    const refused = request({ kdc: answering(0, () => granted!) });
    await expect(refused).rejects.toThrow('no pre-authentication required');
  });

  it.each([0, 1, 2])('that is no message is refused: answer %i', async (index) => {
    const refused = request({ kdc: answering(index, () => Uint8Array.of(0x30, 0)) });
    await expect(refused).rejects.toThrow(/no pre-authentication|APPLICATION|expected/);
  });
});
