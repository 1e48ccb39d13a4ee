/** Opens replay caches by name, `type:residual` as in MIT krb5. */
import process from 'node:process';
import type { ReplayCache } from '../../ap/replay-cache.ts';
import { MemoryReplayCache } from '../../ap/replay-cache.ts';
import { KerberosError } from '../../errors.ts';
import type { OptionRules } from '../../options.ts';
import { checkOptions, objectWith, text } from '../../options.ts';
import { expandPathTokens } from '../files/platform-paths.ts';
import type { FileReplayCacheOptions } from './file.ts';
import { FILE_REPLAY_CACHE_OPTIONS, FileReplayCache } from './file.ts';
import { findReplayDirectory } from './place.ts';

/** Options of {@link openReplayCache}; those of a {@link FileReplayCache} apply where the name is one. */
export interface ReplayCacheNameOptions extends Omit<FileReplayCacheOptions, 'directory'> {
  /** `default_rcache_name` of krb5.conf, which may have tokens such as `%{uid}`. */
  readonly defaultName?: string;
  /** The environment in which variables are looked up; the process's own if absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Opens a replay cache by its name:
 *
 * - `dfl:` a {@link FileReplayCache} that all servers of this user share on the machine;
 * - `dir:path`, or a path that begins with `/`, a {@link FileReplayCache} in that directory;
 * - `file2:path` the same in the directory `path.replays`. Programs of MIT krb5 have their file at
 *   `path`, which cannot be shared: see {@link FileReplayCache};
 * - `memory:` a {@link MemoryReplayCache}, for this process only;
 * - `none:` no protection from replays.
 *
 * @param name - If absent, `KRB5RCACHENAME`, `KRB5RCACHETYPE`, the default name, or `dfl:`, as in MIT
 *   krb5.
 * @returns The cache. A {@link FileReplayCache} is the caller's to close.
 * @throws TypeError, RangeError for an invalid option.
 * @throws {@link KerberosError} `KRB5_RC_TYPE_NOTFOUND` for other names, `KRB5_RC_IO` if the
 *   directory cannot be used.
 *
 * @example
 * ```ts
 * import type { AcceptorCredential } from 'krb5-acceptor';
 * import { createAcceptor } from 'krb5-acceptor';
 * import { openReplayCache } from 'krb5-acceptor/node';
 *
 * export async function lastingAcceptor(credential: AcceptorCredential) {
 *   const replayCache = await openReplayCache('dfl:');
 *   return createAcceptor({ credential, ...(replayCache && { replayCache }) });
 * }
 * ```
 */
export async function openReplayCache(
  name?: string,
  options: ReplayCacheNameOptions = {},
): Promise<ReplayCache> {
  checkOptions('openReplayCache', options, REPLAY_CACHE_NAME_OPTIONS);
  const { environment, defaultName, ...fileOptions } = options;
  const cache = resolveReplayCacheName(name, options);
  switch (cache.type) {
    case 'none':
      return NO_REPLAY_CACHE;
    case 'memory':
      return new MemoryReplayCache({
        ...(fileOptions.clock !== undefined && { clock: fileOptions.clock }),
        ...(fileOptions.maxEntries !== undefined && { maxEntries: fileOptions.maxEntries }),
      });
    case 'directory':
      return await FileReplayCache.open({ ...fileOptions, directory: cache.path });
  }
}

/** What a name means. */
export type ResolvedReplayCache =
  | { readonly type: 'none' | 'memory' }
  | { readonly type: 'directory'; readonly path: string };

/**
 * Resolves a name as {@link openReplayCache} does, and throws as that does.
 *
 * @param makeUnique - As for {@link findReplayDirectory}.
 */
export function resolveReplayCacheName(
  name: string | undefined,
  options: Pick<ReplayCacheNameOptions, 'environment' | 'defaultName' | 'onWarning'>,
  makeUnique?: (prefix: string) => string,
): ResolvedReplayCache {
  const { environment = process.env, defaultName, onWarning } = options;
  const text = name ?? nameOf(environment, defaultName);
  const [type, residual] = text.startsWith('/') ? ['dir', text] : split(text);
  switch (type) {
    case 'none':
    case 'memory':
      return { type };
    case 'dfl':
      return { type: 'directory', path: findReplayDirectory(environment, onWarning, makeUnique) };
    case 'dir':
    case 'file2':
      if (residual === '' || residual.includes('\0')) throw unknown(text);
      return { type: 'directory', path: type === 'dir' ? residual : `${residual}.replays` };
    default:
      throw unknown(text);
  }
}

// MIT krb5, rc_base.c:k5_rc_default. An empty variable is how scripts unset one.
function nameOf(
  environment: Readonly<Record<string, string | undefined>>,
  defaultName: string | undefined,
): string {
  const { KRB5RCACHENAME, KRB5RCACHETYPE } = environment;
  if (KRB5RCACHENAME) return KRB5RCACHENAME;
  if (KRB5RCACHETYPE) return `${KRB5RCACHETYPE}:`;
  if (defaultName === undefined) return 'dfl:';
  const expanded = expandPathTokens(defaultName);
  if (expanded === undefined) throw unknown(defaultName);
  return expanded;
}

function split(text: string): [type: string, residual: string] {
  const colon = text.indexOf(':');
  if (colon < 0) throw unknown(text);
  return [text.slice(0, colon), text.slice(colon + 1)];
}

function unknown(name: string): KerberosError {
  // A URL may have a password.
  const [, scheme] = /^([a-z]+):(?:\/\/|.*[@?])/i.exec(name) ?? [];
  const engine = scheme && ENGINES[scheme.toLowerCase()];
  return new KerberosError('KRB5_RC_TYPE_NOTFOUND', {
    reason: 'replay.unknown-type',
    message: `Replay cache name ${JSON.stringify(scheme ? `${scheme}:` : name)} is unknown`,
    hint: `write dfl:, dir:/path/to/a/directory, memory: or none:${engine ? `; or pass a ${engine}` : ''}`,
  });
}

const ENGINES: Readonly<Record<string, string>> = {
  redis: 'RedisReplayCache',
  rediss: 'RedisReplayCache',
  postgres: 'PostgresReplayCache',
  postgresql: 'PostgresReplayCache',
};

const NO_REPLAY_CACHE: ReplayCache = { checkAndStore: () => true };

const { directory: _, ...OF_A_FILE } = FILE_REPLAY_CACHE_OPTIONS;

export const REPLAY_CACHE_NAME_OPTIONS: OptionRules<ReplayCacheNameOptions> = {
  ...OF_A_FILE,
  defaultName: text,
  environment: objectWith('an environment'),
};
