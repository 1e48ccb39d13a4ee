/** Over HTTP our own faults are 503, and a client that goes away is not waited for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeBase64 } from '../../src/http/base64.ts';
import type {
  Acceptor,
  AcceptorOptions,
  GssError,
  ReplayCache,
  ReplayRecord,
} from '../../src/index.ts';
import { ContextFlag, Mechanism } from '../../src/index.ts';
import { httpAuthenticator } from '../../src/node/http.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { Census } from '../support/census.ts';
import { makeParties, NOW, seededRandom } from '../support/realm-kit.ts';
import { ManualTimers, settle } from '../support/timers.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function site(acceptor: Acceptor) {
  const failures: GssError[] = [];
  const authenticate = httpAuthenticator({ acceptor, onFailure: (error) => failures.push(error) });
  const server = createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
    using context = await authenticate(request, response);
    if (context !== undefined) response.end(`Hello ${context.initiator}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const send = (token: Uint8Array) => {
    const headers = { authorization: `Negotiate ${encodeBase64(token)}` };
    const request = httpRequest({ port, host: '127.0.0.1', agent, headers });
    request.end();
    return request;
  };
  const get = async (token: Uint8Array): Promise<Answer> => {
    const [response] = (await once(send(token), 'response')) as [IncomingMessage];
    const body = Buffer.concat(await response.toArray()).toString();
    return { status: response.statusCode!, headers: response.headers, body };
  };
  return { agent, failures, get, send };
}

/** A site, and clients with new tokens. */
async function served(acceptor: Partial<AcceptorOptions>) {
  const { ticket, ...parties } = await makeParties({ acceptor });
  let seed = 1000;
  const token = (): Uint8Array =>
    createInitiator({ ticket, clock: () => NOW, random: seededRandom(seed++) }).begin();
  return { ...(await site(parties.acceptor)), token };
}

describe('a fault of the service', () => {
  it.each<[string, Partial<AcceptorOptions>, string]>([
    [
      'a replay cache that throws',
      {
        replayCache: {
          checkAndStore: () => {
            throw new Error('down');
          },
        },
      },
      'KRB5_RC_IO',
    ],
    [
      'a replay cache that answers nonsense',
      { replayCache: { checkAndStore: () => 1 as never } },
      'KRB5_RC_IO',
    ],
    [
      'a source of randomness that throws',
      {
        replayCache: { checkAndStore: () => true },
        random: () => {
          throw new Error('no entropy');
        },
      },
      'KRB_ERR_GENERIC',
    ],
  ])('is 503: %s', async (_, options, code) => {
    const { get, token, failures } = await served(options);
    const answer = await get(token());
    expect(answer).toMatchObject({ status: 503, body: 'Service Unavailable\n' });
    expect(answer.headers['retry-after']).toBe('5');
    expect(answer.headers).not.toHaveProperty('www-authenticate');
    expect(failures.map(({ minor }) => minor?.code)).toEqual([code]);
  });

  it('is not a replay, which is 401', async () => {
    const { get, token, failures } = await served({ replayCache: { checkAndStore: () => false } });
    expect(await get(token())).toMatchObject({ status: 401, body: 'Unauthorized\n' });
    expect(failures.map(({ minor }) => minor?.code)).toEqual(['KRB_AP_ERR_REPEAT']);
  });
});

describe('a client that disconnects', () => {
  it('is not waited for', async () => {
    const timers = new ManualTimers();
    const replayCache: ReplayCache = { checkAndStore: () => new Promise(() => {}) };
    const { send, token, failures } = await served({ replayCache, timer: timers.timer });
    const request = send(token());
    const closed = once(request, 'error');
    while (timers.running.length === 0) await settle();
    expect(timers.running).toEqual([5000]);
    request.destroy(new Error('enough'));
    await closed;
    while (failures.length === 0) await settle();
    expect(timers.running).toEqual([]);
    expect(failures.map(({ minor }) => minor)).toMatchObject([
      { message: 'The exchange was aborted', hint: 'Error: the client closed its connection' },
    ]);
  });

  it('leaves no key of an exchange that waited for its next request', async () => {
    const census = new Census();
    const flags = ContextFlag.dceStyle | ContextFlag.mutual | ContextFlag.integrity;
    const { acceptor, initiator, ticket } = await makeParties({ initiator: { flags } });
    const mechToken = initiator.begin();
    const { get, agent } = await site(acceptor);
    const token = encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken });
    const session = ticket.sessionKey.bytes();
    const first = await census.watch(() => get(token));
    expect(first.status).toBe(401);
    expect(census.left({ session })).toEqual(['session']);
    for (const sockets of Object.values(agent.freeSockets)) sockets?.[0]?.destroy();
    while (census.left({ session }).length > 0) await settle();
    expect(census.left({ session })).toEqual([]);
  });
});

// Answers a line for each, true if it is new.
const CACHE_PROCESS = `
const seen = new Set();
let rest = '';
process.stdin.on('data', (chunk) => {
  const lines = (rest + chunk).split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    console.log(!seen.has(line));
    seen.add(line);
  }
});
`;

/** A replay cache in a process of its own. */
function cacheProcess() {
  const child = spawn(process.execPath, ['--eval', CACHE_PROCESS], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const waiting: ((fresh: boolean) => void)[] = [];
  createInterface(child.stdout).on('line', (line) => waiting.shift()!(line === 'true'));
  const replayCache: ReplayCache = {
    checkAndStore: ({ ciphertext }: ReplayRecord) => {
      child.stdin.write(`${Buffer.from(ciphertext).toString('hex')}\n`);
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
  };
  return { child, replayCache };
}

describe('a replay cache in a process that is stopped', () => {
  it('is 503 within the deadline, and serves again once it continues', async () => {
    const { child, replayCache } = cacheProcess();
    const { get, token, failures } = await served({ replayCache, deadline: 1 });
    const used = token();
    expect((await get(used)).status).toBe(200);
    expect((await get(used)).status).toBe(401);
    child.kill('SIGSTOP');
    const late = [token(), token(), token()];
    const answers = await Promise.all(late.map(get));
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
    expect(failures.at(-1)?.minor?.message).toBe('The replay cache did not answer for 1 s');
    child.kill('SIGCONT');
    // What it was asked while it was stopped, it knows: those clients come with new tokens.
    let again = await get(token());
    while (again.status === 503) again = await get(token());
    expect(again).toMatchObject({ status: 200, body: 'Hello alice@EXAMPLE.TEST' });
    for (const one of [used, ...late]) expect((await get(one)).status).toBe(401);
  });
});
