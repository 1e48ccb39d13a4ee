/** A keytab file rewritten under a TCP server, a library acceptor and HTTP while clients come. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64 } from '../../../src/http/base64.ts';
import type { Acceptor, CredentialWarning } from '../../../src/index.ts';
import { acquireCredential, createAcceptor, formatKeytab } from '../../../src/index.ts';
import type { Keytab } from '../../../src/keytab/keytab.ts';
import { keytabFile } from '../../../src/node/files/keytab-file.ts';
import { httpAuthenticator } from '../../../src/node/http.ts';
import type { MintedTicket } from '../../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../../src/testing/index.ts';
import { CLIENT, makeKeytab, SERVICE } from '../../support/realm-kit.ts';
import { isLetIn, TestServer } from '../server/sample-client.ts';

const LEAKED = { kvno: 1, seed: 11 };
const GOOD = { kvno: 2, seed: 12 };
const both = makeKeytab(LEAKED, GOOD);
const reduced = makeKeytab(GOOD);

let directory: string;
let path: string;
let now: number;
let warnings: CredentialWarning[];
let stolen: MintedTicket;
let legitimate: MintedTicket;

/** Puts a file in its place, as a careful tool does. */
function replace(keytab: Keytab): void {
  writeFileSync(`${path}.new`, formatKeytab(keytab), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Writes into the file, as a careless tool does. */
function rewrite(keytab: Keytab): void {
  writeFileSync(path, formatKeytab(keytab), { mode: 0o600 });
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keytab-rotation-'));
  path = join(directory, 'keytab');
  rewrite(both);
  now = 1_000_000;
  warnings = [];
  stolen = mintTicket({ keytab: makeKeytab(LEAKED), client: CLIENT });
  legitimate = mintTicket({ keytab: reduced, client: CLIENT });
});
afterEach(() => rmSync(directory, { recursive: true }));

async function makeAcceptor(): Promise<Acceptor> {
  const credential = await acquireCredential({
    keytab: keytabFile(path, { onWarning: () => {} }),
    service: SERVICE,
    clock: () => now,
    onWarning: (warning) => warnings.push(warning),
  });
  return createAcceptor({ credential });
}

/** Presents a ticket in one of the three ways. @returns Whether it was let in. */
type Present = (ticket: MintedTicket) => Promise<boolean>;

function overLibrary(acceptor: Acceptor): Present {
  return async (ticket) => {
    const result = await acceptor.begin().accept(createInitiator({ ticket }).begin());
    return result.status === 'complete';
  };
}

function overTcp({ port }: TestServer): Present {
  return (ticket) => isLetIn(port, ticket);
}

function overHttp(server: Server): Present {
  const { port } = server.address() as AddressInfo;
  return async (ticket) => {
    const token = encodeBase64(createInitiator({ ticket }).begin());
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      headers: { authorization: `Negotiate ${token}` },
    });
    await response.text();
    return response.status === 200;
  };
}

describe.each([
  ['put in its place', replace],
  ['rewritten where it is', rewrite],
])('a keytab that is %s', (_, change) => {
  it('revokes a key in the library, a TCP and an HTTP server, and costs no other client', async () => {
    const [library, tcp, web] = [await makeAcceptor(), await makeAcceptor(), await makeAcceptor()];
    await using server = await TestServer.start({ acceptor: tcp });
    const authenticate = httpAuthenticator({ acceptor: web });
    const site = createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
      const context = await authenticate(request, response);
      if (context !== undefined) response.end('hello');
      context?.dispose();
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    try {
      const ways = [overLibrary(library), overTcp(server), overHttp(site)];
      const everyWay = (ticket: MintedTicket) => Promise.all(ways.map((way) => way(ticket)));
      const good = [true, true, true];
      // Hot: their tickets are known.
      for (let time = 0; time < 3; time++) {
        expect(await everyWay(stolen)).toEqual(good);
        expect(await everyWay(legitimate)).toEqual(good);
      }
      change(reduced);
      for (let elapsed = 0; elapsed < 5000; elapsed += 500) {
        now += 500;
        const load = Array.from({ length: 5 }, () => everyWay(legitimate));
        await everyWay(stolen);
        expect(await Promise.all(load)).toEqual(load.map(() => good));
      }
      for (let time = 0; time < 3; time++) {
        expect(await everyWay(stolen)).toEqual([false, false, false]);
        expect(await everyWay(legitimate)).toEqual(good);
      }
      // A file that is half-written or gone takes nothing away.
      writeFileSync(path, formatKeytab(reduced).subarray(0, 20));
      now += 5000;
      expect(await everyWay(legitimate)).toEqual(good);
      rmSync(path);
      now += 3_600_000;
      expect(await everyWay(legitimate)).toEqual(good);
      expect(await everyWay(stolen)).toEqual([false, false, false]);
      // What keytabFile has told is not told again.
      expect(warnings).toEqual([]);
    } finally {
      site.close();
      site.closeAllConnections();
    }
  });
});

describe('a keytab file that stays missing', () => {
  it('stops the service after maxKeytabAge, and serves again when the file is back', async () => {
    const credential = await acquireCredential({
      keytab: keytabFile(path, { onWarning: () => {} }),
      clock: () => now,
      maxKeytabAge: 600,
      onWarning: (warning) => warnings.push(warning),
    });
    const present = overLibrary(createAcceptor({ credential }));
    expect(await present(legitimate)).toBe(true);
    rmSync(path);
    now += 590_000;
    expect(await present(legitimate)).toBe(true);
    now += 20_000;
    expect(await present(legitimate)).toBe(false);
    expect(warnings.map(({ kind }) => kind)).toEqual(['expired']);
    rewrite(both);
    expect(await present(legitimate)).toBe(true);
  });
});
