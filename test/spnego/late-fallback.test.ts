/** Late Fallback (MS-SPNG): a mechanism fails, and another one of the same negotiation takes over. */
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/bytes.ts';
import { readFirstToken } from '../../src/gss/framing.ts';
import type { AcceptorOptions, AcceptResult, Oid } from '../../src/index.ts';
import { acquireCredential, ContextFlag, createAcceptor, Mechanism } from '../../src/index.ts';
import type { ReceivedNegTokenResp } from '../../src/spnego/neg-token.ts';
import {
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NegState,
  readMechTypeList,
  readNegToken,
} from '../../src/spnego/neg-token.ts';
import type {
  IakerbInitiatorOptions,
  InitiatorOptions,
  MintTicketOptions,
  Negotiator,
  NegotiatorOptions,
} from '../../src/testing/index.ts';
import {
  createNegotiator,
  createRealm,
  KdcError,
  readErrorToken,
  testKeytab,
} from '../../src/testing/index.ts';
import { withExpiredTicket, withPassword, withTicket } from '../support/logins.ts';

const { krb5, iakerb, ntlmssp, lateFallback } = Mechanism;
const SERVICE = 'host/www.example.test';
const OTHER_KEYS = testKeytab(`${SERVICE}@EXAMPLE.TEST`, { kvno: 9 });

async function world(options: Partial<AcceptorOptions> = {}) {
  const realm = createRealm({ services: [SERVICE] });
  const credential = await acquireCredential({ keytab: realm.keytab });
  const acceptor = createAcceptor({
    credential,
    iakerb: { kdc: realm.kdc },
    lateFallback: true,
    ...options,
  });
  return { realm, credential, acceptor };
}

type World = Awaited<ReturnType<typeof world>>;

const ticket = (
  { realm }: World,
  minted?: Partial<MintTicketOptions>,
  options?: Partial<InitiatorOptions>,
) => withTicket(realm.keytab, minted, options);
const expired = ({ realm }: World, options?: Partial<InitiatorOptions>) =>
  withExpiredTicket(realm.keytab, options);
const relayed = (options?: Partial<IakerbInitiatorOptions>) => withPassword(SERVICE, options);
const notRelayed = () => relayed({ client: 'alice@ELSEWHERE.TEST' });
const wrongPassword = () => relayed({ password: 'wrong' });

type Alter = (token: Uint8Array, index: number) => Uint8Array;

/** Both sides until the acceptor is done. @param alter - Changes a token on its way. */
async function meet(
  { acceptor }: Pick<World, 'acceptor'>,
  options: NegotiatorOptions,
  { exported = false, alter = (token) => token }: { exported?: boolean; alter?: Alter } = {},
) {
  const initiator = createNegotiator(options);
  let handshake = acceptor.begin();
  let step = initiator.begin();
  const answers: AcceptResult[] = [];
  for (let count = 0; count < 40; count += 2) {
    const result = await handshake.accept(alter(step.outputToken!, count));
    answers.push(result);
    if (result.status === 'failed') return { result, answers, initiator };
    if (result.status === 'complete') {
      if (step.status !== 'complete') step = initiator.step(alter(result.outputToken!, count + 1));
      if (step.status !== 'complete') throw new Error('the initiator is not done');
      return { result, answers, initiator, context: step.context };
    }
    if (exported) handshake = acceptor.resume(handshake.export());
    step = initiator.step(alter(result.outputToken, count + 1));
  }
  throw new Error('no end');
}

function respOf({ outputToken }: AcceptResult): ReceivedNegTokenResp {
  const message = readNegToken(readFirstToken(outputToken!));
  if (message.kind !== 'resp') throw new Error('not an answer');
  return message;
}

/** The mechanisms that an answer lists. */
function listOf(result: AcceptResult): Oid[] | undefined {
  const { supportedMechList } = respOf(result);
  return supportedMechList && readMechTypeList(supportedMechList);
}

/** The initiator's next token, or the code of its error. */
function stepOf(initiator: Negotiator, token: Uint8Array): Uint8Array | string {
  try {
    return initiator.step(token).outputToken!;
  } catch (error) {
    if (error instanceof KdcError) return `${error.code}`;
    throw error;
  }
}

async function established(
  here: World,
  options: NegotiatorOptions,
  how: Parameters<typeof meet>[2] = {},
) {
  const met = await meet(here, options, how);
  if (met.result.status !== 'complete') throw met.result.error;
  const message = Uint8Array.of(1, 2, 3);
  expect(met.result.context.unwrap(met.context!.wrap(message)).message).toEqual(message);
  return { ...met, server: met.result.context };
}

