import { afterEach, describe, expect, it, vi } from 'vitest';
import { edgeFiles } from '../../src/adapters/edge-files.ts';
import type { AuthenticationRequest, Denied } from '../../src/http/authentication.ts';
import type { SignOnOptions } from '../../src/http/gate.ts';
import {
  checkAdapterOptions,
  Gate,
  raiseHeaderLimitOfBun,
  SIGN_ON_OPTIONS,
} from '../../src/http/gate.ts';
import { Service } from '../../src/http/service.ts';
import type { KerberosError, Keytab } from '../../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  explain,
  parseKerberosConfig,
} from '../../src/index.ts';
import { makeServiceKeytab, NTLM_TOKEN, negotiateHeader, User } from '../conformance/user.ts';
import { ManualTimers, settle } from '../support/timers.ts';
import { collectWarnings } from '../support/warnings.ts';

/** The limit after the call, in a process with these versions and this limit before. */
function limitIn(versions: Readonly<Record<string, string>>, maxHeaderSize: number): number {
  const http = { maxHeaderSize };
  vi.stubGlobal('process', { versions, getBuiltinModule: () => http });
  raiseHeaderLimitOfBun();
  return http.maxHeaderSize;
}

describe('the limit on headers', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('is raised under Bun, unless it was chosen', () => {
    expect(limitIn({ bun: '1.4.5' }, 16_384)).toBe(81_920);
    expect(limitIn({ bun: '1.4.5' }, 32_768)).toBe(32_768);
    expect(limitIn({ bun: '1.4.5' }, 100_000)).toBe(100_000);
  });

  it('is left alone in other runtimes', () => {
    expect(limitIn({ node: '24.0.0' }, 16_384)).toBe(16_384);
    vi.stubGlobal('process', undefined);
    expect(raiseHeaderLimitOfBun).not.toThrow();
    vi.stubGlobal('process', { versions: { bun: '1.1.0' } });
    expect(raiseHeaderLimitOfBun).not.toThrow();
  });
});

const keytab = makeServiceKeytab();
const NO_CREDENTIALS: AuthenticationRequest = { authorization: undefined };

/** A gate, and what happens at it in order. */
function gateWith(options: SignOnOptions) {
  const events: string[] = [];
  const all: SignOnOptions = {
    onAccepted: ({ identity }) => events.push(`accepted ${identity.name}`),
    onChallenged: () => events.push('challenged'),
    onRefused: ({ code }) => events.push(`refused ${code}`),
    onWarning: () => {},
    ...options,
  };
  const gate = new Gate(all, new Service(all, edgeFiles));
  const answer = async ({ status }: Denied) => {
    await Promise.resolve();
    events.push(`answered ${status}`);
    return status;
  };
  const admit = (request: AuthenticationRequest) => gate.admit(request, answer);
  return { gate, events, admit };
}

