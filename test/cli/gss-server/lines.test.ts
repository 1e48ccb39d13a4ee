import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/bytes.ts';
import type { LineOptions } from '../../../src/cli/gss-server/lines.ts';
import {
  errorBlock,
  formatEvent,
  formatGssError,
  formatWorkerEnd,
} from '../../../src/cli/gss-server/lines.ts';
import type { SecurityContext } from '../../../src/context/context.ts';
import { KerberosError } from '../../../src/errors.ts';
import { GssName, importName } from '../../../src/gss/name.ts';
import { GssError } from '../../../src/gss/status.ts';
import { formatPrincipal } from '../../../src/messages/principal.ts';
import type { ConnectionEvent, GssServerEvent } from '../../../src/node/server/events.ts';
import { SampleClient, TestServer } from '../../node/server/sample-client.ts';

const CONNECTION = { id: 1, remoteAddress: '192.0.2.7', remotePort: 50_000 };

/** What is printed, each block after the name of its stream. */
function printed(event: ConnectionEvent, verbose = false): string[] {
  return show({ ...event, connection: CONNECTION }, verbose);
}

function show(
  event: GssServerEvent,
  verbose: boolean,
  localName?: LineOptions['localName'],
): string[] {
  return formatEvent(event, { verbose, ...(localName && { localName }) }).map(
    ({ to, bytes }) => `${to}: ${Buffer.from(bytes).toString('latin1')}`,
  );
}

function contextOf(
  flags: number,
  initiator = 'user@KRBTEST.COM',
  enctypes: readonly [number, number, number] = [18, 18, 18],
): SecurityContext {
  const [enctype, sessionEnctype, contextEnctype] = enctypes;
  return {
    flags,
    initiator: importName(initiator),
    mechanism: '1.2.840.113554.1.2.2',
    authenticationIndicators: [],
    ticket: { enctype, sessionEnctype, server: 'host/a.test@KRBTEST.COM' },
    enctype: contextEnctype,
  } as unknown as SecurityContext;
}

function message(text: string | Uint8Array): string[] {
  const bytes = typeof text === 'string' ? encodeUtf8(text) : text;
  return printed({ type: 'message', message: bytes, notEncrypted: false });
}