describe('Late Fallback', () => {
  const orders: readonly (readonly [
    string,
    (here: World) => NegotiatorOptions['mechanisms'],
    Oid,
  ])[] = [
    ['an expired ticket, then IAKERB', (here) => [expired(here), relayed()], iakerb],
    [
      'a ticket under a key that is no more, then IAKERB',
      (here) => [ticket(here, { keytab: OTHER_KEYS }), relayed()],
      iakerb,
    ],
    [
      'IAKERB with a realm that is not relayed, then Kerberos',
      (here) => [notRelayed(), ticket(here)],
      krb5,
    ],
    [
      'IAKERB with a wrong password, which the initiator notices, then Kerberos',
      (here) => [wrongPassword(), ticket(here)],
      krb5,
    ],
  ];

  describe.each(orders)('%s', (_, mechanisms, mechanism) => {
    it.each<Omit<NegotiatorOptions, 'mechanisms'>>([
      {},
      { askFirst: true },
      { listsAgainIn: 'resp' },
    ])('establishes a context (%j)', async (options) => {
      const here = await world();
      const { server, initiator } = await established(here, {
        mechanisms: mechanisms(here),
        ...options,
      });
      expect(server.mechanism).toBe(mechanism);
      expect(initiator.mechanism).toBe(mechanism);
      expect(`${server.initiator}`).toBe('alice@EXAMPLE.TEST');
    });

    it('goes on elsewhere between any two tokens', async () => {
      const here = await world();
      const { server } = await established(
        here,
        { mechanisms: mechanisms(here) },
        { exported: true },
      );
      expect(server.mechanism).toBe(mechanism);
    });

    it('is refused as before where the acceptor has it off', async () => {
      const here = await world({ lateFallback: false });
      for (const lateFallback of [true, false]) {
        const initiator = createNegotiator({ mechanisms: mechanisms(here), lateFallback });
        const handshake = here.acceptor.begin();
        let result = await handshake.accept(initiator.begin().outputToken!);
        while (result.status === 'continue') {
          expect(listOf(result)).toBeUndefined();
          const { outputToken } = result;
          const next = stepOf(initiator, outputToken);
          // The initiator itself has failed, and knows of no other way.
          if (typeof next === 'string') break;
          result = await handshake.accept(next);
        }
        if (result.status === 'continue') continue;
        expect(result.status).toBe('failed');
        expect(respOf(result)).toMatchObject({ negState: NegState.reject });
      }
    });
  });

  it('lists what is left, and adds every list to what the MICs cover', async () => {
    const here = await world();
    const { answers } = await established(here, { mechanisms: [expired(here), relayed()] });
    expect(respOf(answers[0]!)).toMatchObject({
      negState: NegState.requestMic,
      supportedMech: krb5,
    });
    const { errorCode } = await readErrorToken(respOf(answers[0]!).responseToken!);
    expect(errorCode).toBe(32);
    expect(listOf(answers[0]!)).toEqual([iakerb, lateFallback]);
    expect(answers.slice(1, -1).map(listOf)).toEqual(answers.slice(1, -1).map(() => undefined));
  });

  it('needs no MIC where nothing fails', async () => {
    const here = await world();
    const { answers } = await established(here, { mechanisms: [ticket(here), relayed()] });
    expect(answers).toHaveLength(1);
    expect(respOf(answers[0]!)).toMatchObject({
      negState: NegState.acceptCompleted,
      supportedMech: krb5,
    });
    expect(listOf(answers[0]!)).toEqual([krb5, iakerb, lateFallback]);
  });

  it('covers the lists of both sides if the initiator sends a MIC nevertheless', async () => {
    const here = await world();
    const { acceptor } = here;
    const flags = ContextFlag.integrity;
    const { initiator } = ticket(here, {}, { flags });
    const mechTypes = [krb5, lateFallback];
    const mechToken = initiator.begin();
    const own = initiator.finish();
    const mechListMic = own.getMic(encodeMechTypeList(mechTypes));
    const result = await acceptor
      .begin()
      .accept(encodeNegTokenInit({ mechTypes, mechToken, mechListMic }));
    expect(result.status).toBe('complete');
    const { mechListMic: theirs, supportedMechList } = respOf(result);
    own.verifyMic(concatBytes(encodeMechTypeList(mechTypes), supportedMechList!), theirs!);
  });

  it('says on the client’s departure why the mechanism failed', async () => {
    const here = await world();
    const initiator = createNegotiator({ mechanisms: [expired(here), relayed()] });
    const handshake = here.acceptor.begin();
    await handshake.accept(initiator.begin().outputToken!);
    expect(handshake.abandonment).toMatchObject({ reason: 'ticket.expired' });
    expect(handshake.abandonment?.text).toMatch(/ended/);
  });
});

