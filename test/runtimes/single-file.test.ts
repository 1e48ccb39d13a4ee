/** gss-server as one file: bundled for Node, and compiled with Bun into a program without a runtime beside it. */
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { describe } from 'vitest';
import { scratch } from '../support/realm.ts';
import { runOrThrow } from '../support/run.ts';
import { installed } from './installed.ts';
import { describeProgram } from './suite.ts';

const GSS_SERVER = resolve(import.meta.dirname, '../../dist/cli/gss-server/main.js');

const directory = scratch();
const bundled = join(directory, 'gss-server.mjs');
const bundle = await rolldown({ input: GSS_SERVER, platform: 'node', external: /^node:/ });
await bundle.write({ file: bundled, format: 'esm', minify: true, codeSplitting: false });
describeProgram('a bundle', [process.execPath, bundled]);

const bun = await installed('bun');
const compiled = join(directory, 'gss-server');
if (bun !== undefined) {
  const args = ['build', '--compile', GSS_SERVER, '--outfile', compiled];
  await runOrThrow(bun[0]!, args);
}
describe.runIf(bun)('bun build --compile', () => {
  describeProgram('a program compiled with Bun', [compiled]);
});
