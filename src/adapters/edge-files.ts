/** What names in options mean in a runtime that may have no files: edge workers, Deno, Bun, Node.js. */
import { KerberosError } from '../errors.ts';
import type { ServiceFiles } from '../http/service.ts';
import type { KeytabProvider } from '../keytab/key-source.ts';
import type { Keytab } from '../keytab/keytab.ts';
import { parseKeytab } from '../keytab/keytab.ts';
import { describeThrown, printableName } from '../text.ts';

/** Follows keytab files with the runtime's built-in module; rejects all other names. */
export const edgeFiles: ServiceFiles = {
  keytab: (name) => {
    const files = builtInFiles();
    if (name === undefined || files === undefined) {
      throw new TypeError(
        `keytab: expected bytes, base64, a keytab or a function, got ${name === undefined ? 'undefined' : 'the name of a file, where there are no files'}`,
      );
    }
    return followFile(name.replace(/^(?:FILE|WRFILE):/, ''), files);
  },
  replayCache: () => {
    throw new TypeError('replayCache: expected a replay cache, got a name');
  },
  config: () => {
    throw new TypeError('config: expected the text of a krb5.conf, got a name');
  },
};

/** The part of `node:fs/promises` that is used. */
interface Files {
  readFile(path: string): Promise<Uint8Array>;
  stat(path: string): Promise<Stamp>;
}

interface Stamp {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Deno, Bun and workers have this function too; asked at run time, it reaches no bundler. */
function builtInFiles(): Files | undefined {
  const runtime = Reflect.get(globalThis, 'process') as Partial<Runtime> | undefined;
  return runtime?.getBuiltinModule?.('node:fs/promises') as Files | undefined;
}

interface Runtime {
  getBuiltinModule(name: string): unknown;
}

function followFile(path: string, files: Files): KeytabProvider {
  let seen: Stamp | undefined;
  let keytab: Keytab | undefined;
  return async () => {
    try {
      const { ino, size, mtimeMs } = await files.stat(path);
      const same = ino === seen?.ino && size === seen.size && mtimeMs === seen.mtimeMs;
      if (keytab !== undefined && same) return keytab;
      const read = parseKeytab(new Uint8Array(await files.readFile(path)));
      seen = { ino, size, mtimeMs };
      keytab = read;
      return read;
    } catch (cause) {
      if (cause instanceof KerberosError) throw cause;
      const missing = cause instanceof Error && Reflect.get(cause, 'code') === 'ENOENT';
      throw new KerberosError('KRB5_KT_NOTFOUND', {
        reason: missing ? 'keytab.missing' : 'keytab.unreadable',
        detail: { path: printableName(path), ...(!missing && { problem: describeThrown(cause) }) },
        message: `keytab file ${printableName(path)} cannot be read`,
        cause,
      });
    }
  };
}
