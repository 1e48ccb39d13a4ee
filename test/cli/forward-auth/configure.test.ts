import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { parseArguments } from '../../../src/cli/forward-auth/args.ts';
import { configure } from '../../../src/cli/forward-auth/configure.ts';
import { forwardAuthHandler } from '../../../src/cli/forward-auth/handler.ts';
import { formatKeytab } from '../../../src/index.ts';
import { createSignOnFetch, testKeytab } from '../../../src/testing/index.ts';

it('says once, and in its own words, why clients over plain HTTP get no session', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'forward-auth-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const keytab = testKeytab('HTTP/www.example.com@EXAMPLE.COM');
  const [keys, sessionKey] = [join(directory, 'keytab'), join(directory, 'session-key')];
  writeFileSync(keys, formatKeytab(keytab), { mode: 0o600 });
  writeFileSync(sessionKey, Buffer.alloc(32, 'secret').toString('base64'), { mode: 0o600 });

  const notes: string[] = [];
  const argv = ['-keytab', keys, '-session-key', sessionKey, '-rcache', 'memory:'];
  const parsed = parseArguments(argv, {});
  if (parsed.action !== 'serve') throw new Error(parsed.action);
  const log = { note: (text: string) => void notes.push(text), record: () => {} };
  const site = await configure(parsed.arguments, log);
  const server = createServer(forwardAuthHandler(site)).listen(0, '127.0.0.1');
  onTestFinished(async () => {
    server.close();
    await site.close();
  });
  await once(server, 'listening');
  const headers = {
    'X-Forwarded-Method': 'GET',
    'X-Forwarded-Uri': '/',
    'X-Forwarded-Host': 'www.example.com',
    'X-Forwarded-Proto': 'http',
  };
  const signOn = createSignOnFetch({ keytab, user: 'alice' });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/auth`;
  for (let i = 0; i < 3; i++) expect((await signOn(url, { headers })).status).toBe(200);

  expect(notes).toMatchObject([
    expect.stringMatching(/^credentials come over plain HTTP, .* -require-tls\)$/),
    expect.stringMatching(/^No session: the cookie __Host-krb5 is for TLS, .* -insecure-cookie$/),
  ]);
});
