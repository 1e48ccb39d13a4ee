/** Headless Chromium with tickets of a real KDC, at the page of `npm run demo:http`. */

import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import keyPair from '../../fixtures/tls/server.json' with { type: 'json' };
import { Door } from '../../src/cli/demo-http/door.ts';
import { Practice, SITUATIONS } from '../../src/cli/demo-http/practice.ts';
import { siteHandler } from '../../src/cli/demo-http/site.ts';
import type { SessionOptions } from '../../src/http/index.ts';
import type { AcceptorOptions } from '../../src/index.ts';
import { acquireCredential, createAcceptor } from '../../src/index.ts';
import { loadKeytab } from '../../src/node/index.ts';
import { Chromium } from '../support/chromium.ts';
import { have, keytab, kinit, realm, scratch } from '../support/realm.ts';

interface SiteOptions {
  readonly tls?: boolean;
  readonly keytab?: string;
  readonly acceptor?: Partial<AcceptorOptions>;
  readonly sessions?: SessionOptions;
}

/** The demonstration's page, which notes the status of each answer at its door. */
class Site {
  readonly statuses: number[] = [];
  readonly url: string;
  readonly #server: Server;
  readonly #practice: Practice;

  private constructor(server: Server, practice: Practice, scheme: string) {
    this.#server = server;
    this.#practice = practice;
    this.url = `${scheme}://${realm().hostname}:${(server.address() as AddressInfo).port}`;
  }

