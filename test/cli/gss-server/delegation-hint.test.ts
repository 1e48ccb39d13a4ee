import { expect, it } from 'vitest';
import { DelegationHint } from '../../../src/cli/gss-server/delegation-hint.ts';
import type { SecurityContext } from '../../../src/context/context.ts';
import { ContextFlag } from '../../../src/gss/status.ts';
import { TicketFlag } from '../../../src/messages/ticket.ts';
import type { GssServerEvent } from '../../../src/node/server/events.ts';

function accepted(flags: number, ticketFlags: number): GssServerEvent {
  const context = { flags, ticket: { flags: ticketFlags } } as SecurityContext;
  return { type: 'accepted', context, framing: 'v2', connection: { id: 1 } } as GssServerEvent;
}

function linesOf(hint: DelegationHint, event: GssServerEvent): string[] {
  return hint.linesFor(event).map(({ to, bytes }) => `${to}: ${Buffer.from(bytes).toString()}`);
}

it('says of the first client whose ticket is not forwardable that it cannot delegate', () => {
  const hint = new DelegationHint();
  expect(linesOf(hint, accepted(ContextFlag.delegation, TicketFlag.forwardable))).toEqual([]);
  expect(linesOf(hint, accepted(0, TicketFlag.forwardable))).toEqual([]);
  expect(linesOf(hint, { type: 'close', connection: { id: 1 } } as GssServerEvent)).toEqual([]);
  expect(linesOf(hint, accepted(0, 0))).toEqual([
    expect.stringMatching(
      /^stderr: hint: no credential was delegated: the ticket is not forwardable; get a forwardable ticket: kinit -f, .* \(no fault unless clients are to delegate; said of the first one only\)\n$/,
    ),
  ]);
  expect(linesOf(hint, accepted(0, 0))).toEqual([]);
});
