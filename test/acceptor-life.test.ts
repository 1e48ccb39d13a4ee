/** What an acceptor keeps has an end: that of the ticket, or its own. */
import { describe, expect, it } from 'vitest';
import type { AcceptResult } from '../src/index.ts';
import { ContextFlag } from '../src/index.ts';
import { createInitiator, mintTicket } from '../src/testing/index.ts';
import { Census } from './support/census.ts';
import { makeParties, NOW, NOW_SECONDS, seededRandom } from './support/realm-kit.ts';

const SKEW = 300;

/** A client whose ticket the acceptor keeps, because it came three times. */
async function returningClient(endTime: number) {
  let now = NOW;
  const clock = (): number => now;
  const census = new Census();
  const { keytab, acceptor } = await makeParties({ acceptor: { clock } });
  let seed = 50;
  const ticketOf = (client: string, end: number) =>
    mintTicket({ keytab, client, clock, endTime: end, random: seededRandom(seed++) });
  const ticket = ticketOf('alice@EXAMPLE.TEST', endTime);
  const accept = async (of = ticket): Promise<AcceptResult['status']> => {
    const initiator = createInitiator({ ticket: of, clock, random: seededRandom(seed++) });
    const token = initiator.begin();
    return census.watch(async () => {
      const result = await acceptor.begin().accept(token);
      if (result.status === 'complete') result.context.dispose();
      return result.status;
    });
  };
  for (let times = 0; times < 3; times++) expect(await accept()).toBe('complete');
  const secrets = { session: ticket.sessionKey.bytes() };
  expect(census.left(secrets)).toEqual(['session']);
  const other = ticketOf('bob@EXAMPLE.TEST', NOW_SECONDS + 86_400);
  const left = (): string[] => census.left(secrets);
  const advanceTo = (seconds: number): void => {
    now = seconds * 1000;
  };
  return { acceptor, accept, other, left, advanceTo };
}

describe('a ticket that came again', () => {
  it('leaves no session key from its end on, whoever comes next', async () => {
    const end = NOW_SECONDS + 600;
    const { accept, other, left, advanceTo } = await returningClient(end);
    advanceTo(end + SKEW);
    expect(await accept(other)).toBe('complete');
    expect(left()).toEqual(['session']);
    advanceTo(end + SKEW + 1);
    expect(await accept(other)).toBe('complete');
    expect(left()).toEqual([]);
  });

  it('leaves no session key from its end on, if it comes itself', async () => {
    const end = NOW_SECONDS + 600;
    const { accept, left, advanceTo } = await returningClient(end);
    advanceTo(end + SKEW + 1);
    expect(await accept()).toBe('failed');
    expect(left()).toEqual([]);
  });
});

describe('an acceptor that is disposed of', () => {
  it.each(['dispose', Symbol.dispose] as const)('leaves no session key (%o)', async (how) => {
    const { acceptor, left } = await returningClient(NOW_SECONDS + 600);
    acceptor[how]();
    expect(left()).toEqual([]);
    expect(() => acceptor.begin()).toThrow(/^acceptor: expected one in use/);
    expect(() => acceptor.resume(new Uint8Array())).toThrow(/^acceptor: expected one in use/);
    acceptor[how]();
  });

  it('lets those exchanges come to their end that have begun, and keeps nothing of them', async () => {
    const census = new Census();
    const flags = ContextFlag.dceStyle | ContextFlag.mutual;
    const { acceptor, initiator, ticket, begin } = await makeParties({ initiator: { flags } });
    const dce = begin();
    const first = initiator.begin();
    const second = await census.watch(() => dce.accept(first));
    const waiting = begin();
    acceptor.dispose();
    const third = initiator.confirm(second.outputToken!);
    const result = await census.watch(() => dce.accept(third));
    if (result.status !== 'complete') throw new Error(result.status);
    result.context.dispose();
    const again = createInitiator({ ticket, clock: () => NOW, random: seededRandom(60) });
    const token = again.begin();
    const late = await census.watch(() => waiting.accept(token));
    if (late.status !== 'complete') throw new Error(late.status);
    late.context.dispose();
    expect(census.left({ session: ticket.sessionKey.bytes() })).toEqual([]);
  });
});
