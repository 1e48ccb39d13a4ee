import { expect, it } from 'vitest';
import { KdcError } from '../../../src/testing/index.ts';

it('has the name of a number that the KDC sends', () => {
  const data = Uint8Array.of(1);
  const error = new KdcError(24, { text: 'say\u001b please', data });
  expect(error).toMatchObject({ name: 'KdcError', code: 'KDC_ERR_PREAUTH_FAILED', data });
  expect(error.message).toBe('KDC_ERR_PREAUTH_FAILED: say\\x1b please');
  expect(new KdcError('KRB_AP_ERR_SKEW')).toMatchObject({ errorCode: 37 });
});

it('has only the number of any other', () => {
  const error = new KdcError(23);
  expect(error.message).toBe('error 23');
  expect(error.code).toBeUndefined();
});