describe('formatEvent', () => {
  it('shows the flags in MIT order, spaces at the end included, and the client on stdout', () => {
    expect(printed({ type: 'accepted', context: contextOf(0xffff), framing: 'v2' }, true)).toEqual([
      'log: context flag: GSS_C_DELEG_FLAG\n',
      'log: context flag: GSS_C_MUTUAL_FLAG\n',
      'log: context flag: GSS_C_REPLAY_FLAG\n',
      'log: context flag: GSS_C_SEQUENCE_FLAG\n',
      'log: context flag: GSS_C_CONF_FLAG \n',
      'log: context flag: GSS_C_INTEG_FLAG \n',
      'log: Accepted connection using mechanism OID { 1 2 840 113554 1 2 2 }.\n',
      'stdout: Accepted connection: "user@KRBTEST.COM"\n',
    ]);
    expect(printed({ type: 'accepted', context: contextOf(0x20), framing: 'v1' })).toEqual([
      'log: context flag: GSS_C_INTEG_FLAG \n',
      'stdout: Accepted connection: "user@KRBTEST.COM"\n',
    ]);
  });

  it('shows authenticated attributes and the local account before the client', () => {
    const indicators = ['pkinit', 'x'.repeat(40)];
    const context = { ...contextOf(0), authenticationIndicators: indicators } as never;
    const asked: string[] = [];
    const event = { type: 'accepted', context, framing: 'v2', connection: CONNECTION } as const;
    const lines = show(event, false, (client) => {
      asked.push(formatPrincipal(client));
      return 'local-user';
    });
    const title = 'stdout: Attribute auth-indicators Authenticated Complete\n\n\n';
    expect(lines).toEqual([
      `${title}\n706b696e6974\n\n`,
      `${title}\n${'78'.repeat(32)}\n${'78'.repeat(8)}\n\n`,
      'stdout: localname: local-user\n',
      'stdout: Accepted connection: "user@KRBTEST.COM"\n',
    ]);
    expect(asked).toEqual(['user@KRBTEST.COM']);
    expect(show(event, false, () => undefined)).not.toContainEqual(
      expect.stringContaining('localname'),
    );
  });

  it('shows an attribute without a value as MIT krb5 does', () => {
    const context = { ...contextOf(0), authenticationIndicators: [''] } as never;
    expect(printed({ type: 'accepted', context, framing: 'v2' })[0]).toBe(
      'stdout: Attribute auth-indicators Authenticated Complete\n\n\n\n\n',
    );
  });

  it('shows faults with their stack when verbose, and other thrown values', () => {
    const error = new TypeError('oops');
    error.stack = 'TypeError: oops\n    at somewhere';
    const prefix = 'stderr: gss-server: internal error: ';
    expect(printed({ type: 'fault', error })).toEqual([`${prefix}TypeError: oops\n`]);
    expect(printed({ type: 'fault', error }, true)).toEqual([`${prefix}${error.stack}\n`]);
    expect(printed({ type: 'fault', error: 'no error' }, true)).toEqual([`${prefix}no error\n`]);
    delete error.stack;
    expect(printed({ type: 'fault', error }, true)).toEqual([`${prefix}TypeError: oops\n`]);
  });

  it('names no address if the client was gone before', () => {
    expect(show({ type: 'overload', remoteAddress: undefined, limit: 9 }, false)).toEqual([
      'stderr: closing connection from a client: 9 connections are open (-maxconn)\n',
    ]);
    const failure = { reason: 'aborted' } as const;
    const event = { type: 'channel-error', failure, sendingContextToken: false } as const;
    const connection = { id: 1, remoteAddress: undefined, remotePort: undefined };
    expect(show({ ...event, connection }, false)).toEqual([
      'stderr: closing connection from a client: the server is stopping\n',
    ]);
  });

  it('tells the operator why there are no groups', () => {
    const pacError = new KerberosError('KRB_AP_ERR_MODIFIED', {
      reason: 'pac.signature',
      message: 'PAC server signature does not verify',
    });
    const context = Object.assign(Object.create(contextOf(0)), { pacError });
    expect(printed({ type: 'accepted', context, framing: 'v2' }).slice(1)).toEqual([
      "stderr: hint: the ticket's PAC is not shown: PAC server signature does not verify\n",
    ]);
  });

  it('tells the operator who still uses enctypes that are not safe, and for what', () => {
    const weakOf = (...enctypes: [number, number, number]) => {
      const context = contextOf(0, undefined, enctypes);
      return printed({ type: 'accepted', context, framing: 'v2' }).slice(1);
    };
    expect(weakOf(18, 17, 26)).toEqual([]);
    expect(weakOf(23, 18, 18)).toEqual([
      'stderr: weak encryption type: user@KRBTEST.COM uses arcfour-hmac (ticket) for ' +
        'host/a.test@KRBTEST.COM\n',
    ]);
    expect(weakOf(18, 16, 16)).toEqual([
      'stderr: weak encryption type: user@KRBTEST.COM uses des3-cbc-sha1 (session key), ' +
        'des3-cbc-sha1 (messages) for host/a.test@KRBTEST.COM\n',
    ]);
  });

  it('shows tokens only when verbose, title and bytes in one block', () => {
    const token = Uint8Array.from({ length: 17 }, (_, i) => i * 15);
    const received: ConnectionEvent = { type: 'context-token-received', token };
    expect(printed(received)).toEqual([]);
    expect(printed(received, true)).toEqual([
      'log: Received token (size=17): \n' +
        '00 0f 1e 2d 3c 4b 5a 69 78 87 96 a5 b4 c3 d2 e1 \nf0 \n',
    ]);
    expect(printed({ type: 'context-token-sending', token: token.subarray(0, 16) }, true)).toEqual([
      'log: Sending accept_sec_context token (size=16):\n' +
        '00 0f 1e 2d 3c 4b 5a 69 78 87 96 a5 b4 c3 d2 e1 \n\n',
    ]);
    expect(printed({ type: 'message-token', flags: 228, token: Uint8Array.of(255) }, true)).toEqual(
      ['log: Message token (flags=228):\nff \n'],
    );
    expect(printed({ type: 'message-token', flags: 4, token: new Uint8Array(0) }, true)).toEqual([
      'log: Message token (flags=4):\n\n',
    ]);
  });

  it('shows steps and exports only when verbose', () => {
    expect(printed({ type: 'context-step', complete: true }, true)).toEqual(['log: \n']);
    expect(printed({ type: 'context-step', complete: false }, true)).toEqual([
      'log: continue needed...\n',
    ]);
    expect(printed({ type: 'exported', bytes: 1219, seconds: 0.000_04 }, true)).toEqual([
      'log: Exported context: 1219 bytes,  0.0000 seconds\n',
    ]);
    expect(printed({ type: 'imported', seconds: 12.345_67 }, true)).toEqual([
      'log: Importing context: 12.3457 seconds\n',
    ]);
    for (const event of [
      { type: 'context-step', complete: true },
      { type: 'exported', bytes: 1, seconds: 1 },
      { type: 'imported', seconds: 1 },
      { type: 'message-token', flags: 4, token: new Uint8Array(1) },
      { type: 'context-token-sending', token: new Uint8Array(1) },
    ] as const) {
      expect(printed(event)).toEqual([]);
    }
  });

  it('announces a client without a context twice', () => {
    expect(printed({ type: 'accepted-unauthenticated' })).toEqual([
      'log: Accepted unauthenticated connection.\n',
      'stdout: Accepted unauthenticated connection.\n',
    ]);
  });

  it.each([
    ['text', 'testmsg', '"testmsg"\n'],
    ['printable text of any script', 'caf\u00e9 "x" \\n 世界', '"caf\u00e9 "x" \\n 世界"\n'],
    ['a final line feed', 'a\n', '"a\\x0a"\n'],
    ['white space', '\t\v', '"\\x09\\x0b"\n'],
    ['one byte', 'a', '"a"\n'],
    ['nothing', '', '""\n'],
    ['binary after two printable bytes', Uint8Array.of(65, 66, 1, 255), '"AB\\x01\\xff"\n'],
    ['text up to a NUL, as printf has it', 'ab\0cd', '"ab"\n'],
    ['a first byte that is not printable', Uint8Array.of(1, 65), '\n01 41 \n'],
    ['a second byte that is not printable', Uint8Array.of(65, 0), '\n41 00 \n'],
    ['one byte that is not printable', Uint8Array.of(0x7f), '\n7f \n'],
    ['a byte above ASCII', Uint8Array.of(0xc3, 0xa9), '\nc3 a9 \n'],
  ])('shows a message: %s', (_name, text, expected) => {
    const bytes = Buffer.from(`log: Received message: ${expected}`).toString('latin1');
    expect(message(text)).toEqual([bytes]);
  });

  // What a client without any ticket may say, and what a principal may be called.
  const HOSTILE = [
    'ab"\nAccepted connection: "administrator@EXAMPLE.COM"',
    'ab\r\x1b]0;owned\x07\x1b[2J',
    'ab\x85\x9b2J\x7f',
    'ab\u202enimda\u2066\u2069\u200f\u061c\u2028\u2029',
  ];
  const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

  it.each(HOSTILE)('shows %j in one line', (text) => {
    const minor = new KerberosError('KRB_AP_ERR_BADMATCH', {
      reason: 'fault.program',
      message: `ticket of ${text}`,
      hint: `ask ${text}`,
    });
    const gssError = new GssError('GSS_S_FAILURE', { minor });
    const principal = { nameType: 1, components: [text], realm: text };
    const initiator = GssName.ofPrincipal(principal);
    const ticket = { enctype: 23, sessionEnctype: 18, server: text };
    const pacError = new KerberosError('KRB_AP_ERR_MODIFIED', {
      reason: 'fault.program',
      message: text,
      hint: text,
    });
    const context = { ...contextOf(0), initiator, ticket, pacError } as never;
    const accepted = { type: 'accepted', context, framing: 'v2', connection: CONNECTION } as const;
    const lines = [
      ...formatEvent(
        {
          type: 'message',
          message: encodeUtf8(text),
          notEncrypted: false,
          connection: CONNECTION,
        },
        { verbose: true },
      ),
      ...formatEvent(accepted, { verbose: true, localName: () => text }),
      ...formatGssError('accepting context', gssError),
      errorBlock('gss-server', Object.assign(new Error(text), { stack: `Error: ${text}` }), true),
    ].map(({ bytes }) => Buffer.from(bytes).toString());
    expect(lines).toHaveLength(10);
    for (const line of lines) {
      expect(line.slice(-1)).toBe('\n');
      expect(line.slice(0, -1)).not.toMatch(CONTROL);
    }
  });

  it('shows a stack without what a client put into the message of its error', () => {
    const error = new Error('x\n    at forged');
    error.stack = 'Error: x\n    at forged\n    at real';
    const shown = Buffer.from(errorBlock('gss-server', error, true).bytes).toString();
    expect(shown).toBe('gss-server: Error: x\\x0a    at forged\n    at real\n');
  });

  it('warns on stderr, before the message, when it was not encrypted', () => {
    expect(printed({ type: 'message', message: encodeUtf8('hi'), notEncrypted: true })).toEqual([
      'stderr: Warning!  Message not encrypted.\n',
      'log: Received message: "hi"\n',
    ]);
  });

  it('ends with the NOOP in v2, and silently in v1', () => {
    expect(printed({ type: 'finished', framing: 'v2' })).toEqual(['log: NOOP token\n']);
    expect(printed({ type: 'finished', framing: 'v1' })).toEqual([]);
  });

  it('shows a refused context as major, minor and, on stderr, hint', () => {
    const minor = new KerberosError('KRB_AP_ERR_BADKEYVER', {
      reason: 'fault.program',
      message: 'kvno 4 not found in keytab',
      hint: 'export the keytab again',
    });
    const error = new GssError('GSS_S_FAILURE', { minor });
    expect(printed({ type: 'gss-error', stage: 'accepting context', error })).toEqual([
      'log: GSS-API error accepting context: ' +
        'Unspecified GSS failure.  Minor code may provide more information\n',
      'log: GSS-API error accepting context: kvno 4 not found in keytab\n',
      'stderr: hint: export the keytab again\n',
    ]);
  });

  it.each([
    ['GSS_S_DUPLICATE_TOKEN', 'The token was a duplicate of an earlier token', 'Unknown code 0'],
    ['GSS_S_UNSEQ_TOKEN', 'A later token has already been processed', 'Unknown code 0'],
    ['GSS_S_DEFECTIVE_TOKEN', 'Invalid token was supplied', 'Unknown error'],
  ] as const)('shows %s', (code, major, minor) => {
    const error = new GssError(code, { reason: 'fault.program' });
    expect(printed({ type: 'gss-error', stage: 'unsealing message', error })).toEqual([
      `log: GSS-API error unsealing message: ${major}\n`,
      `log: GSS-API error unsealing message: ${minor}\n`,
    ]);
  });

  it.each<[ConnectionEvent, string[]]>([
    [{ type: 'noop-expected', flags: 4 }, ['log: Expected NOOP token, got 4 token instead\n']],
    [
      { type: 'unauthenticated-request' },
      ['log: Unauthenticated client requested authenticated services!\n'],
    ],
    [
      { type: 'fault', error: new TypeError('oops') },
      ['stderr: gss-server: internal error: TypeError: oops\n'],
    ],
    [
      { type: 'unauthenticated-refused' },
      [
        'stderr: closing connection from 192.0.2.7 port 50000: it does not authenticate ' +
          '(-authenticated)\n',
      ],
    ],
    [{ type: 'open' }, []],
    [{ type: 'close' }, []],
  ])('shows %j', (event, lines) => {
    expect(printed(event)).toEqual(lines);
  });

  it('shows the missing part of a token', () => {
    const ended = (part: 'flags' | 'length' | 'data', read: number, expected: number): string[] =>
      printed({
        type: 'channel-error',
        failure: { reason: 'ended', truncation: { part, read, expected } },
        sendingContextToken: false,
      });
    expect(ended('flags', 0, 1)).toEqual(['log: reading token flags: 0 bytes read\n']);
    expect(ended('length', 2, 4)).toEqual(['log: reading token length: 2 of 4 bytes read\n']);
    expect(ended('data', 2, 600)).toEqual(['stderr: sending token data: 2 of 600 bytes written\n']);
  });

  it('shows a connection that sent nothing only with -verbose', () => {
    const probe = (failure: unknown, verbose: boolean): string[] =>
      printed(
        { type: 'channel-error', failure, sendingContextToken: false } as ConnectionEvent,
        verbose,
      );
    const ended = {
      reason: 'ended',
      truncation: { part: 'flags', read: 0, expected: 1 },
      probe: true,
    };
    const error = Object.assign(new Error('read ECONNRESET'), { errno: -104 });
    const reset = { reason: 'read-error', part: 'flags', error, probe: true };
    expect([probe(ended, false), probe(reset, false)]).toEqual([[], []]);
    expect(probe(ended, true)).toEqual(['log: reading token flags: 0 bytes read\n']);
    expect(probe(reset, true)).toEqual(['stderr: reading token flags: Connection reset by peer\n']);
  });

  it('shows other problems of a connection', () => {
    const failed = (failure: unknown, sendingContextToken = false): string[] =>
      printed({ type: 'channel-error', failure, sendingContextToken } as ConnectionEvent);
    const reset = Object.assign(new Error('read ECONNRESET'), { errno: -104 });
    const pipe = Object.assign(new Error('write EPIPE'), { errno: -32 });
    const truncation = { part: 'flags', read: 0, expected: 1 };
    expect(failed({ reason: 'timeout', limit: '300 seconds without a token', truncation })).toEqual(
      [
        'log: reading token flags: 0 bytes read\n',
        'stderr: closing connection from 192.0.2.7 port 50000: 300 seconds without a token\n',
      ],
    );
    expect(failed({ reason: 'timeout', limit: 'too slow' }, true)).toEqual([
      'stderr: closing connection from 192.0.2.7 port 50000: too slow\n',
      'log: failure sending token\n',
    ]);
    expect(failed({ reason: 'too-long', text: 'too long' })).toEqual([
      'log: Out of memory allocating token data\n',
      'stderr: hint: too long\n',
    ]);
    expect(failed({ reason: 'read-error', part: 'length', error: reset })).toEqual([
      'stderr: reading token length: Connection reset by peer\n',
    ]);
    expect(failed({ reason: 'write-error', error: pipe }, true)).toEqual([
      'stderr: sending token data: Broken pipe\n',
      'log: failure sending token\n',
    ]);
    expect(failed({ reason: 'aborted' })).toEqual([
      'stderr: closing connection from 192.0.2.7 port 50000: the server is stopping\n',
    ]);
  });

  it('shows displaced connections, and the number of others', () => {
    const overload = { type: 'overload', remoteAddress: '192.0.2.7', limit: 9 } as const;
    const displaced = { ...overload, displaced: true } as const;
    expect(show({ ...displaced, of: 'source', more: 70 }, false)).toEqual([
      'stderr: closing connection from 192.0.2.7, which is not authenticated: 9 connections from ' +
        'its address are open (-maxsource); 70 others were closed as well\n',
    ]);
    expect(show({ ...displaced, of: 'penalty' }, false)).toEqual([
      'stderr: closing connection from 192.0.2.7, which is not authenticated: too many from its ' +
        'address failed (-penalty)\n',
    ]);
    const failure = { reason: 'displaced' } as const;
    expect(printed({ type: 'channel-error', failure, sendingContextToken: false })).toEqual([]);
    const penalty = { type: 'penalty', remoteAddress: '192.0.2.7', seconds: 15.2 } as const;
    const start =
      'stderr: many connections from 192.0.2.7 failed to authenticate: they are closed first when ' +
      'the server is full,';
    expect(show(penalty, false)).toEqual([`${start} for 16 seconds (-penalty)\n`]);
    expect(show({ ...penalty, more: 3 }, false)).toEqual([
      `${start} for 16 seconds (-penalty); those from 3 other addresses too\n`,
    ]);
  });

  it('shows problems of the server', () => {
    expect(show({ type: 'overload', remoteAddress: '192.0.2.7', limit: 9 }, false)).toEqual([
      'stderr: closing connection from 192.0.2.7: 9 connections are open (-maxconn)\n',
    ]);
    const error = Object.assign(new Error('accept EMFILE'), { errno: -24 });
    expect(show({ type: 'listener-error', error }, false)).toEqual([
      'stderr: accepting connection: Too many open files\n',
    ]);
  });

  it('shows a whole exchange as MIT krb5 does', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    const context = await client.authenticate();
    await client.sign(context, encodeUtf8('testmsg'));
    client.send(0x01, new Uint8Array(0));
    await server.until('close');
    expect(server.events.flatMap((event) => show(event, false))).toEqual([
      'log: context flag: GSS_C_MUTUAL_FLAG\n',
      'log: context flag: GSS_C_REPLAY_FLAG\n',
      'log: context flag: GSS_C_SEQUENCE_FLAG\n',
      'log: context flag: GSS_C_CONF_FLAG \n',
      'log: context flag: GSS_C_INTEG_FLAG \n',
      'stdout: Accepted connection: "alice@EXAMPLE.COM"\n',
      'log: Received message: "testmsg"\n',
      'log: NOOP token\n',
    ]);
  });
});