describe('a fallback is refused', () => {
  it('to an initiator that does not list it', async () => {
    const here = await world();
    const mechanisms = [expired(here), relayed()];
    const { result, answers } = await meet(here, { mechanisms, lateFallback: false });
    expect(result).toMatchObject({ status: 'failed', error: { reason: 'ticket.expired' } });
    expect(answers).toHaveLength(1);
  });

  it('after the last mechanism', async () => {
    const here = await world();
    const { result, answers } = await meet(here, { mechanisms: [expired(here), notRelayed()] });
    expect(result).toMatchObject({
      status: 'failed',
      error: { reason: 'iakerb.realm-not-relayed' },
    });
    expect(answers).toHaveLength(2);
    expect(respOf(result).negState).toBe(NegState.reject);
  });

  it.each([
    ['a replay', (here: World) => ticket(here), 'replay.repeated'],
    ['an altered ticket', (here: World) => ticket(here), undefined],
  ])('after %s', async (name, made, reason) => {
    const here = await world();
    const { initiator } = made(here);
    const mechToken = initiator.begin();
    if (name === 'a replay') {
      expect((await here.acceptor.begin().accept(mechToken)).status).toBe('complete');
    } else mechToken[200]! ^= 1;
    const mechTypes = [krb5, iakerb, lateFallback];
    const result = await here.acceptor.begin().accept(encodeNegTokenInit({ mechTypes, mechToken }));
    if (result.status !== 'failed') throw new Error('it was not refused');
    if (reason !== undefined) expect(result.error.reason).toBe(reason);
    expect(respOf(result).negState).toBe(NegState.reject);
  });

  it.each([
    ['a mechanism that was tried', [iakerb]],
    ['a mechanism that was not offered', [ntlmssp]],
    ['no mechanism', []],
  ])('to %s', async (_, again) => {
    const here = await world();
    const handshake = here.acceptor.begin();
    const { initiator } = relayed();
    const mechTypes = [iakerb, krb5, lateFallback];
    const mechToken = initiator.begin().outputToken!;
    expect((await handshake.accept(encodeNegTokenInit({ mechTypes, mechToken }))).status).toBe(
      'continue',
    );
    const token = encodeNegTokenInit({ mechTypes: [...again, lateFallback], mechToken });
    expect(await handshake.accept(token)).toMatchObject({
      status: 'failed',
      error: { code: 'GSS_S_DEFECTIVE_TOKEN' },
    });
  });

  it('more often than there are mechanisms', async () => {
    const here = await world();
    const handshake = here.acceptor.begin();
    const mechToken = relayed().initiator.begin().outputToken!;
    const init = (mechTypes: readonly Oid[]) =>
      encodeNegTokenInit({ mechTypes: [...mechTypes, lateFallback], mechToken });
    await handshake.accept(init([iakerb, krb5]));
    // A choice that the token is not for, which is asked for.
    const asked = await handshake.accept(init([ntlmssp, krb5]));
    expect(asked.status).toBe('continue');
    expect(listOf(asked)).toEqual([krb5, lateFallback]);
    expect((await handshake.accept(init([krb5]))).status).toBe('failed');
  });

  it('to a context without integrity', async () => {
    const here = await world();
    const mechanisms = [expired(here), relayed({ flags: ContextFlag.mutual })];
    const { result } = await meet(here, { mechanisms });
    expect(result).toMatchObject({
      status: 'failed',
      error: { message: expect.stringMatching(/without integrity/) },
    });
  });

  it('by the import at an acceptor that has it off', async () => {
    const here = await world();
    const handshake = here.acceptor.begin();
    const initiator = createNegotiator({ mechanisms: [expired(here), relayed()] });
    const { outputToken } = await handshake.accept(initiator.begin().outputToken!);
    const next = initiator.step(outputToken!).outputToken!;
    const off = createAcceptor({
      credential: here.credential,
      iakerb: { kdc: here.realm.kdc },
    });
    expect(await off.resume(handshake.export()).accept(next)).toMatchObject({
      status: 'failed',
      error: { code: 'GSS_S_DEFECTIVE_TOKEN' },
    });
  });
});