  static async start({ tls = false, sessions, ...options }: SiteOptions = {}): Promise<Site> {
    const credential = await acquireCredential({
      keytab: await loadKeytab(keytab(options.keytab ?? 'http')),
    });
    const acceptor = createAcceptor({ credential, ...options.acceptor });
    const onWarning = () => {};
    const door = new Door({ acceptor, onWarning, ...(sessions && { sessions }) });
    const practice = await Practice.open();
    const handler = siteHandler({
      practice,
      real: { door, service: 'HTTP' },
      sessions: sessions !== undefined,
      onFault: (error) => {
        throw error;
      },
    });
    const server = tls
      ? createTlsServer({ cert: keyPair.certificate, key: keyPair.key })
      : createServer({ maxHeaderSize: 81_920 });
    server.on('request', (request, response) => {
      const atDoor = request.url === '/sign-on';
      if (atDoor) response.on('finish', () => site.statuses.push(response.statusCode));
      handler(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const site = new Site(server, practice, tls ? 'https' : 'http');
    return site;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#practice.close();
    const closed = once(this.#server, 'close');
    this.#server.close();
    // Chromium keeps connections open, also some that it has not used yet.
    this.#server.closeAllConnections();
    await closed;
  }
}

describe.runIf(have('krb5kdc', 'kinit', 'chromium'))('Chromium', () => {
  const trusted = () => [
    `--auth-server-allowlist=${realm().hostname}`,
    '--ignore-certificate-errors',
  ];
  let browser: Chromium;
  beforeAll(async () => {
    browser = await launch({ ...(await kinit()).env });
  });
  afterAll(async () => await browser[Symbol.asyncDispose]());

  /** A browser that has met Negotiate: a new profile leaves its first challenge unanswered on Linux. */
  async function launch(env: Record<string, string>, switches = trusted()): Promise<Chromium> {
    const launched = await Chromium.launch({ switches, env });
    await using site = await Site.start();
    await launched.visit(`${site.url}/sign-on`);
    return launched;
  }

  it('signs on, and has to be asked for each page', async () => {
    await using site = await Site.start();
    for (let page = 0; page < 3; page++) {
      const { status, text } = await browser.visit(`${site.url}/sign-on`);
      expect(status).toBe(200);
      expect(text).toContain('Hello alice');
    }
    expect(site.statuses).toEqual([401, 200, 401, 200, 401, 200]);
  });

  it('has to be asked once where there are sessions, until it ends the session', async () => {
    const key = Uint8Array.from({ length: 32 }, (_, i) => i);
    const sessions = { keys: [key], cookie: { name: 'demo', secure: false } };
    await using site = await Site.start({ sessions });
    for (let page = 0; page < 3; page++) await browser.visit(`${site.url}/sign-on`);
    expect(site.statuses).toEqual([401, 200, 200, 200]);
    await browser.visit(`${site.url}/sign-on`);
    const { text } = await browser.click('form[action="/sign-off"] button');
    expect(text).toContain('Kerberos single sign-on, to look at');
    await browser.visit(`${site.url}/sign-on`);
    expect(site.statuses.slice(4)).toEqual([200, 401, 200]);
  });

  it('signs on over TLS, and on Linux binds nothing to the connection', async () => {
    await using site = await Site.start({ tls: true });
    const { text } = await browser.visit(`${site.url}/sign-on`);
    expect(text).toContain('Hello alice');
    expect(text).toContain('no: the browser sent no channel bindings');
    await using strict = await Site.start({
      tls: true,
      acceptor: { channelBindingPolicy: 'required' },
    });
    const refused = await browser.visit(`${strict.url}/sign-on`);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('Your sign-on is not bound to this TLS connection');
    expect(strict.statuses).toEqual([401, 403]);
  });

  it('reads why its ticket is refused', async () => {
    await using site = await Site.start({ keytab: 'host' });
    const { status, text } = await browser.visit(`${site.url}/sign-on`);
    expect(status).toBe(403);
    expect(text).toContain('Your ticket is for another service');
    expect(text).toContain(`host/${realm().hostname}@${realm().realm}`);
    expect(site.statuses).toEqual([401, 403]);
  });

  it('sends nothing to a site that it does not trust, and shows how to trust it', async () => {
    await using site = await Site.start();
    await using other = await launch({ ...(await kinit()).env }, []);
    const { status, text } = await other.visit(`${site.url}/sign-on`);
    expect(status).toBe(401);
    expect(text).toContain('Your browser did not sign on');
    expect(text).toContain(`chromium --auth-server-allowlist=${realm().hostname}`);
    expect(site.statuses).toEqual([401]);
  });

  it('sends nothing without a ticket', async () => {
    await using site = await Site.start();
    const { krb5Config } = realm();
    await using other = await launch({ KRB5_CONFIG: krb5Config, KRB5CCNAME: `${scratch()}/none` });
    const { status, text } = await other.visit(`${site.url}/sign-on`);
    expect(status).toBe(401);
    expect(text).toContain('Your browser did not sign on');
    // It asks once more after the KDC was of no help, again without credentials.
    expect(site.statuses).toEqual([401, 401]);
  });

  it('shows every page without a script, within the width of a phone, light and dark', async () => {
    await using site = await Site.start();
    const phone = { width: 360, height: 740, deviceScaleFactor: 1, mobile: true };
    await browser.call('Emulation.setDeviceMetricsOverride', phone);
    const backgrounds = new Set<string>();
    for (const path of ['/', '/sign-on', ...SITUATIONS.map(({ id }) => `/practice/${id}`)]) {
      for (const value of ['light', 'dark']) {
        const features = [{ name: 'prefers-color-scheme', value }];
        await browser.call('Emulation.setEmulatedMedia', { features });
        await browser.visit(`${site.url}${path}`);
        const width = 'document.documentElement.scrollWidth';
        expect(await browser.evaluate<number>(width), path).toBeLessThanOrEqual(phone.width);
        const colour = 'getComputedStyle(document.body).backgroundColor';
        backgrounds.add(await browser.evaluate<string>(colour));
      }
    }
    await browser.call('Emulation.clearDeviceMetricsOverride');
    expect(backgrounds.size).toBe(2);
  });

  it('can be used with the keyboard: the first key leads past the navigation', async () => {
    await using site = await Site.start();
    await browser.visit(`${site.url}/practice/replay`);
    const press = async (key: string) => {
      for (const type of ['keyDown', 'keyUp']) {
        const windowsVirtualKeyCode = key === 'Tab' ? 9 : 13;
        const text = key === 'Enter' && type === 'keyDown' ? { text: '\r' } : {};
        await browser.call('Input.dispatchKeyEvent', { type, key, windowsVirtualKeyCode, ...text });
      }
    };
    await press('Tab');
    expect(await browser.evaluate('document.activeElement.textContent')).toBe(
      'Skip to the content',
    );
    const outline = 'getComputedStyle(document.activeElement).outlineStyle';
    expect(await browser.evaluate(outline)).toBe('solid');
    await press('Enter');
    expect(await browser.evaluate('document.activeElement.id')).toBe('main');
    await press('Tab');
    expect(await browser.evaluate('document.activeElement.textContent')).toBe('A good ticket');
  });
});
