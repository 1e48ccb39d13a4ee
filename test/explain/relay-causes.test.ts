/** Why a client of IAKERB is refused: each cause made for real, and seen by the operator everywhere. */
import { describe, expect, it } from 'vitest';
import { decodeUtf8 } from '../../src/bytes.ts';
import { formatGssError } from '../../src/cli/gss-server/lines.ts';
import { frameToken } from '../../src/gss/framing.ts';
import type { GssError } from '../../src/gss/status.ts';
import { encodeBase64 } from '../../src/http/base64.ts';
import { createAuthenticator } from '../../src/http/index.ts';
import type { Acceptor, AcceptResult, AskKdc, IakerbOptions, Oid } from '../../src/index.ts';
import { acquireCredential, createAcceptor, KerberosError, Mechanism } from '../../src/index.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import {
  createIakerbInitiator,
  createInitiator,
  createRealm,
  mintTicket,
} from '../../src/testing/index.ts';

const SERVICE = 'HTTP/www.example.test';
const { iakerb, negoex, ntlmssp, userToUser, lateFallback } = Mechanism;

const realm = createRealm({ services: [SERVICE] });

interface Cause {
  readonly name: string;
  readonly iakerb?: Partial<IakerbOptions> | false;
  readonly mechanisms?: readonly Oid[];
  /** What the client sends. */
  readonly tokens: readonly Uint8Array[];
  readonly reason: string;
  readonly detail: object;
  readonly text: RegExp;
  readonly remedy: RegExp;
}

const login = { client: 'alice@EXAMPLE.TEST', password: 'alice-password', service: SERVICE };
const first = createIakerbInitiator(login).begin().outputToken!;
const elsewhere = createIakerbInitiator({ ...login, client: 'eve@ELSEWHERE.TEST' }).begin();
// A whole login at another acceptor: its KDC has answered in other words.
const whole = await recordLogin();
const ticket = mintTicket({ keytab: realm.keytab, client: 'alice' });

async function recordLogin(): Promise<readonly Uint8Array[]> {
  const handshake = (await acceptorOf({})).begin();
  const initiator = createIakerbInitiator(login);
  const tokens: Uint8Array[] = [];
  let step = initiator.begin();
  while (step.status === 'continue') {
    tokens.push(step.outputToken.slice());
    step = initiator.step((await handshake.accept(step.outputToken)).outputToken);
  }
  return tokens;
}

async function acceptorOf(
  options: Cause['iakerb'],
  mechanisms?: Cause['mechanisms'],
): Promise<Acceptor> {
  return createAcceptor({
    credential: await acquireCredential({ keytab: realm.keytab }),
    ...(options !== false && { iakerb: { kdc: realm.kdc, ...options } }),
    ...(mechanisms && { mechanisms }),
  });
}

const TRIED = ['kdc1.example.test port 88/udp: no answer', '::1 port 88/tcp: ECONNREFUSED'];
const unknown: AskKdc = () =>
  Promise.reject(new KerberosError('KRB5_REALM_UNKNOWN', { reason: 'kdc.unknown' }));
const silent: AskKdc = (name) =>
  Promise.reject(
    new KerberosError('KRB5_KDC_UNREACH', {
      reason: 'kdc.unreachable',
      message: `Cannot contact any KDC: ${TRIED.join(', ')}`,
      detail: { realm: name, tried: TRIED },
    }),
  );

function offer(...mechTypes: readonly Oid[]): readonly Uint8Array[] {
  return [encodeNegTokenInit({ mechTypes, mechToken: first })];
}

