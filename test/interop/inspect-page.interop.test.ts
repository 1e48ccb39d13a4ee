/** The page of gss-inspect in Chromium, from a file: with the keyboard, for a screen reader, on a phone. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { frameToken, TokenId } from '../../src/gss/framing.ts';
import { Mechanism } from '../../src/gss/mechanism.ts';
import { acquireCredential, createAcceptor, formatCredentialCache } from '../../src/index.ts';
import { formatKeytab } from '../../src/keytab/keytab.ts';
import { encodeKrbError } from '../../src/messages/krb-error.ts';
import { testKeytab } from '../../src/testing/index.ts';
import { Chromium } from '../support/chromium.ts';
import type { DomainTickets } from '../support/domain-ticket.ts';
import { altered, ladenClient } from '../support/laden-client.ts';
import { have } from '../support/realm.ts';
import { runOrThrow } from '../support/run.ts';
import { SecretSearch } from '../support/secrets.ts';

const root = resolve(import.meta.dirname, '../..');
const samba = JSON.parse(
  readFileSync(join(root, 'fixtures/samba/tickets.json'), 'utf8'),
) as DomainTickets;
const [ticket] = samba.tickets;
const header = `Authorization: Negotiate ${Buffer.from(ticket!.token, 'hex').toString('base64')}`;

describe.runIf(have('chromium'))('the page of gss-inspect', () => {
  const directory = mkdtempSync(join(tmpdir(), 'inspect-page-'));
  const keytab = join(directory, 'http.keytab');
  writeFileSync(keytab, fromHex(samba.keytab));
  let browser: Chromium;

  beforeAll(async () => {
    await runOrThrow(process.execPath, [join(root, 'inspect.mjs')], { cwd: root });
    browser = await Chromium.launch();
  });

  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  async function open({ width = 1100, dark = false } = {}): Promise<void> {
    const value = dark ? 'dark' : 'light';
    const features = [{ name: 'prefers-color-scheme', value }];
    await browser.call('Emulation.setEmulatedMedia', { features });
    const mobile = width < 500;
    const metrics = { width, height: 900, deviceScaleFactor: 1, mobile };
    await browser.call('Emulation.setDeviceMetricsOverride', metrics);
    await browser.visit(pathToFileURL(join(root, 'dist/gss-inspect.html')).href);
  }

  /** Pastes a text as a user does, with the time of the verdict. */
  async function paste(text: string): Promise<void> {
    if (await browser.evaluate(`document.getElementById('time').value === ''`)) {
      await fill('time', new Date(ticket!.clock).toISOString());
    }
    await fill('input', text);
    await browser.evaluate(`document.querySelector('button.main').click()`);
    await settled();
  }

  async function fill(id: string, text: string): Promise<void> {
    // What is in a closed part of the page cannot have the focus.
    await browser.evaluate(`document.querySelector('details').open = true`);
    await browser.evaluate(`document.getElementById('${id}').focus()`);
    await browser.call('Input.insertText', { text });
  }

  async function chooseFile(id: string, path: string): Promise<void> {
    const { root: node } = (await browser.call('DOM.getDocument')) as { root: { nodeId: number } };
    const { nodeId } = await browser.call('DOM.querySelector', {
      nodeId: node.nodeId,
      selector: `#${id}`,
    });
    await browser.call('DOM.setFileInputFiles', { nodeId, files: [path] });
  }

  /** Waits for what the page says when it has read its input. */
  async function settled(): Promise<string> {
    return await browser.evaluate<string>(`new Promise((resolve) => {
      const check = () => {
        const said = document.getElementById('status').textContent;
        if (said === '' || said === 'Reading...') setTimeout(check, 10); else resolve(said);
      };
      check();
    })`);
  }

  async function press(key: string, code = key): Promise<void> {
    const text = key.length === 1 ? { text: key } : {};
    const event = {
      key,
      code,
      windowsVirtualKeyCode: KEY_CODES[key] ?? key.charCodeAt(0),
      ...text,
    };
    await browser.call('Input.dispatchKeyEvent', { type: 'keyDown', ...event });
    await browser.call('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  async function picture(name: string): Promise<void> {
    const png = await browser.picture();
    expect(png.length).toBeGreaterThan(10_000);
    const { PICTURES } = process.env;
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(join(PICTURES, `inspect-${name}.png`), png);
  }

  const text = (id: string) =>
    browser.evaluate<string>(`document.getElementById('${id}').innerText`);

  it('lays out a pasted header, and with a keytab what is in the ticket', async () => {
    await open();
    await paste(header);
    expect(await text('verdict')).toContain('depends on keys');
    expect(await text('tree')).toContain('cipher');
    await picture('pasted');
    await browser.evaluate(`document.getElementById('status').textContent = ''`);
    await chooseFile('keytab', keytab);
    expect(await settled()).toContain('no problems. The acceptor takes it: the client is alice@');
    const tree = await text('tree');
    expect(tree).toContain(ticket!.sid);
    expect(tree).toContain('32 bytes, hidden');
    expect(await text('keytab-note')).toMatch(/^http\.keytab, \d+ bytes$/);
    await picture('keytab');
    await browser.evaluate(`document.getElementById('status').textContent = ''`);
    await browser.evaluate(`document.getElementById('secrets').click()`);
    await settled();
    expect(await text('tree')).not.toContain('hidden');
  });

  it('shows a broken token as far as it can be read, in the dark and on a phone', async () => {
    await open({ dark: true });
    await paste(header.slice(0, 900));
    expect(await text('problems')).toMatch(/Problems: \d/);
    expect(await text('problems')).toContain('truncated');
    expect(await text('verdict')).toContain('The acceptor refuses it');
    await picture('broken-dark');
    await open({ width: 360 });
    await chooseFile('keytab', keytab);
    await paste(header);
    await picture('phone');
    expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    await open({ width: 360, dark: true });
    await paste(header.slice(0, 900));
    await picture('phone-dark');
    expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });

  it('goes with the keyboard alone', async () => {
    await open();
    await browser.evaluate(`document.body.focus()`);
    const order: string[] = [];
    for (let i = 0; i < 9; i++) {
      await press('Tab');
      order.push(await browser.evaluate<string>(FOCUSED));
    }
    expect(order).toEqual([
      'Skip to the results',
      'input',
      'file',
      'keytab',
      'Options',
      'Inspect',
      'clear',
      'body',
      'Skip to the results',
    ]);
    await paste(header);
    await browser.evaluate(`document.getElementById('copy-json').focus()`);
    await press('Tab');
    const focused = () =>
      browser.evaluate<string>(`document.activeElement.querySelector('.label').textContent`);
    expect(await focused()).toBe('Authorization: Negotiate');
    await press('ArrowDown');
    expect(await focused()).toBe('base64: ');
    await press('ArrowLeft');
    expect(await browser.evaluate(`document.activeElement.getAttribute('aria-expanded')`)).toBe(
      'false',
    );
    await press('ArrowDown');
    expect(await focused()).toBe('base64: ');
    await press('ArrowRight');
    await press('ArrowRight');
    expect(await focused()).toBe('GSS-API token: ');
    await press('End');
    expect(await focused()).not.toBe('GSS-API token: ');
    await press('Home');
    expect(await focused()).toBe('Authorization: Negotiate');
    for (const letter of 'tick') await press(letter);
    expect(await focused()).toBe('ticket: ');
    // The one item in the order of tabulation.
    expect(
      await browser.evaluate(`document.querySelectorAll('[role=treeitem][tabindex="0"]').length`),
    ).toBe(1);
    // What has the focus shows it.
    const outline = `getComputedStyle(document.activeElement.firstElementChild).outlineStyle`;
    expect(await browser.evaluate(outline)).toBe('solid');
  });

  it('has roles, names and states for a screen reader', async () => {
    await open();
    await paste(header);
    const { nodes } = (await browser.call('Accessibility.getFullAXTree')) as { nodes: AxNode[] };
    const seen = nodes.filter(({ ignored }) => !ignored);
    const named = (role: string) =>
      seen.filter((node) => node.role?.value === role).map((node) => `${node.name?.value ?? ''}`);
    expect(named('textbox')).toContain('Header, token, dump or base64');
    expect(named('tree')).toEqual(['Contents']);
    expect(named('status').length).toBe(1);
    expect(named('heading')).toEqual(
      expect.arrayContaining(['gss-inspect', 'Contents', expect.stringMatching(/^Verdict as of/)]),
    );
    const unnamed = seen.filter(
      ({ role, name }) =>
        ['button', 'textbox', 'checkbox', 'treeitem', 'tree'].includes(`${role?.value}`) &&
        `${name?.value ?? ''}` === '',
    );
    expect(unnamed).toEqual([]);
    const items = named('treeitem');
    expect(items[0]).toContain('Authorization: Negotiate');
    // A name is that of the row alone, not of all its parts.
    expect(Math.max(...items.map((name) => name.length))).toBeLessThan(400);
    const bad = await browser.evaluate<string[]>(`[...document.querySelectorAll('[role=treeitem]')]
      .filter((item) => !item.hasAttribute('aria-level') || !item.hasAttribute('aria-setsize'))
      .map((item) => item.innerText)`);
    expect(bad).toEqual([]);
    const ids = await browser.evaluate<string[]>(
      `[...document.querySelectorAll('[id]')].map(({ id }) => id)`,
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([false, true])('has text of sufficient contrast, dark: %s', async (dark) => {
    await open({ dark });
    await chooseFile('keytab', keytab);
    await paste(header.slice(0, 900));
    expect(await browser.evaluate<string[]>(LOW_CONTRAST)).toEqual([]);
  });

  it('takes no text of a peer for markup, and can send nothing', async () => {
    await open();
    const eText = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    const error = encodeKrbError({
      stime: 1,
      susec: 0,
      errorCode: 60,
      realm: 'R',
      serverName: { nameType: 0, components: ['x'] },
      eText,
    });
    const token = frameToken(Mechanism.krb5, TokenId.krbError, error);
    await paste(Buffer.from(token).toString('hex'));
    expect(await text('tree')).toContain(eText);
    expect(await browser.evaluate('document.title')).toBe('gss-inspect');
    expect(await browser.evaluate(`document.querySelectorAll('main img').length`)).toBe(0);
    expect(
      await browser.evaluate(`performance.getEntriesByType('resource').map(({ name }) => name)`),
    ).toEqual([]);
    for (const attempt of [
      `fetch('https://example.com/').then(() => 'sent', () => 'refused')`,
      `fetch('data:text/plain,x').then(() => 'sent', () => 'refused')`,
      `new Promise((done) => { const image = new Image(); image.onload = () => done('sent'); image.onerror = () => done('refused'); image.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw='; })`,
    ]) {
      expect(await browser.evaluate(attempt)).toBe('refused');
    }
  });

  /** Texts that a page holds where others could find them: nodes, values, names for screen readers, stores. */
  async function held(): Promise<string> {
    const options = { computedStyles: [] };
    const snapshot = await browser.call('DOMSnapshot.captureSnapshot', options);
    // The script of the page itself is long.
    const script = await browser.evaluate(`document.querySelector('script').text`);
    const strings = (snapshot.strings as string[]).filter((one) => one !== script);
    const { nodes } = (await browser.call('Accessibility.getFullAXTree')) as { nodes: AxNode[] };
    const names = nodes.flatMap(({ name, value }) => [name?.value, value?.value]);
    return JSON.stringify([strings, names, await browser.evaluate(STORES)]);
  }

  /** What the two buttons give to the clipboard. */
  async function copied(): Promise<string> {
    return await browser.evaluate(`(async () => {
      const texts = [];
      const writeText = async (text) => texts.push(text);
      Object.defineProperty(navigator, 'clipboard', { value: { writeText }, configurable: true });
      for (const id of ['copy-text', 'copy-json']) document.getElementById(id).click();
      return texts.join();
    })()`);
  }

  const click = (id: string) => browser.evaluate(`document.getElementById('${id}').click()`);

  it('shows no secret unless it is asked to, and holds nothing when it is cleared', async () => {
    const clock = () => ticket!.clock;
    const keys = testKeytab('HTTP/localhost@EXAMPLE.TEST');
    const own = join(directory, 'own.keytab');
    writeFileSync(own, formatKeytab(keys));
    const laden = ladenClient(keys, clock);
    const initiator = laden.initiator();
    const token = initiator.begin();
    const acceptor = createAcceptor({
      credential: await acquireCredential({ keytab: keys }),
      clock,
    });
    const result = await acceptor.begin().accept(token);
    if (result.status !== 'complete') throw new Error(result.status);
    const context = initiator.finish(result.outputToken);
    const cache = join(directory, 'cache');
    writeFileSync(cache, formatCredentialCache(result.context.delegatedCredential!));
    const message = Buffer.from('qz7Rk!2vLm#9xWtB4uYc-Hq8');
    const search = new SecretSearch({
      ...laden.secretsOf(token),
      subkey: context.sessionKey.bytes(),
      message,
    });
    const lines = [token, altered(token), result.outputToken!, context.wrap(message)];
    const exchange = lines.map((line) => Buffer.from(line).toString('base64')).join('\n');
    const everything = async () => (await held()) + (await copied());

    await open();
    await chooseFile('keytab', own);
    await paste(exchange);
    await click('expand');
    const closed = await everything();
    expect(search.inText(closed)).toEqual([]);
    expect(closed).toContain('32 bytes, hidden');
    expect(closed).toContain('alice');
    for (const file of [own, cache]) {
      await browser.evaluate(`document.getElementById('status').textContent = ''`);
      await chooseFile('file', file);
      await settled();
      await click('expand');
      const shown = await everything();
      expect(shown).toContain('hidden');
      expect(search.inText(shown)).toEqual([]);
    }

    await click('clear');
    await chooseFile('keytab', own);
    await browser.evaluate(`document.getElementById('secrets').click()`);
    await paste(exchange);
    await click('expand');
    const all = ['service key', 'session key', 'delegated key', 'subkey', 'message'];
    const opened = search.inText(await everything());
    expect(opened).toEqual(expect.arrayContaining(all.slice(1)));
    // What is asked first and answered last is not shown.
    await browser.evaluate(`document.querySelector('button.main').click()`);
    await click('secrets');
    await settled();
    await click('expand');
    expect(search.inText(await everything())).toEqual([]);
    await click('secrets');
    await settled();
    expect(search.inText(await held())).not.toEqual([]);
    await click('clear');
    await browser.evaluate(`document.getElementById('time').value = ''`);
    const left = await everything();
    expect(search.inText(left)).toEqual([]);
    expect(left).not.toMatch(/alice|EXAMPLE\.TEST|own\.keytab/);
    expect(left).not.toContain(Buffer.from(token).toString('base64').slice(0, 30));
  });

  it('does not show what is read when it is cleared meanwhile', async () => {
    await open();
    await fill('input', header);
    await browser.evaluate(`document.querySelector('button.main').click();
      document.getElementById('clear').click();
      new Promise((resolve) => setTimeout(resolve, 300))`);
    expect(await text('status')).toBe('Cleared.');
    expect(await held()).not.toMatch(/alice|EXAMPLE\.TEST/);
  });

  it('says what is wrong with a keytab or a time, and forgets everything', async () => {
    await open();
    const wrong = join(directory, 'wrong.keytab');
    writeFileSync(wrong, 'BQI=');
    await chooseFile('keytab', wrong);
    await paste(header);
    expect(await text('status')).toMatch(
      /^The keytab cannot be read: .*a keytab in base64; decode it/,
    );
    await browser.evaluate(`document.getElementById('clear').click()`);
    expect(await text('status')).toBe('Cleared.');
    expect(await browser.evaluate(`document.getElementById('input').value`)).toBe('');
    await fill('time', 'tomorrow');
    await paste(header);
    expect(await text('status')).toContain('The time of the verdict must be written');
    expect(
      await browser.evaluate(`document.getElementById('time').getAttribute('aria-invalid')`),
    ).toBe('true');
  });
});

interface AxNode {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly value?: { readonly value: string };
}

const KEY_CODES: Readonly<Record<string, number>> = {
  Tab: 9,
  End: 35,
  Home: 36,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
};

/** What a page may leave behind beside its nodes. */
const STORES = `(async () => {
  const guarded = async (ask) => { try { return await ask(); } catch (error) { return error.name; } };
  return [
    document.title,
    location.href,
    JSON.stringify(history.state),
    document.cookie,
    await guarded(() => ({ ...localStorage })),
    await guarded(() => ({ ...sessionStorage })),
    await guarded(async () => (await indexedDB.databases()).map(({ name }) => name)),
    [...document.querySelectorAll('input, textarea')].map(({ value }) => value),
  ];
})()`;

/** The id of what has the focus, or its text. */
const FOCUSED = `(document.activeElement.id || document.activeElement.localName === 'body'
  ? document.activeElement.id || 'body'
  : document.activeElement.textContent)`;

/** Texts whose contrast is below 4.5 (WCAG 2.2 §1.4.3), with their colours. */
const LOW_CONTRAST = `(() => {
  const parse = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const backOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
    .filter((element) => element.offsetParent !== null && !element.matches('script, style'))
    .map((element) => {
      const pair = [luminance(parse(getComputedStyle(element).color)), luminance(backOf(element))];
      const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
      return [ratio, element.className + ' ' + element.textContent.slice(0, 40)];
    })
    .filter(([ratio]) => ratio < 4.5)
    .map(([ratio, text]) => ratio.toFixed(2) + ' ' + text);
})()`;
