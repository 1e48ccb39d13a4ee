import * as nodeModule from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { builtinCrypto } from '../../../src/crypto/runtime/module.ts';

afterEach(() => vi.unstubAllGlobals());

describe("the runtime's crypto", () => {
  it("is Node's own", () => {
    expect(builtinCrypto()?.createHmac).toBe(nodeModule.createHmac);
  });

  it.each([
    ['without a process', undefined],
    ["with a bundler's shim of it", { env: {} }],
    ['with a runtime that lacks the module', { getBuiltinModule: () => undefined }],
    [
      'with a runtime that throws',
      {
        getBuiltinModule: () => {
          throw new Error('not implemented');
        },
      },
    ],
  ])('is none %s', (_, process) => {
    vi.stubGlobal('process', process);
    expect(builtinCrypto()).toBeUndefined();
  });
});
