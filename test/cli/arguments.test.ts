import { describe, expect, it } from 'vitest';
import { integer, readArguments, text, UsageError } from '../../src/cli/arguments.ts';

const KNOWN = { switches: new Set(['once']), texts: new Set(['port', 'host']) };

describe('readArguments', () => {
  it('takes one dash or two, and a value after the option or after an equals sign', () => {
    const { switches, texts, positionals } = readArguments(
      ['-port', '1', '--host=a=b', 'x', '--once', '--', '-y'],
      KNOWN,
    );
    expect([...switches]).toEqual(['once']);
    expect([...texts]).toEqual([
      ['port', '1'],
      ['host', 'a=b'],
    ]);
    expect(positionals).toEqual(['x', '-y']);
  });

  it.each([
    [['-once=1'], '-once takes no value'],
    [['-port'], '-port needs a value'],
    [['--prot', '1'], 'unknown option --prot'],
  ])('refuses %j', (argv, message) => {
    expect(() => readArguments(argv, KNOWN)).toThrow(new UsageError(message));
  });

  it('reads values of a kind', () => {
    const values = readArguments(['-port', '70000', '-host='], KNOWN);
    expect(integer(values, 'port', 0, 70_000)).toBe(70_000);
    expect(integer(values, 'absent', 0, 1)).toBeUndefined();
    expect(text(values, 'absent')).toBeUndefined();
    expect(() => integer(values, 'port', 0, 65_535)).toThrow(
      "-port: expected a number from 0 to 65535, got '70000'",
    );
    expect(() => text(values, 'host')).toThrow('-host: expected a value, got an empty text');
  });
});
