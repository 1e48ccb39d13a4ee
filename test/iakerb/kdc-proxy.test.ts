import { describe, expect, it, vi } from 'vitest';
import type { KdcProxyOptions, KdcProxyResponse } from '../../src/http/index.ts';
import { kdcProxy } from '../../src/http/index.ts';
import { decodeKdcProxyMessage, encodeKdcProxyMessage } from '../../src/messages/kdc/kdc-proxy.ts';

const URL = 'https://gateway.example.com/KdcProxy';
const ASKED = Uint8Array.of(0x6a, 1, 2);
const ANSWER = Uint8Array.of(0x6b, 3);

function answering(...pieces: readonly Uint8Array[]): KdcProxyResponse {
  return {
    status: 200,
    body: (async function* () {
      yield* pieces;
    })(),
  };
}

function framed(message: Uint8Array): Uint8Array {
  return encodeKdcProxyMessage({ message: Uint8Array.of(0, 0, 0, message.length, ...message) });
}

function ask(fetch: NonNullable<KdcProxyOptions['fetch']>) {
  return kdcProxy(URL, { fetch })('EXAMPLE.TEST', ASKED, new AbortController().signal);
}

describe('kdcProxy', () => {
  it('sends the message with its length and realm, and returns the answer', async () => {
    const fetch = vi.fn(async () => answering(framed(ANSWER)));
    expect(await ask(fetch)).toEqual(ANSWER);
    const [url, init] = fetch.mock.calls[0] as unknown as Parameters<
      NonNullable<KdcProxyOptions['fetch']>
    >;
    expect(url).toBe(URL);
    expect(init).toMatchObject({
      method: 'POST',
      headers: { 'Content-Type': 'application/kerberos' },
      redirect: 'error',
    });
    expect(decodeKdcProxyMessage(init.body)).toEqual({
      message: Uint8Array.of(0, 0, 0, 3, ...ASKED),
      targetDomain: 'EXAMPLE.TEST',
    });
  });

  it('reads bodies in any pieces, and those of the runtime', async () => {
    const bytes = framed(ANSWER);
    const single = [...bytes].map((byte) => Uint8Array.of(byte));
    expect(await ask(async () => answering(...single))).toEqual(ANSWER);
    expect(await ask(async () => new Response(bytes as Uint8Array<ArrayBuffer>))).toEqual(ANSWER);
  });

  it.each<[string, KdcProxyResponse]>([
    ['another status', { status: 502, body: null }],
    ['no body', { status: 200, body: null }],
    ['a wrong length', answering(encodeKdcProxyMessage({ message: Uint8Array.of(0, 0, 0, 9, 1) }))],
    ['too short an answer', answering(encodeKdcProxyMessage({ message: Uint8Array.of(0) }))],
    ['something else', answering(Uint8Array.of(1, 2, 3))],
  ])('fails after %s', async (_, response) => {
    await expect(ask(async () => response)).rejects.toMatchObject({ reason: expect.any(String) });
  });

  it('stops to read what is too long', async () => {
    let pieces = 0;
    const body = (async function* () {
      for (;;) {
        pieces++;
        yield new Uint8Array(10_000);
      }
    })();
    await expect(ask(async () => ({ status: 200, body }))).rejects.toMatchObject({
      code: 'KRB5_KDC_UNREACH',
    });
    expect(pieces).toBeLessThan(20);
  });

  it.each(['http://gateway.example.com', 'gateway', '', undefined])(
    'needs a URL with https: %s',
    (url) => {
      expect(() => kdcProxy(url as string)).toThrow(/url: expected/);
    },
  );
});
