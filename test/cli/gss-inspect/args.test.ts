import { describe, expect, it } from 'vitest';
import type { InspectArguments } from '../../../src/cli/gss-inspect/args.ts';
import { parseArguments } from '../../../src/cli/gss-inspect/args.ts';
import { HELP, USAGE } from '../../../src/cli/gss-inspect/help.ts';

const DEFAULTS: InspectArguments = {
  files: [],
  token: undefined,
  keytab: undefined,
  service: undefined,
  time: undefined,
  skew: undefined,
  shownBytes: undefined,
  weak: false,
  secrets: false,
  json: false,
};

describe('parseArguments', () => {
  it.each<[string, string[], Partial<InspectArguments>]>([
    ['nothing: the standard input', [], {}],
    ['the standard input by name', ['-'], { files: ['-'] }],
    ['files', ['a', 'b'], { files: ['a', 'b'] }],
    ['a token', ['-token', 'Negotiate YII='], { token: 'Negotiate YII=' }],
    [
      'a keytab and a service',
      ['-keytab=FILE:/k', '-service', 'HTTP'],
      { keytab: 'FILE:/k', service: 'HTTP' },
    ],
    ['a time', ['-time', '2026-11-23T17:38:00Z'], { time: Date.UTC(2026, 10, 23, 17, 38) }],
    [
      'a time of another zone',
      ['-time', '2026-11-23T18:38:00+01:00'],
      { time: Date.UTC(2026, 10, 23, 17, 38) },
    ],
    ['numbers', ['-skew', '0', '-bytes', '65536'], { skew: 0, shownBytes: 65_536 }],
    ['switches', ['-weak', '--secrets', '-json'], { weak: true, secrets: true, json: true }],
  ])('reads %s', (_, argv, expected) => {
    expect(parseArguments(argv)).toEqual({
      action: 'inspect',
      arguments: { ...DEFAULTS, ...expected },
    });
  });

  it.each([
    [['-time', 'yesterday'], '-time: expected a time such as'],
    [['-time', '2026-11-23T17:38:00'], '-time: expected a time such as'],
    [['-bytes', '0'], '-bytes: expected a number from 1'],
    [['-token', 'x', 'file'], '-token: expected no files beside it'],
    [['-keytab', ''], '-keytab: expected a value'],
    [['-colour'], 'unknown option -colour'],
  ])('refuses %j', (argv, message) => {
    expect(parseArguments(argv)).toMatchObject({
      action: 'usage',
      message: expect.stringContaining(message),
    });
  });

  it('has a help that explains each option of the usage', () => {
    expect(parseArguments(['-help'])).toEqual({ action: 'help' });
    expect(parseArguments(['-version'])).toEqual({ action: 'version' });
    const options = [...USAGE.matchAll(/-[a-z]+/g)]
      .map(([option]) => option)
      .filter((o) => o !== '-inspect');
    expect(options.length).toBeGreaterThan(8);
    for (const option of options)
      expect(HELP).toMatch(new RegExp(`^  (?:-help, )?${option}[ ,]`, 'm'));
  });
});