const CAUSES: readonly Cause[] = [
  {
    name: 'IAKERB where it is off',
    iakerb: false,
    tokens: [first],
    reason: 'iakerb.off',
    detail: { mechanism: 'IAKERB', accepted: ['Kerberos V5', 'SPNEGO'] },
    text: /uses IAKERB/,
    remedy: /option iakerb/,
  },
  {
    name: 'IAKERB alone in SPNEGO, where it is off',
    iakerb: false,
    tokens: offer(iakerb, lateFallback),
    reason: 'negotiate.iakerb-only',
    detail: { names: ['IAKERB', 'Late Fallback'] },
    text: /offers IAKERB only/,
    remedy: /option iakerb/,
  },
  {
    name: 'IAKERB with NTLM and no Kerberos, as of Windows without a KDC',
    iakerb: false,
    tokens: offer(iakerb, negoex, ntlmssp, lateFallback),
    reason: 'negotiate.iakerb-or-ntlm',
    detail: { names: ['IAKERB', 'NegoEx', 'NTLM', 'Late Fallback'] },
    text: /offers IAKERB, NegoEx, NTLM, Late Fallback and no Kerberos V5/,
    remedy: /reach of a KDC/,
  },
  {
    name: 'user-to-user Kerberos in SPNEGO',
    tokens: offer(userToUser),
    reason: 'negotiate.user-to-user-only',
    detail: { names: ['user-to-user Kerberos'] },
    text: /user-to-user Kerberos only/,
    remedy: /setspn -S/,
  },
  {
    name: 'user-to-user Kerberos without SPNEGO',
    // KERB_TGT_REQUEST: the client asks for the service's own ticket.
    tokens: [frameToken(userToUser, 0x0400, Uint8Array.of(0x30, 0))],
    reason: 'negotiate.user-to-user-only',
    detail: { names: ['user-to-user Kerberos'] },
    text: /user-to-user Kerberos only/,
    remedy: /setspn -S/,
  },
  {
    name: 'no KDC that answers',
    iakerb: { kdc: silent },
    tokens: [first],
    reason: 'iakerb.kdc-unreachable',
    detail: { realm: 'EXAMPLE.TEST', tried: TRIED },
    text: /kdc1\.example\.test port 88\/udp: no answer, ::1 port 88\/tcp: ECONNREFUSED/,
    remedy: /firewalls/,
  },
  {
    name: 'a realm that is not relayed',
    tokens: [elsewhere.outputToken!],
    reason: 'iakerb.realm-not-relayed',
    detail: { realm: 'ELSEWHERE.TEST' },
    text: /realm ELSEWHERE\.TEST, which is not relayed/,
    remedy: /iakerb\.realms/,
  },
  {
    name: 'a realm whose KDC nobody knows',
    iakerb: { kdc: unknown },
    tokens: [first],
    reason: 'iakerb.realm-not-relayed',
    detail: { realm: 'EXAMPLE.TEST', problem: 'no-kdc' },
    text: /realm EXAMPLE\.TEST, of which the relay knows no KDC/,
    remedy: /krb5\.conf of this server/,
  },
  {
    name: 'Kerberos where IAKERB alone is accepted',
    mechanisms: [iakerb],
    tokens: [createInitiator({ ticket }).begin()],
    reason: 'negotiate.mechanism-off',
    detail: { mechanism: 'Kerberos V5', accepted: ['IAKERB'] },
    text: /uses Kerberos V5; accepted: IAKERB/,
    remedy: /-latefallback beside -iakerb/,
  },
  {
    name: 'too many messages',
    iakerb: { ratePerSource: 0.1 },
    tokens: whole.slice(0, 2),
    reason: 'iakerb.too-many',
    detail: { bound: 'ratePerSource, 0.1 a second' },
    text: /ratePerSource, 0\.1 a second allows/,
    remedy: /raise ratePerSource/,
  },
  {
    name: 'another transcript',
    tokens: whole,
    reason: 'iakerb.transcript',
    detail: { problem: 'different' },
    text: /somebody has altered/,
    remedy: /device in between/,
  },
  {
    name: 'no checksum over the transcript',
    tokens: [first, createInitiator({ ticket, mechanism: iakerb }).begin()],
    reason: 'iakerb.transcript',
    detail: { problem: 'missing' },
    text: /no checksum/,
    remedy: /up to date/,
  },
  {
    name: 'the end of an exchange that began elsewhere',
    tokens: whole.slice(-1),
    reason: 'iakerb.transcript',
    detail: { problem: 'nothing-relayed' },
    text: /none were relayed/,
    remedy: /one server/,
  },
];

describe.each(CAUSES)(
  '$name is $reason',
  ({ iakerb: options, mechanisms, tokens, reason, detail, ...words }) => {
    it('in the library, and in a line of gss-server', async () => {
      const handshake = (await acceptorOf(options, mechanisms)).begin();
      let result: AcceptResult | undefined;
      for (const token of tokens) result = await handshake.accept(token);
      if (result?.status !== 'failed') throw new Error('it was not refused');
      const { error } = result;
      expect(error.reason).toBe(reason);
      expect(error.detail).toMatchObject(detail);
      expect(error.text).toMatch(words.text);
      expect(error.remedies.join('\n')).toMatch(words.remedy);
      const lines = formatGssError('accepting context', error).map(({ bytes }) =>
        decodeUtf8(bytes, 'line'),
      );
      expect(lines.join('')).toMatch(words.text);
      expect(lines.join('')).toContain(error.remedies[0]);
    });

    it('over HTTP, in the hook onRefused', async () => {
      const refused: GssError[] = [];
      const authenticator = createAuthenticator({
        acceptor: await acceptorOf(options, mechanisms),
        onRefused: (error) => void refused.push(error),
      });
      const connection = {};
      for (const token of tokens) {
        const authorization = `Negotiate ${encodeBase64(token)}`;
        await authenticator.authenticate({ authorization, connection });
      }
      expect(refused).toHaveLength(1);
      expect(refused[0]).toMatchObject({ reason, detail });
      expect(refused[0]?.text).toMatch(words.text);
    });
  },
);