describe('formatGssError', () => {
  it('names the operation, and takes any error', () => {
    const lines = formatGssError(
      'acquiring credentials',
      new GssError('GSS_S_NO_CRED', { reason: 'fault.program' }),
    );
    expect(lines.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
      'GSS-API error acquiring credentials: No credentials were supplied, or the credentials ' +
        'were unavailable or inaccessible\n',
      'GSS-API error acquiring credentials: Unknown error\n',
    ]);
  });

  it.each([
    [undefined, 'stderr: hint: token names no mechanism\n'],
    ['ask the client', 'stderr: hint: token names no mechanism; ask the client\n'],
  ])('adds the message of the error to Unknown error: %s', (hint, last) => {
    const options = hint === undefined ? {} : { hint };
    const error = new GssError('GSS_S_DEFECTIVE_TOKEN', {
      reason: 'fault.program',
      message: 'token names no mechanism',
      ...options,
    });
    const lines = formatGssError('accepting context', error).map(
      ({ to, bytes }) => `${to}: ${Buffer.from(bytes)}`,
    );
    expect(lines).toEqual([
      'log: GSS-API error accepting context: Invalid token was supplied\n',
      'log: GSS-API error accepting context: Unknown error\n',
      last,
    ]);
  });

  it('has a hint for a client that left, if there is one', () => {
    const connection = CONNECTION;
    const lines = (error: GssError) =>
      formatEvent({ type: 'abandoned', error, connection }, { verbose: false }).map(
        ({ to, bytes }) => `${to}: ${Buffer.from(bytes)}`,
      );
    expect(
      lines(
        new GssError('GSS_S_CONTINUE_NEEDED', {
          reason: 'fault.program',
          message: 'the client left',
        }),
      ),
    ).toEqual([]);
    expect(
      lines(new GssError('GSS_S_BAD_MECH', { reason: 'fault.program', hint: 'no ticket' })),
    ).toEqual(['stderr: hint: no ticket\n']);
  });
});

describe('formatWorkerEnd', () => {
  it.each([
    [{ pid: 7, exitCode: 1, signal: null, delay: 0 }, 'worker 7 ended with exit code 1', 'now'],
    [
      { pid: 7, exitCode: null, signal: 'SIGKILL', delay: 200 },
      'worker 7 ended by SIGKILL',
      'in 0.2 s',
    ],
    [
      { pid: undefined, exitCode: null, signal: null, delay: 30_000 },
      'a worker could not be started',
      'in 30 s',
    ],
  ])('of %j', (end, what, when) => {
    const lines = formatWorkerEnd(end).map(({ to, bytes }) => `${to}: ${Buffer.from(bytes)}`);
    expect(lines).toEqual([`stderr: gss-server: ${what}; another takes its place ${when}\n`]);
  });
});
