import fs, {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../../src/bytes.ts';
import type { Block } from '../../../src/cli/gss-server/lines.ts';
import {
  clientOwnsStandardStreams,
  detachStandardStreams,
  openOutput,
} from '../../../src/cli/gss-server/output.ts';

let folder: string;
let written: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'output-'));
  written = [];
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((bytes) => {
      written.push(`${name}: ${decodeUtf8(bytes as Uint8Array, name)}`);
      return true;
    });
  }
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(folder, { recursive: true });
});

const BLOCKS: readonly Block[] = (
  [
    ['log', 'flags\n'],
    ['stdout', 'Accepted\n'],
    ['log', 'message\n'],
    ['stderr', 'hint\n'],
  ] as const
).map(([to, text]) => ({ to, bytes: encodeUtf8(text) }));

describe('the output', () => {
  it('is stdout for log and results, in one write for consecutive blocks', () => {
    const { print } = openOutput({ logfile: undefined, clientOwnsStreams: false });
    print(BLOCKS);
    expect(written).toEqual(['stdout: flags\nAccepted\nmessage\n', 'stderr: hint\n']);
    print([]);
    expect(written).toHaveLength(2);
  });

  it('has no log if that is /dev/null', () => {
    const { print } = openOutput({ logfile: '/dev/null', clientOwnsStreams: false });
    print(BLOCKS);
    expect(written).toEqual(['stdout: Accepted\n', 'stderr: hint\n']);
  });

  it('has records in the log file, among the lines of the log, or on stderr', () => {
    const record: Block = { to: 'record', bytes: encodeUtf8('record\n') };
    openOutput({ logfile: undefined, clientOwnsStreams: false }).print([...BLOCKS, record]);
    expect(written).toEqual(['stdout: flags\nAccepted\nmessage\n', 'stderr: hint\nrecord\n']);
    const logfile = join(folder, 'log');
    openOutput({ logfile, clientOwnsStreams: false }).print([BLOCKS[0]!, record, BLOCKS[2]!]);
    expect(readFileSync(logfile, 'utf8')).toBe('flags\nrecord\nmessage\n');
  });

  it('is JSON but on stdout, if asked for', () => {
    const logfile = join(folder, 'log');
    const record: Block = { to: 'record', bytes: encodeUtf8('{"event":"accepted"}\n') };
    const { print } = openOutput({ logfile, clientOwnsStreams: false, json: true });
    print([...BLOCKS, record]);
    const lines = readFileSync(logfile, 'utf8')
      .trimEnd()
      .split('\n')
      .map((one) => JSON.parse(one));
    const time = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(lines).toEqual([
      { time, event: 'line', text: 'flags' },
      { time, event: 'line', text: 'message' },
      { event: 'accepted' },
    ]);
    expect(written[0]).toBe('stdout: Accepted\n');
    expect(JSON.parse(written[1]!.slice('stderr: '.length))).toMatchObject({ text: 'hint' });
  });

  it('is appended to the log file', () => {
    const logfile = join(folder, 'log');
    for (let run = 0; run < 2; run++) {
      const { print } = openOutput({ logfile, clientOwnsStreams: false });
      print(BLOCKS);
    }
    expect(readFileSync(logfile, 'utf8')).toBe('flags\nmessage\n'.repeat(2));
    expect(written).toEqual(['stdout: Accepted\n', 'stderr: hint\n', ...written.slice(0, 2)]);
  });

  it('continues in a new log file after a rotation, and in the old one if that cannot be opened', () => {
    const logfile = join(folder, 'log');
    const { print, reopen } = openOutput({ logfile, clientOwnsStreams: false });
    print(BLOCKS);
    renameSync(logfile, `${logfile}.1`);
    print(BLOCKS);
    reopen?.();
    print(BLOCKS);
    expect(readFileSync(`${logfile}.1`, 'utf8')).toBe('flags\nmessage\n'.repeat(2));
    expect(readFileSync(logfile, 'utf8')).toBe('flags\nmessage\n');
    expect(statSync(logfile).mode & 0o777).toBe(0o600);
    rmSync(logfile);
    mkdirSync(logfile);
    const complaint = vi.mocked(process.stderr.write).mockImplementation(() => true);
    reopen?.();
    expect(complaint.mock.lastCall).toEqual([
      expect.stringMatching(/^opening \S+\/log: .*directory\n$/),
    ]);
    expect(() => print(BLOCKS)).not.toThrow();
  });

  it('opens nothing again where there is no log file', () => {
    for (const logfile of [undefined, '/dev/null']) {
      expect(openOutput({ logfile, clientOwnsStreams: false }).reopen).toBeUndefined();
    }
  });

  it('creates the log file for its user alone, and warns of an older one that is not', () => {
    const logfile = join(folder, 'log');
    const open = () => openOutput({ logfile, clientOwnsStreams: false }).warning;
    expect(open()).toBeUndefined();
    expect(statSync(logfile).mode & 0o777).toBe(0o600);
    chmodSync(logfile, 0o644);
    expect(open()).toBe(`${logfile} is open to other users (mode 644): chmod 600 ${logfile}`);
    expect(statSync(logfile).mode & 0o777).toBe(0o644);
  });

  it('never goes to a client that has the standard streams: hints go to the log', () => {
    const logfile = join(folder, 'log');
    openOutput({ logfile, clientOwnsStreams: true }).print(BLOCKS);
    expect(readFileSync(logfile, 'utf8')).toBe('flags\nmessage\nhint\n');
    for (const none of ['/dev/null', undefined]) {
      openOutput({ logfile: none, clientOwnsStreams: true }).print(BLOCKS);
    }
    expect(written).toEqual([]);
  });

  it('cannot be opened where there is no directory for it', () => {
    const logfile = join(folder, 'none', 'log');
    expect(() => openOutput({ logfile, clientOwnsStreams: false })).toThrow(/ENOENT/);
  });
});

