/** The code of docs/protocols/xmpp.md, run as it is printed there. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { acquireCredential, createAcceptor } from '../../src/index.ts';
import type { SaslServer, SaslSession } from '../../src/sasl/index.ts';
import { createSaslServer } from '../../src/sasl/index.ts';
import { createSaslClient, mintTicket, testKeytab } from '../../src/testing/index.ts';

interface Element {
  readonly name: string;
  readonly text: string;
  readonly mechanism?: string;
}

interface Login {
  features(): string;
  take(element: Element): Promise<SaslSession | undefined>;
  close(): void;
}

const [, printed] = /^```ts\n([\s\S]*?)^```$/m.exec(
  readFileSync('docs/protocols/xmpp.md', 'utf8'),
)!;
const { outputText } = ts.transpileModule(printed!, {
  compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
});
const page = {} as {
  XmppLogin: new (sasl: SaslServer, send: (xml: string) => void, options: object) => Login;
};
new Function('exports', outputText)(page);

const keytab = testKeytab('xmpp/chat.example.com@EXAMPLE.COM');
const ticket = mintTicket({ keytab, client: 'alice@EXAMPLE.COM' });
const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });
const server = createSaslServer({ acceptor, service: 'xmpp' });

function connect() {
  const sent: string[] = [];
  const login = new page.XmppLogin(server, (xml) => sent.push(xml), {});
  /** The name and the bytes of the element that the server sent last. */
  const said = () => {
    const [, name, text = ''] = /^<(\w+) xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>(.*)<\/\1>$/.exec(
      sent.at(-1)!,
    )!;
    return { name, text, bytes: text === '=' ? Buffer.alloc(0) : Buffer.from(text, 'base64') };
  };
  return { login, said };
}

function base64(bytes: Uint8Array): string {
  return bytes.length === 0 ? '=' : Buffer.from(bytes).toString('base64');
}

it.each([true, false])('logs a client in, with an initial response: %s', async (initial) => {
  const { login, said } = connect();
  expect(login.features()).toContain('<mechanism>GSSAPI</mechanism>');
  const client = createSaslClient('GSSAPI', { ticket });
  const first = base64(client.begin());
  const auth = { name: 'auth', mechanism: 'GSSAPI' };
  let session = await login.take({ ...auth, text: initial ? first : '' });
  if (!initial) {
    expect(said()).toMatchObject({ name: 'challenge', text: '=' });
    session = await login.take({ name: 'response', text: first });
  }
  let own: SaslSession | undefined;
  while (session === undefined) {
    const { name, bytes } = said();
    expect(name).toBe('challenge');
    const step = client.step(bytes);
    own = step.session;
    session = await login.take({ name: 'response', text: base64(step.response) });
  }
  expect(said().name).toBe('success');
  expect(session.authorizationId).toBe('alice@EXAMPLE.COM');
  const plain = Buffer.concat(own!.unwrap(session.wrap(Buffer.from('<stream>'))));
  expect(plain.toString()).toBe('<stream>');
});

it('has the last token in the success of GS2, which has one step', async () => {
  const { login, said } = connect();
  const client = createSaslClient('GS2-KRB5', { ticket });
  const auth = { name: 'auth', mechanism: 'GS2-KRB5', text: base64(client.begin()) };
  expect((await login.take(auth))?.mechanism).toBe('GS2-KRB5');
  expect(said().name).toBe('success');
  expect(client.step(said().bytes).session).toBeDefined();
});

it('refuses nonsense, another mechanism, a response without a start, and aborts', async () => {
  const { login, said } = connect();
  const failures: [Element, string][] = [
    [{ name: 'response', text: 'YII=' }, 'aborted'],
    [{ name: 'auth', mechanism: 'GSSAPI', text: 'YII=' }, 'not-authorized'],
    [{ name: 'auth', mechanism: 'PLAIN', text: 'AGE=' }, 'not-authorized'],
    [{ name: 'abort', text: '' }, 'aborted'],
  ];
  for (const [element, condition] of failures) {
    expect(await login.take(element)).toBeUndefined();
    expect(said()).toMatchObject({ name: 'failure', text: `<${condition}/>` });
  }
});