describe('a list that somebody alters', () => {
  const relist = (change: (oids: readonly Oid[]) => readonly Oid[]) => (token: Uint8Array) => {
    const message = readNegToken(readFirstToken(token));
    if (message.kind === 'init') {
      const { mechTypes, mechToken } = message;
      return encodeNegTokenInit({ mechTypes: change(mechTypes), ...(mechToken && { mechToken }) });
    }
    const { supportedMechList, kind, ...rest } = message;
    if (supportedMechList === undefined) return token;
    const supportedMechs = change(readMechTypeList(supportedMechList));
    return encodeNegTokenResp({ ...rest, supportedMechs });
  };
  const withNtlm = relist((oids) => [...oids, ntlmssp]);
  const withoutLate = relist((oids) => oids.filter((oid) => oid !== lateFallback));
  const only =
    (which: number, change: (token: Uint8Array) => Uint8Array): Alter =>
    (token, index) =>
      index === which ? change(token) : token;

  it.each([
    ['the initiator’s, with NTLM', 0, withNtlm],
    ['the acceptor’s, with NTLM', 1, withNtlm],
    ['the acceptor’s, without Late Fallback', 1, withoutLate],
  ])('is noticed: %s', async (_, which, change) => {
    const here = await world();
    const mechanisms = [expired(here), relayed()];
    const met = meet(here, { mechanisms }, { alter: only(which, change) });
    await expect(met).rejects.toMatchObject({ code: 'GSS_S_BAD_MIC' });
  });

  it('is noticed: the initiator’s second one', async () => {
    const here = await world();
    const mechanisms = [wrongPassword(), ticket(here)];
    let lists = 0;
    const alter: Alter = (token, index) => {
      const isList = index % 2 === 0 && readNegToken(readFirstToken(token)).kind === 'init';
      return isList && ++lists === 2 ? withNtlm(token) : token;
    };
    const met = meet(here, { mechanisms }, { alter });
    await expect(met).rejects.toMatchObject({ code: 'GSS_S_BAD_MIC' });
    expect(lists).toBe(2);
  });

  it('is noticed by the acceptor too', async () => {
    const here = await world();
    const { initiator } = ticket(here, {}, { flags: ContextFlag.integrity });
    const mechToken = initiator.begin();
    const mechTypes = [krb5, lateFallback];
    const mechListMic = initiator.finish().getMic(encodeMechTypeList([krb5]));
    const token = encodeNegTokenInit({ mechTypes, mechToken, mechListMic });
    expect(await here.acceptor.begin().accept(token)).toMatchObject({
      status: 'failed',
      error: { code: 'GSS_S_BAD_MIC', reason: 'negotiate.list-altered' },
    });
  });

  it('is the end if it is removed: the initiator then has an error and no other way', async () => {
    const here = await world();
    const alter = only(1, (token) => {
      const { kind, supportedMechList, ...rest } = respOf({
        status: 'continue',
        outputToken: token,
      });
      return encodeNegTokenResp(rest);
    });
    const met = meet(here, { mechanisms: [expired(here), relayed()] }, { alter });
    await expect(met).rejects.toMatchObject({ minor: { code: 'KRB_AP_ERR_TKT_EXPIRED' } });
  });

  it('cannot cause a fallback: without Late Fallback in it, there is none', async () => {
    const here = await world();
    const mechanisms = [expired(here), relayed()];
    const { result } = await meet(here, { mechanisms }, { alter: only(0, withoutLate) });
    expect(result).toMatchObject({ status: 'failed', error: { reason: 'ticket.expired' } });
  });
});

describe('the option lateFallback', () => {
  it.each<[string, (here: World) => Partial<AcceptorOptions>]>([
    ['iakerb', () => ({ iakerb: undefined as never })],
    ['SPNEGO', () => ({ mechanisms: [krb5, iakerb] })],
  ])('needs %s', async (_, options) => {
    const here = await world();
    const { iakerb: _relay, ...rest } = {
      credential: here.credential,
      iakerb: { kdc: here.realm.kdc },
      lateFallback: true,
      ...options(here),
    };
    const made = () => createAcceptor(_relay === undefined ? rest : { ...rest, iakerb: _relay });
    expect(made).toThrow(/^lateFallback: expected/);
  });

  it('is refused if undefined', async () => {
    const { credential } = await world();
    expect(() => createAcceptor({ credential, lateFallback: undefined as never })).toThrow(
      /lateFallback/,
    );
  });
});
