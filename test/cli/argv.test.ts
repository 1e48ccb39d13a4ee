import { describe, expect, it } from 'vitest';
import { programArguments } from '../../src/cli/argv.ts';

describe('the arguments of a program', () => {
  const given = ['-workers', '2', 'host@server'];

  it('follow the paths of the runtime and of the script', () => {
    expect(programArguments(['/usr/bin/node', '/opt/main.js', ...given], false)).toEqual(given);
    expect(programArguments(['/usr/bin/node', '/opt/main.js', ...given], true)).toEqual(given);
    expect(programArguments(['/usr/bin/node', '/opt/main.js'], true)).toEqual([]);
  });

  // As Bun 1.4.5 has them.
  it('are the same in a worker of a program compiled with its runtime', () => {
    const program = '/$bunfs/gss-server';
    expect(programArguments(['bun', program, ...given], false)).toEqual(given);
    expect(programArguments(['bun', program, program, ...given], true)).toEqual(given);
  });

  it('are all kept outside of a worker', () => {
    expect(programArguments(['bun', '/opt/main.js', '/opt/main.js'], false)).toEqual([
      '/opt/main.js',
    ]);
  });
});