/** What each descriptor is of a process that inetd, or a shell, has started; null is closed. */
type Descriptors = readonly (string | null)[];

/** Puts a table of descriptors in place of this process's own. */
function withDescriptors(initial: Descriptors): (string | null)[] {
  const table = [...initial];
  const bad = () => Object.assign(new Error('EBADF: bad file descriptor'), { code: 'EBADF' });
  vi.spyOn(fs, 'fstatSync').mockImplementation(((descriptor: number) => {
    const file = table[descriptor] ?? null;
    if (file === null) throw bad();
    const [dev, ino] = file.split(':');
    return { dev, ino };
  }) as never);
  vi.spyOn(fs, 'closeSync').mockImplementation((descriptor) => {
    if ((table[descriptor] ?? null) === null) throw bad();
    table[descriptor] = null;
  });
  vi.spyOn(fs, 'openSync').mockImplementation((path) => {
    // POSIX: the lowest that is free.
    const free = table.indexOf(null);
    const descriptor = free < 0 ? table.length : free;
    table[descriptor] = String(path);
    return descriptor;
  });
  syncBuiltinESMExports();
  return table;
}

const SOCKET = 'sockfs:17';

describe('the standard streams', () => {
  it.each<[string, Descriptors, boolean]>([
    ['of inetd', [SOCKET, SOCKET, SOCKET], true],
    ['of an inetd that leaves stderr alone', [SOCKET, SOCKET, 'ext4:17'], true],
    ['of which only stderr is the client', [SOCKET, 'ext4:17', SOCKET], true],
    ['that were closed: the next file would be one', [SOCKET, 'ext4:3', null], true],
    ['that go to files of the same number', [SOCKET, 'ext4:17', 'ext4:17'], false],
    ['of a device that has other sockets too', [SOCKET, 'sockfs:18', 'sockfs:19'], false],
  ])('%s', (_, descriptors, expected) => {
    withDescriptors(descriptors);
    expect(clientOwnsStandardStreams()).toBe(expected);
  });

  it.each<[string, Descriptors]>([
    ['open', [SOCKET, SOCKET, SOCKET]],
    ['one closed', [SOCKET, null, SOCKET]],
    ['both closed', [SOCKET, null, null]],
  ])('lead nowhere once they are detached: %s', (_, descriptors) => {
    const table = withDescriptors(descriptors);
    detachStandardStreams();
    expect(table).toEqual([SOCKET, '/dev/null', '/dev/null']);
  });
});
