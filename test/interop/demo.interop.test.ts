/** `npm run demo` and `npm run demo:http`: what a newcomer runs first. It needs no KDC. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../support/run.ts';

const DEMO = resolve(import.meta.dirname, '../../dist/cli/demo/main.js');
const DEMO_HTTP = resolve(import.meta.dirname, '../../dist/cli/demo-http/main.js');

describe('npm run demo', () => {
  it('shows three clients and complains about nothing', async () => {
    const { code, stdout, stderr } = await run(process.execPath, [DEMO]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toMatch(/warning: |hint: |has mode|at .*\.js:\d/);
    expect(stdout.match(/Accepted connection: "alice@EXAMPLE\.ORG"/g)).toHaveLength(3);
    expect(stdout).toMatch(/All MICs verified: gss-server works on this machine\.\n$/);
  });

  it('ends with all its processes when its reader goes away, as head does', async () => {
    // A process group of its own: the group is empty once the demo and its server have ended.
    const demo = spawn(process.execPath, [DEMO], { detached: true });
    let complaints = '';
    demo.stderr.on('data', (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    await once(demo.stdout, 'data');
    demo.stdout.destroy();
    const [code] = (await once(demo, 'close')) as [number | null];
    expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
    await expect.poll(() => groupExists(demo.pid!)).toBe(false);
  });
});

describe('npm run demo:http', () => {
  it('says where it listens, serves the page there, and ends on SIGTERM', async () => {
    const env = { ...process.env, KRB5_ACCEPTOR_REALM: '' };
    const demo = spawn(process.execPath, [DEMO_HTTP, '-port', '0'], { env });
    const ended = once(demo, 'close') as Promise<[number | null]>;
    const [line] = (await once(demo.stdout, 'data')) as [Buffer];
    const address = /^Open (http:\/\/localhost:\d+\/) in a browser/.exec(line.toString())?.[1];
    const response = await fetch(`${address}practice/signed-on`);
    expect(await response.text()).toContain('Hello Alice Liddell');
    demo.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  });

  it('says what is wrong with its options', async () => {
    const { code, stderr } = await run(process.execPath, [DEMO_HTTP, '-prot', '1']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^demo:http: unknown option -prot\nUsage: npm run demo:http/);
  });
});

function groupExists(leader: number): boolean {
  try {
    return process.kill(-leader, 0);
  } catch {
    return false;
  }
}
