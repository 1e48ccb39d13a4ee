import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { formatKeytab } from '../../src/keytab/keytab.ts';
import { recogniseLookalike } from '../../src/keytab/lookalike.ts';
import { makeKeytab } from '../support/realm-kit.ts';

const KEYTAB = Buffer.from(
  formatKeytab(makeKeytab({ enctype: 18 }, { enctype: 17 }, { enctype: 20 })),
);

/** A keytab in the byte order of most machines, as careless programs write it. */
function littleEndian(): Buffer {
  const name = (text: string): Buffer => {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    return Buffer.concat([length, Buffer.from(text)]);
  };
  const record = Buffer.concat([
    Buffer.of(2, 0),
    name('EXAMPLE.TEST'),
    name('HTTP'),
    name('www.example.test'),
    Buffer.alloc(40, 1),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(record.length);
  return Buffer.concat([Buffer.of(5, 2), length, record]);
}

describe('recogniseLookalike', () => {
  it.each<[string, Uint8Array]>([
    ['ccache', Buffer.of(5, 4, 0, 12, 0, 1, 0, 8)],
    ['base64', Buffer.from(KEYTAB.toString('base64'))],
    [
      'base64',
      Buffer.from(
        `${KEYTAB.toString('base64')
          .match(/.{1,76}/g)!
          .join('\n')}\n`,
      ),
    ],
    ['hex', Buffer.from(KEYTAB.toString('hex'))],
    ['hex', Buffer.from(`0x${KEYTAB.toString('hex')}`)],
    ['hex', Buffer.from(KEYTAB.toString('hex').match(/../g)!.join(' '))],
    ['hex-dump', Buffer.from(`00000000: 0502 0000 0052 0002 000c  .....R....\n`)],
    ['utf-16', Buffer.from(`\uFEFF${KEYTAB.toString('latin1')}`, 'utf16le')],
    ['byte-order-mark', Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), KEYTAB])],
    ['byte-order-mark', Buffer.from(`\uFEFF${KEYTAB.toString('utf8')}`)],
    ['text', Buffer.from(KEYTAB.toString('utf8'))],
    ['utf-8', Buffer.from(KEYTAB.toString('latin1'))],
    ['plain-text', Buffer.from('host/localhost@EXAMPLE.TEST kvno 2\n')],
    ['line-ends', Buffer.from('0502000000270d0a410d0a', 'hex')],
    ['pem', Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB\n')],
    ['little-endian', littleEndian()],
    ['gzip', gzipSync(KEYTAB)],
    ['klist', Buffer.from('Keytab name: FILE:/etc/krb5.keytab\nKVNO Principal\n')],
    ['krb5.conf', Buffer.from('# Kerberos\n\n[libdefaults]\n  default_realm = R\n')],
    ['web-page', Buffer.from('<!DOCTYPE html><title>404</title>')],
    ['json', Buffer.from('{"data": "BQIAAA=="}')],
    ['zeros', new Uint8Array(200)],
  ])('%s', (looksLike, bytes) => {
    expect(recogniseLookalike(bytes)).toBe(looksLike);
  });

  it('recognises what xxd and base64 write', () => {
    const dump = (command: string, ...args: string[]): Uint8Array =>
      execFileSync(command, args, { input: KEYTAB });
    expect(recogniseLookalike(dump('base64'))).toBe('base64');
    expect(recogniseLookalike(dump('od', '-An', '-tx1'))).toBe('hex');
    expect(recogniseLookalike(dump('od', '-Ax', '-tx1'))).toBe('hex-dump');
  });

  it('says nothing of a keytab, of one that was cut off, and of other bytes', () => {
    for (const bytes of [
      KEYTAB,
      KEYTAB.subarray(0, 60),
      Buffer.of(1, 2, 3),
      Buffer.of(),
      Buffer.of(0),
    ]) {
      expect(recogniseLookalike(bytes)).toBeUndefined();
    }
  });

  it('takes no longer for a large file', () => {
    expect(recogniseLookalike(Buffer.alloc(16_777_216, '[\n'))).toBe('plain-text');
    expect(recogniseLookalike(Buffer.alloc(16_777_216, '#\n'))).toBe('plain-text');
    expect(recogniseLookalike(Buffer.alloc(16_777_216, '\xc2\x80', 'latin1'))).toBe('utf-8');
  });
});
