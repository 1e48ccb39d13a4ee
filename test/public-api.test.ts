/** The public names as their users see them. */
import { describe, expect, it } from 'vitest';
import { brokenLinks, readPublicApi, undocumented, usedTypes } from './support/public-api.ts';

const api = readPublicApi();

describe('the public names', () => {
  it('include every type that their signatures use', () => {
    const exported = new Set(api.names.flatMap(({ symbols }) => symbols));
    const missing = [...usedTypes(api)]
      .filter(([symbol]) => !exported.has(symbol))
      .map(([symbol, user]) => `${symbol.name}, used by ${user}`);
    expect(missing).toEqual([]);
  });

  it('have docstrings, and so have their members', () => {
    expect(undocumented(api)).toEqual([]);
  });

  it('have docstrings that link to public names', () => {
    expect(brokenLinks(api)).toEqual([]);
  });
});
