/**
 * `npm run build:inspect`: the page of gss-inspect as one file, dist/gss-inspect.html, of what
 * `npm run build` made. Style and script are in it, and its policy allows only these two by their
 * hashes: no request can leave it, not even one that a defect in it would make.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const source = join(import.meta.dirname, 'src/inspect/page');
const read = (name) => readFileSync(join(source, name), 'utf8');

/** What is loaded on demand is in the one file anyway: as an ordinary import it takes less space. */
const importsAtOnce = {
  name: 'imports-at-once',
  transform(code) {
    const heads = [];
    const text = code.replace(/\bimport\(["'](\.[^"']+)["']\)/g, (_, path) => {
      heads.push(`import * as onDemand${heads.length} from '${path}';`);
      return `Promise.resolve(onDemand${heads.length - 1})`;
    });
    return heads.length === 0 ? null : `${heads.join('\n')}\n${text}`;
  },
};

/**
 * What a page cannot meet, and what is there in its place: texts about servers, their files and SASL; relays to a
 * KDC, Late Fallback, exported exchanges and contexts, keytabs that change, messages in several buffers, and the
 * crypto of Node.
 */
const LEFT_OUT = {
  'explain/entries/config': 'CONFIG = {}',
  'explain/entries/connection': 'CONNECTION_ENDS = {}',
  'explain/entries/http': 'HTTP = {}',
  'explain/entries/proxy': 'PROXY = {}',
  'explain/entries/sasl': 'SASL = {}',
  'explain/entries/server': 'RELAY = {}, SERVER = {}',
  'iakerb/relay': 'beginRelay = undefined, continueRelay = undefined',
  'context/pseudo-random': 'pseudoRandom = undefined',
  'krb5/relays': 'Relays = undefined',
  'spnego/late-fallback': 'agree = undefined, chooseLeft = undefined, fallBack = undefined',
  'context/export': 'encodeContext = undefined, writeContext = undefined',
  'crypto/runtime/known-answers': 'PRIMITIVES = [], givesKnownAnswer = () => false',
  'keytab/key-source': 'KeySource = undefined',
  'handshake-export': 'exportHandshake = undefined, importHandshake = undefined, Kind = {}',
  'handshake-import': 'importState = undefined',
  'tokens/cfx-iov': 'CfxIov = undefined',
  'tokens/iov':
    'iovLengths = undefined, unwrapIov = undefined, wrapAead = undefined, wrapIov = undefined',
  'tokens/rfc1964-iov': 'Rfc1964Iov = undefined',
};
const withoutServers = {
  name: 'without-servers',
  load: (id) => {
    const [, name] = /[\\/]dist[\\/]modules[\\/](.+)\.js$/.exec(id) ?? [];
    const left = LEFT_OUT[name?.replaceAll('\\', '/')];
    return left === undefined ? null : `export const ${left};`;
  },
};

const bundle = await rolldown({
  input: 'dist/modules/inspect/page/main.js',
  platform: 'browser',
  plugins: [importsAtOnce, withoutServers],
});
const { output } = await bundle.generate({ format: 'iife', minify: true, codeSplitting: false });
const script = output[0].code
  .trim()
  .replaceAll('/* @__PURE__ */ ', '')
  // What would end the element in the middle of the script.
  .replaceAll('</script', '<\\/script');
const style = read('page.css')
  .replace(/\s*\n\s*/g, '\n')
  .trim();
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
const page = read('page.html')
  .replace('content="policy"', () => `content="${policy}"`)
  .replace('/*style*/', () => style)
  .replace('/*script*/', () => script);
writeFileSync('dist/gss-inspect.html', page);
