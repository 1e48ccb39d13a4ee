import { expect, test } from 'vitest';
import type { AuthorizationDataElement } from '../../src/messages/authorization-data.ts';
import {
  decodeAuthorizationData,
  encodeAuthorizationData,
} from '../../src/messages/authorization-data.ts';
import { findPac, withEmptyPac } from '../../src/pac/locate.ts';
import { thrownBy, ticketFor } from '../support/pac.ts';

const pac = { type: 128, data: Uint8Array.of(1, 2, 3) };
const other = { type: 97, data: Uint8Array.of(9) };

function ifRelevant(...elements: AuthorizationDataElement[]): AuthorizationDataElement {
  return { type: 1, data: encodeAuthorizationData(elements) };
}

test.each([
  ['no authorization data', undefined],
  ['nothing in it', []],
  ['other elements', [other, ifRelevant(other)]],
])('%s: no PAC', (_, data) => {
  expect(findPac(data)).toBeUndefined();
});

test.each([
  ['in AD-IF-RELEVANT', [other, ifRelevant(other, pac)]],
  ['in the second AD-IF-RELEVANT', [ifRelevant(other), ifRelevant(pac)]],
  ['bare', [other, pac]],
  ['four containers deep', [ifRelevant(ifRelevant(ifRelevant(ifRelevant(other, pac))))]],
])('a PAC %s', (_, data) => {
  expect([...findPac(data)!]).toEqual([1, 2, 3]);
});

test.each([
  ['side by side', [ifRelevant(pac, pac)]],
  ['in two containers', [ifRelevant(pac), ifRelevant(pac)]],
  ['bare and not', [pac, ifRelevant(pac)]],
])('two PACs are refused: %s', (_, data) => {
  expect(thrownBy(() => findPac(data))).toMatchObject({
    name: 'DecodeError',
    message: 'ticket holds more than one PAC',
  });
});

test('an AD-IF-RELEVANT that is none is refused: it could hold the PAC', () => {
  expect(thrownBy(() => findPac([{ type: 1, data: Uint8Array.of(0x30) }]))).toMatchObject({
    name: 'DecodeError',
  });
});

function nested(
  depth: number,
  ...elements: AuthorizationDataElement[]
): AuthorizationDataElement[] {
  return depth === 0 ? elements : nested(depth - 1, ifRelevant(...elements));
}

test('what is more than ten containers deep is ignored (RFC 4120 §5.2.6.1)', () => {
  expect([...findPac(nested(10, pac))!]).toEqual([1, 2, 3]);
  expect(findPac(nested(11, pac))).toBeUndefined();
  // Not even opened.
  expect(findPac(nested(10, { type: 1, data: Uint8Array.of(0x30) }))).toBeUndefined();
});

test('the PAC of a ticket is emptied where it is found, and only there', () => {
  const empty = { type: 128, data: Uint8Array.of(0) };
  const ticket = ticketFor('alice', 5);
  const emptied = (...data: AuthorizationDataElement[]) =>
    withEmptyPac({ ...ticket, authorizationData: data }).authorizationData;
  expect(emptied(...nested(10, pac))).toEqual(nested(10, empty));
  expect(emptied(...nested(11, pac))).toEqual(nested(11, pac));
  const unreadable = nested(10, { type: 1, data: Uint8Array.of(0x30) });
  expect(emptied(...unreadable)).toEqual(unreadable);
});

test('the PAC of a ticket is emptied as deep as it is found', () => {
  const nested = [ifRelevant(other, ifRelevant(pac, other))];
  const ticket = { ...ticketFor('alice', 5), authorizationData: nested };
  const emptied = withEmptyPac(ticket).authorizationData;
  expect(emptied).toEqual([
    ifRelevant(other, ifRelevant({ type: 128, data: Uint8Array.of(0) }, other)),
  ]);
});

test('the PAC of a ticket emptied, all else as it was', () => {
  const ticket = {
    ...ticketFor('alice', 5),
    authorizationData: [ifRelevant(other, pac), other, ifRelevant(other)],
  };
  const emptied = withEmptyPac(ticket).authorizationData!;
  expect(
    decodeAuthorizationData(emptied[0]!.data).map(({ type, data }) => [type, [...data]]),
  ).toEqual([
    [97, [9]],
    [128, [0]],
  ]);
  expect(emptied.slice(1)).toEqual(ticket.authorizationData.slice(1));
  expect([...findPac(ticket.authorizationData)!]).toEqual([1, 2, 3]);
});

test('a ticket without authorization data has none afterwards', () => {
  const ticket = ticketFor('alice', 5);
  expect(withEmptyPac(ticket)).toEqual({ ...ticket, authorizationData: [] });
});
