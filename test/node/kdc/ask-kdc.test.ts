import { describe, expect, it, vi } from 'vitest';
import { KerberosError } from '../../../src/errors.ts';
import { kdcAsker } from '../../../src/node/kdc/ask-kdc.ts';
import type { KdcServer } from '../../../src/node/kdc/find-kdcs.ts';
import { kdcError, startFakeKdc } from '../../support/fake-kdc.ts';
import { CLOSED_PORT } from '../../support/ports.ts';

const MESSAGE = Uint8Array.of(0x6a, 1, 2, 3);
const ANSWER = kdcError(0);
const TOO_BIG = kdcError(0, 52);

function ask(
  servers: readonly KdcServer[],
  message = MESSAGE,
  signal = new AbortController().signal,
) {
  return kdcAsker(async () => servers)('EXAMPLE.TEST', message, signal);
}

async function refusal(asked: Promise<unknown>): Promise<KerberosError> {
  return await asked.then(
    () => {
      throw new Error('there was an answer');
    },
    (error: unknown) => {
      if (error instanceof KerberosError) return error;
      throw error;
    },
  );
}

describe('kdcAsker', () => {
  it('uses UDP first', async () => {
    await using kdc = await startFakeKdc(() => ANSWER);
    const reply = await ask([{ host: '127.0.0.1', port: kdc.port }]);
    expect(reply).toMatchObject({ bytes: ANSWER, transport: 'udp' });
    expect(kdc.requests).toEqual([{ transport: 'udp', message: MESSAGE }]);
  });

  it.each([
    ['an answer that is too big for UDP', () => TOO_BIG],
    ['something else over UDP', () => Uint8Array.of(1, 2, 3)],
    ['nothing over UDP', () => Uint8Array.of()],
  ])('uses TCP after %s', async (_, overUdp) => {
    await using kdc = await startFakeKdc((transport) => (transport === 'udp' ? overUdp() : ANSWER));
    const reply = await ask([{ host: '127.0.0.1', port: kdc.port }]);
    expect(reply).toMatchObject({ bytes: ANSWER, transport: 'tcp' });
    expect(kdc.requests.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
  });

  it('waits for who finds the servers as long as the signal lets it', async () => {
    const leaving = new AbortController();
    const asked = kdcAsker(() => new Promise(() => {}))('EXAMPLE.TEST', MESSAGE, leaving.signal);
    leaving.abort();
    const { code, detail } = await refusal(asked);
    expect(code).toBe('KRB5_KDC_UNREACH');
    const tried = ['DNS has not said in time which servers the realm has'];
    expect(detail).toEqual({ realm: 'EXAMPLE.TEST', tried });
  });

  it('uses TCP at once for long messages, and where only TCP is named', async () => {
    await using kdc = await startFakeKdc(() => ANSWER);
    const server = { host: '127.0.0.1', port: kdc.port };
    await ask([server], new Uint8Array(1466));
    await ask([{ ...server, transport: 'tcp' }]);
    expect(kdc.requests.map(({ transport }) => transport)).toEqual(['tcp', 'tcp']);
  });

  it('asks the next server when one is silent or not there', async () => {
    await using silent = await startFakeKdc(() => undefined);
    await using kdc = await startFakeKdc(() => ANSWER);
    const nowhere = CLOSED_PORT;
    const servers = [nowhere, silent.port, kdc.port].map((port) => ({
      host: '127.0.0.1',
      port,
      ...(port === silent.port && { transport: 'udp' as const }),
    }));
    expect((await ask(servers)).server.port).toBe(kdc.port);
  });

  it('does not take a slow server for one that failed', async () => {
    await using other = await startFakeKdc(() => ANSWER);
    await using slow = await startFakeKdc((transport) =>
      // Over TCP the attempt beside it is ended by the answer.
      transport === 'udp' && slow.requests.some((one) => one.transport === 'tcp')
        ? ANSWER
        : undefined,
    );
    const servers = [slow, other].map(({ port }) => ({ host: '127.0.0.1', port }));
    const asker = kdcAsker(async () => servers.slice(0, asked));
    const signal = new AbortController().signal;
    let asked = 1;
    const first = asker('EXAMPLE.TEST', MESSAGE, signal);
    await expect.poll(() => slow.requests.map(({ transport }) => transport)).toContain('tcp');
    slow.repeat();
    expect((await first).transport).toBe('udp');
    asked = 2;
    expect((await asker('EXAMPLE.TEST', MESSAGE, signal)).server.port).toBe(slow.port);
  });

  it('gives a server that is always slow twice the time of its last answer', async () => {
    let ready = false;
    await using slow = await startFakeKdc(() => (ready ? ANSWER : undefined));
    const over = new AbortController();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const answer = () => {
        ready = true;
        slow.repeat();
        ready = false;
      };
      let now = 0;
      const asker = kdcAsker(async () => [{ host: '127.0.0.1', port: slow.port }], {
        clock: () => now,
      });
      const { signal } = over;
      const transports = () => slow.requests.map(({ transport }) => transport);
      const seen = async (count: number) => {
        while (slow.requests.length < count) await new Promise(setImmediate);
      };
      const first = asker('EXAMPLE.TEST', MESSAGE, signal);
      await seen(1);
      now = 1500;
      answer();
      await first;
      const second = asker('EXAMPLE.TEST', MESSAGE, signal);
      await seen(2);
      vi.advanceTimersByTime(2999);
      // A connection would be seen by then.
      for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
      expect(transports()).toEqual(['udp', 'udp']);
      vi.advanceTimersByTime(1);
      await seen(3);
      expect(transports()).toEqual(['udp', 'udp', 'tcp']);
      answer();
      await second;
    } finally {
      over.abort();
      vi.useRealTimers();
    }
  });

  it('asks a server that is late for many messages over TCP for some of them at a time', async () => {
    await using slow = await startFakeKdc(() => undefined);
    await using other = await startFakeKdc(() => ANSWER);
    const stops: AbortController[] = [];
    const isSeen = async (transport: 'udp' | 'tcp', count: number) => {
      const seen = () => slow.requests.filter((one) => one.transport === transport).length;
      while (seen() < count) await new Promise(setImmediate);
      // More would have come by then.
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      return seen();
    };
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const [first, second] = [slow, other].map(({ port }) => ({ host: '127.0.0.1', port }));
      let servers = [first!];
      const asker = kdcAsker(async () => servers, { clock: () => 0 });
      const askOnce = async () => {
        const stop = new AbortController();
        stops.push(stop);
        return await asker('EXAMPLE.TEST', MESSAGE, stop.signal);
      };
      const asked = Array.from({ length: 70 }, askOnce);
      expect(await isSeen('udp', 70)).toBe(70);
      vi.advanceTimersByTime(1000);
      expect(await isSeen('tcp', 64)).toBe(64);
      // Another server is not asked less.
      servers = [first!, second!];
      const last = askOnce();
      await isSeen('udp', 71);
      vi.advanceTimersByTime(1000);
      expect(await last).toMatchObject({ bytes: ANSWER, server: second });
      // After ten seconds UDP is given up, and TCP is the only way.
      vi.advanceTimersByTime(8000);
      expect(await isSeen('tcp', 70)).toBe(70);
      const ended = Promise.allSettled(asked);
      for (const stop of stops) stop.abort();
      for (const { status } of await ended) expect(status).toBe('rejected');
    } finally {
      for (const stop of stops) stop.abort();
      vi.useRealTimers();
    }
  });

  it('names each server that did not answer', async () => {
    const port = CLOSED_PORT;
    const error = await refusal(ask([{ host: '127.0.0.1', port }]));
    expect(error.code).toBe('KRB5_KDC_UNREACH');
    expect(error.message).toBe(
      `Cannot contact any KDC for realm 'EXAMPLE.TEST': 127.0.0.1 port ${port}/udp: ECONNREFUSED, ` +
        `127.0.0.1 port ${port}/tcp: ECONNREFUSED`,
    );
    const tried = ['udp', 'tcp'].map((one) => `127.0.0.1 port ${port}/${one}: ECONNREFUSED`);
    expect(error.detail).toEqual({ realm: 'EXAMPLE.TEST', tried });
  });

  it('goes on after an address to which nothing can be sent', async () => {
    await using kdc = await startFakeKdc(() => ANSWER);
    // A broadcast: connecting a datagram socket to it fails, as it does without a route.
    const nowhere: KdcServer = { host: '255.255.255.255', port: 88, transport: 'udp' };
    const error = await refusal(ask([nowhere]));
    expect(error.message).toContain('255.255.255.255 port 88/udp: E');
    const reply = await ask([nowhere, { host: '127.0.0.1', port: kdc.port }]);
    expect(reply.server.port).toBe(kdc.port);
  });

  it('knows no KDC', async () => {
    const error = await refusal(ask([]));
    expect(error.code).toBe('KRB5_REALM_UNKNOWN');
    expect(error.message).toBe('Cannot find KDC for realm "EXAMPLE.TEST"');
    expect(error.hint).toContain('kdc = host');
  });

  it('ends when the caller no longer waits', async () => {
    await using silent = await startFakeKdc(() => undefined);
    for (const [count, transport] of (['udp', 'tcp'] as const).entries()) {
      const leaving = new AbortController();
      const server = { host: '127.0.0.1', port: silent.port, transport };
      const asked = refusal(ask([server], MESSAGE, leaving.signal));
      await expect.poll(() => silent.requests).toHaveLength(count + 1);
      leaving.abort();
      expect((await asked).message).toContain(`port ${silent.port}/${transport}: no answer`);
    }
    const servers = Array.from({ length: 8 }, () => ({ host: '127.0.0.1', port: silent.port }));
    await refusal(ask(servers, MESSAGE, AbortSignal.abort()));
    expect(silent.requests).toHaveLength(2);
  });

  it('bounds what it reads over TCP', async () => {
    await using kdc = await startFakeKdc(() => new Uint8Array(70_000).fill(0x7e));
    const error = await refusal(ask([{ host: '127.0.0.1', port: kdc.port, transport: 'tcp' }]));
    expect(error.message).toContain('its answer is longer than 65536 bytes');
  });
});
