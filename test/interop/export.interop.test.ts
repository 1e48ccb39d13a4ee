/** A context that moves between processes: no KDC is needed, only the built package. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import { importSecurityContext } from '../../src/index.ts';
import { establish, makeKeytab } from '../support/realm-kit.ts';

const ENTRY = new URL('../../dist/index.js', import.meta.url).href;

/** Another process: imports, unwraps each token, wraps an answer, exports. */
const PROGRAM = `
import { importSecurityContext } from '${ENTRY}';
const { exported, tokens } = JSON.parse(process.argv[1]);
const context = importSecurityContext(Buffer.from(exported, 'hex'));
const results = tokens.map((token) => {
  const { message, confidential, sequence } = context.unwrap(Buffer.from(token, 'hex'));
  return [Buffer.from(message).toString(), confidential, sequence];
});
const answer = context.wrap(Buffer.from('from the other process'));
console.log(JSON.stringify({
  initiator: String(context.initiator),
  results,
  answer: Buffer.from(answer).toString('hex'),
  exported: Buffer.from(context.export()).toString('hex'),
}));
`;

interface Report {
  readonly initiator: string;
  readonly results: readonly [string, boolean, string][];
  readonly answer: string;
  readonly exported: string;
}

function inAnotherProcess(input: object): Report {
  const args = ['--input-type=module', '-e', PROGRAM, JSON.stringify(input)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Report;
}

describe.each([17, 18, 19, 20, 25, 26])('a context of enctype %i', (enctype) => {
  it('works on in another process and comes back, window and keys included', async () => {
    const { client, server } = await establish({ keytab: makeKeytab({ enctype }) });
    const [first, second, third] = ['one', 'two', 'three'].map((text) =>
      client.wrap(new TextEncoder().encode(text)),
    ) as [Uint8Array, Uint8Array, Uint8Array];
    expect(server.unwrap(first).sequence).toBe('ok');
    const there = inAnotherProcess({
      exported: toHex(server.export()),
      tokens: [first, second].map(toHex),
    });
    expect(there.initiator).toBe('alice@EXAMPLE.TEST');
    expect(there.results).toEqual([
      ['one', true, 'duplicate'],
      ['two', true, 'ok'],
    ]);
    expect(client.unwrap(fromHex(there.answer)).sequence).toBe('ok');
    const back = importSecurityContext(fromHex(there.exported));
    expect(back.unwrap(second).sequence).toBe('duplicate');
    expect(back.unwrap(third).sequence).toBe('ok');
    expect(client.unwrap(back.wrap(new Uint8Array(5))).sequence).toBe('ok');
  });
});