describe('a gate', () => {
  it('tells of a denial after its answer, and returns what that was', async () => {
    const { events, admit } = gateWith({ keytab });
    expect(await admit(NO_CREDENTIALS)).toEqual({ outcome: 'answered', answer: 401 });
    await admit({ authorization: negotiateHeader(NTLM_TOKEN) });
    await admit({ authorization: 'Negotiate !' });
    expect(events).toEqual([
      'answered 401',
      'challenged',
      'answered 401',
      'refused GSS_S_BAD_MECH',
      'answered 400',
      'refused GSS_S_DEFECTIVE_TOKEN',
    ]);
  });

  it('tells of a client before the application answers it, and of no guest', async () => {
    const { events, admit } = gateWith({ keytab, optional: true });
    const { authorization } = new User(keytab, 'alice').signOn();
    const admitted = await admit({ authorization });
    expect(admitted).toMatchObject({ outcome: 'authenticated', via: 'ticket' });
    expect(await admit(NO_CREDENTIALS)).toMatchObject({ outcome: 'guest' });
    expect(events).toEqual(['accepted alice']);
  });

  it('has the local names of its krb5.conf, or those it is given beside an acceptor', async () => {
    const user = new User(keytab, 'alice');
    const { realm } = keytab.entries[0]!.principal;
    const config = `[libdefaults]\ndefault_realm = ${realm}\n`;
    const localNames = parseKerberosConfig(config);
    const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });
    for (const options of [
      { keytab, config },
      { acceptor, localNames },
    ]) {
      const admitted = await gateWith(options).admit(user.signOn());
      expect(admitted).toMatchObject({ identity: { localName: 'alice' } });
    }
    const admitted = await gateWith({ acceptor }).admit(user.signOn());
    expect(admitted).not.toHaveProperty('identity.localName');
  });

  it('tells of a denial whose answer fails', async () => {
    const { gate, events } = gateWith({ keytab });
    const failed = gate.admit(NO_CREDENTIALS, () => {
      throw new Error('the page failed');
    });
    await expect(failed).rejects.toThrow('the page failed');
    expect(events).toEqual(['challenged']);
  });

  it('is closed while its service cannot start: the operator is told of the fault, and of no challenge', async () => {
    using warnings = collectWarnings();
    const { events, admit } = gateWith({ keytab: () => Promise.reject(new Error('no such file')) });
    expect(await admit(NO_CREDENTIALS)).toEqual({ outcome: 'answered', answer: 503 });
    const { authorization } = new User(keytab, 'alice').signOn();
    expect(await admit({ authorization })).toEqual({ outcome: 'answered', answer: 503 });
    const both = ['answered 503', 'refused GSS_S_NO_CRED'];
    expect(events).toEqual([...both, ...both]);
    expect(await warnings.seen()).toMatchObject([{ code: 'KRB5_ACCEPTOR_START' }]);
  });

  it('makes another attempt also if the clock was set back', async () => {
    using _ = collectWarnings();
    let now = 1_700_000_000_000;
    let isThere = false;
    const { admit } = gateWith({
      keytab: async () => {
        if (isThere) return keytab;
        throw new Error('no network yet');
      },
      clock: () => now,
    });
    expect(await admit(NO_CREDENTIALS)).toMatchObject({ answer: 503 });
    isThere = true;
    now -= 3_600_000;
    expect(await admit(NO_CREDENTIALS)).toMatchObject({ answer: 401 });
  });

  it('waits for a keytab no longer than a request may, and asks again later', async () => {
    const timers = new ManualTimers();
    const reasons: string[] = [];
    let now = 1_700_000_000_000;
    const asked: ((value: Keytab) => void)[] = [];
    const { admit, events } = gateWith({
      keytab: () => new Promise<Keytab>((resolve) => void asked.push(resolve)),
      onRefused: ({ reason }) => void reasons.push(reason),
      clock: () => now,
      timer: timers.timer,
      deadline: 3,
    });
    const waiting = [admit(NO_CREDENTIALS), admit(NO_CREDENTIALS)];
    await settle();
    timers.expire();
    for (const one of waiting) expect(await one).toEqual({ outcome: 'answered', answer: 503 });
    expect(reasons).toEqual(['keytab.silent', 'keytab.silent']);
    expect(asked).toHaveLength(1);
    now += 5001;
    const next = admit(NO_CREDENTIALS);
    await settle();
    expect(asked).toHaveLength(2);
    // The first one is used, too: a store that is slow is not one that fails.
    asked[0]!(keytab);
    await settle();
    expect(await admit(NO_CREDENTIALS)).toEqual({ outcome: 'answered', answer: 401 });
    asked[1]!(keytab);
    expect(await next).toEqual({ outcome: 'answered', answer: 401 });
    expect(events.at(-1)).toBe('challenged');
  });
});

describe('the options of an adapter', () => {
  it('are not those of an acceptor, and the error says where these belong', () => {
    for (const option of ['channelBindingPolicy', 'clientRealms']) {
      expect(() =>
        checkAdapterOptions<object>('kerberos', { [option]: 1 }, SIGN_ON_OPTIONS),
      ).toThrow(
        `kerberos: ${option} is an option of acceptors: pass { acceptor: createAcceptor({ credential, ${option} }) }`,
      );
    }
    expect(() => checkAdapterOptions<object>('kerberos', { clock: 1 }, SIGN_ON_OPTIONS)).toThrow(
      'clock: expected a function',
    );
    expect(() => checkAdapterOptions('kerberos', 'HTTP@' as never, SIGN_ON_OPTIONS)).toThrow(
      /^kerberos: expected an object/,
    );
  });
});

describe('a keytab file in a runtime without krb5-acceptor/node', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it.each([
    [
      { code: 'ENOENT' },
      'keytab.missing',
      'the keytab file /etc/www.keytab does not exist',
      /^correct/,
    ],
    [
      { name: 'NotCapable', message: 'run again with the --allow-read flag' },
      'keytab.unreadable',
      'the keytab file /etc/www.keytab cannot be read: NotCapable: run again with the --allow-read flag',
      /^start deno with --allow-read=\/etc\/www\.keytab$/,
    ],
    [
      { code: 'EACCES' },
      'keytab.unreadable',
      /cannot be read: Error: denied$/,
      /^make it readable/,
    ],
  ])('is refused for its own reason: %j', async (fault, reason, text, remedy) => {
    const stat = () => Promise.reject(Object.assign(new Error('denied'), fault));
    vi.stubGlobal('process', { getBuiltinModule: () => ({ stat }) });
    const open = edgeFiles.keytab('FILE:/etc/www.keytab') as () => Promise<unknown>;
    const error = await explain(await open().catch((thrown: KerberosError) => thrown));
    expect(error).toMatchObject({ reason });
    expect((error as KerberosError).text).toMatch(text);
    expect((error as KerberosError).remedies[0]).toMatch(remedy);
  });
});
