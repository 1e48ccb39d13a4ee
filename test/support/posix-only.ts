/**
 * Files of tests whose subject POSIX systems alone have, or most of it: owners and modes of files, links, FIFOs,
 * files that are replaced while they are open, signals, sockets with a path. Windows runs all others.
 */
export const POSIX_ONLY: readonly string[] = [
  'test/cli/gss-server/check.test.ts',
  'test/cli/gss-server/output.test.ts',
  'test/cli/gss-server/shared-replay-cache.test.ts',
  'test/cli/gss-server/start.test.ts',
  'test/node/check/check-acceptor.test.ts',
  'test/node/files/keytab-file.test.ts',
  'test/node/files/keytab-rotation.test.ts',
  'test/node/files/krb5-conf-file.test.ts',
  'test/node/files/safe-path.test.ts',
  'test/node/http-faults.test.ts',
  'test/node/replay-cache/directory.test.ts',
  'test/node/replay-cache/faults.test.ts',
  'test/node/replay-cache/file.test.ts',
  'test/node/replay-cache/name.test.ts',
  'test/node/replay-cache/place.test.ts',
  'test/node/replay-cache/processes.test.ts',
  'test/node/server/sign-session.test.ts',
];
