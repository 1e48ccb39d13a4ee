/** SPNEGO's messages (RFC 4178 §4.2, MS-SPNG §2.2.1). */
import { decodeNegToken } from '../../spnego/neg-token.ts';
import { readElement } from '../asn1/element.ts';
import type { Contents, Type } from '../asn1/types.ts';
import {
  asn1,
  enumerated,
  flags,
  listOf,
  objectIdentifier,
  octets,
  publicOctets,
  sequence,
  string,
  tagged,
} from '../asn1/types.ts';
import { NEG_STATES, named } from '../names/numbers.ts';
import { strictly } from '../scope.ts';

/** NegTokenInit, NegTokenInit2 or NegTokenResp. @param inner - Lays out the token of a mechanism. */
export function negToken(inner: Contents): Contents {
  const mechToken: Contents = (scope, start, end, label, seen) =>
    scope.tooDeep || start === end
      ? scope.data(label, start, end)
      : inner(scope.deeper(), start, end, label, seen);
  const init = initOf(mechToken, [3, 'mechListMIC?', octets(mechToken)]);
  const init2 = initOf(mechToken, [3, 'negHints?', HINTS], [4, 'mechListMIC?', octets(mechToken)]);
  const resp = tagged(
    'context',
    1,
    sequence({
      0: ['negState?', enumerated((state) => named(NEG_STATES, state))],
      1: ['supportedMech?', objectIdentifier],
      2: ['responseToken?', octets(mechToken)],
      3: ['mechListMIC?', octets(mechToken)],
      4: ['supportedMechs?', listOf('mechanism', objectIdentifier, 'MS-SPNG §3.1.5.1')],
    }),
    'RFC 4178 §4.2.2',
  );
  return (scope, start, end) => {
    const element = readElement(scope.report, scope.bytes, start, end);
    const isResp = element.tagClass === 'context' && element.tagNumber === 1;
    const third = element.children[0]?.children.find(({ tagNumber }) => tagNumber === 3);
    const isInit2 = third?.children[0]?.constructed === true && third.children[0].tagNumber === 16;
    const [name, type] = isResp
      ? (['NegTokenResp', resp] as const)
      : isInit2
        ? (['NegTokenInit2', init2] as const)
        : (['NegTokenInit', init] as const);
    const item = asn1(scope, start, end, name, type);
    strictly(item, () => decodeNegToken(scope.bytes.subarray(start, end)));
    return item;
  };
}

function initOf(mechToken: Contents, ...last: readonly (readonly [number, string, Type])[]): Type {
  return tagged(
    'context',
    0,
    sequence({
      0: ['mechTypes', listOf('mechanism', objectIdentifier, 'RFC 4178 §4.1')],
      1: ['reqFlags?', flags({})],
      2: ['mechToken?', octets(mechToken)],
      ...Object.fromEntries(last.map(([number, name, type]) => [number, [name, type]])),
    }),
    last.length > 1 ? 'MS-SPNG §2.2.1' : 'RFC 4178 §4.2.1',
  );
}

const HINTS = sequence({ 0: ['hintName?', string], 1: ['hintAddress?', publicOctets] });
