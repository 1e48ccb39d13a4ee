/** The portable script on a page of headless Chromium. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe } from 'vitest';
import { CHROMIUM } from '../support/peers.ts';
import { have, scratch } from '../support/realm.ts';
import { portableSteps } from './portable.ts';
import type { Outcome } from './steps.ts';
import { describeSteps, writeScript } from './suite.ts';

describe.runIf(have('chromium'))('Chromium', () => {
  describeSteps('the portable script', portableSteps(), runOnPage);
});

async function runOnPage(): Promise<readonly Outcome[]> {
  const script = readFileSync(await writeScript('page', 'within'), 'utf8');
  let send: (outcomes: readonly Outcome[]) => void;
  const sent = new Promise<readonly Outcome[]>((resolve) => {
    send = resolve;
  });
  const server = createServer(async (request, response) => {
    if (request.url === '/outcomes') {
      response.end();
      send(JSON.parse(Buffer.concat(await request.toArray()).toString()));
    } else if (request.url === '/script.js') {
      response.setHeader('content-type', 'text/javascript').end(script);
    } else {
      response
        .setHeader('content-type', 'text/html')
        .end('<script type="module" src="/script.js"></script>');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const browser = spawn(CHROMIUM, [
    ...FLAGS,
    `--user-data-dir=${scratch()}`,
    `http://127.0.0.1:${port}/`,
  ]);
  const ended = once(browser, 'exit');
  try {
    return await Promise.race([
      sent,
      ended.then(() => Promise.reject(new Error('Chromium ended'))),
    ]);
  } finally {
    browser.kill();
    await ended;
    server.closeAllConnections();
    server.close();
  }
}

// Tests run as root, which the sandbox does not want.
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
];
