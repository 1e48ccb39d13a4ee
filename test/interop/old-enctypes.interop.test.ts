import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { frameMechanismToken, unframeToken } from '../../src/gss/framing.ts';
import type { WeakEnctypeReport } from '../../src/index.ts';
import { acquireCredential, ContextFlag, createAcceptor, Mechanism } from '../../src/index.ts';
import { loadKeytab } from '../../src/node/index.ts';
import { exchanges, runGssClient } from '../support/gss-client.ts';
import { GssPeer, PeerError } from '../support/gss-peer.ts';
import type { InitiatorLibrary } from '../support/initiators.ts';
import { runInitiator } from '../support/initiators.ts';
import { Lab } from '../support/lab.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit, onlyPermitting, scratch } from '../support/realm.ts';
import { runOrThrow } from '../support/run.ts';
import type { Server } from '../support/server.ts';
import { startServer } from '../support/server.ts';

// RFC 3961 §6.3 and RFC 4757, with the tokens of RFC 1964 and RFC 4757 §7.
const ENCTYPES: readonly [number, string][] = [
  [16, 'des3-cbc-sha1'],
  [23, 'arcfour-hmac'],
];
const SIZES = [0, 1, 7, 8, 9, 255, 65_537, 1_000_000];

describe.runIf(have('gss-client')).each(['', '-export'])('gss-client and gss-server %s', (flag) => {
  let server: Server;

  beforeAll(async () => {
    server = await startServer({ service: '*', flags: flag === '' ? [] : [flag] });
  });
  afterAll(() => server.stop());

  describe.each(ENCTYPES)('with a ticket of enctype %i', (enctype, name) => {
    const service = `etype${enctype}`;
    let user: User;
    let narrow: User;

    beforeAll(async () => {
      user = await (await kinit()).fetchTickets(service);
      narrow = await onlyPermitting(name, user);
    });

    it('is what the KDC issues, and what the operator is told of', async () => {
      const tickets = await runOrThrow('klist', ['-e'], { env: user.env });
      expect(tickets).toMatch(
        new RegExp(`${service}/.*\\n.*Etype \\(skey, tkt\\):.*${name}.*${name}`),
      );
      const weak = `weak encryption type: alice@EXAMPLE.TEST uses ${name} (ticket), ${name} (session key)`;
      const target = `for ${service}/localhost@EXAMPLE.TEST\n`;
      expect(exchanges(await runGssClient({ port: server.port, user, service }))).toEqual(SIGNED);
      await expect.poll(() => server.stderr).toContain(`${weak} ${target}`);
      await runGssClient({ port: server.port, user: narrow, service });
      await expect.poll(() => server.stderr).toContain(`${weak}, ${name} (messages) ${target}`);
    });

    it('asks for a newer enctype if it can (RFC 4537)', async () => {
      const flags = ['-krb5', '-mcount', '5'];
      const result = await runGssClient({ port: server.port, user, service, flags });
      expect(exchanges(result)).toEqual({ signed: 5, unsigned: 0 });
    });

    it.each(['', '-nw', '-nx', '-nomutual', '-seq', '-v1', '-v1 -nx', '-spnego', '-mcount 5'])(
      '%s',
      async (options) => {
        const words = options.split(' ').filter((option) => option !== '');
        const flags = options === '-spnego' ? words : ['-krb5', ...words];
        const result = await runGssClient({ port: server.port, user: narrow, service, flags });
        expect(exchanges(result)).toEqual(
          options === '-mcount 5' ? { signed: 5, unsigned: 0 } : SIGNED,
        );
      },
    );

    it.each(SIZES)('a message of %i bytes', async (size) => {
      const message = join(scratch(), 'message');
      await writeFile(message, 'All work and no play. '.repeat(size / 22 + 1).slice(0, size));
      const options = { port: server.port, user: narrow, service, message };
      const result = await runGssClient({ ...options, flags: ['-krb5', '-f'] });
      expect(exchanges(result)).toEqual(SIGNED);
    });
  });
});

describe.runIf(have('python3-gssapi')).each(ENCTYPES)(
  'a delete token, enctype %i',
  (enctype, name) => {
    it('is what MIT krb5 takes for one', async () => {
      const service = `etype${enctype}`;
      const user = await onlyPermitting(name, await (await kinit()).fetchTickets(service));
      const credential = await acquireCredential({
        keytab: await loadKeytab(keytab(service)),
        crypto: withLegacyEnctypes(),
      });
      await using peer = new GssPeer(user);
      const token = await peer.init(service, ContextFlag.mutual | ContextFlag.integrity);
      const result = await createAcceptor({ credential }).begin().accept(token);
      if (result.status !== 'complete') throw new Error('not complete');
      await peer.step(result.outputToken!);
      const keys = result.context.sessionKey.rfc1964!;
      const make = (sender: 'initiator' | 'acceptor'): Uint8Array => {
        // RFC 1964 §1.2.3: a MIC of nothing, with a TOK_ID of its own.
        const { inner } = unframeToken(result.context.getMic(new Uint8Array()));
        const header = inner.slice(0, 8);
        header.set([0x01, 0x02]);
        const checksum = keys.checksum('mic', header);
        const sequence = keys.sealSequence({ number: 5, sender }, checksum);
        return frameMechanismToken(Mechanism.krb5, concatBytes(header, sequence, checksum));
      };
      await expect(peer.processToken(make('initiator'))).rejects.toThrow(PeerError);
      await peer.processToken(make('acceptor'));
      await expect(peer.getMic(new Uint8Array())).rejects.toThrow(PeerError);
      result.context.processToken(make('initiator'));
      expect(() => result.context.getMic(new Uint8Array())).toThrow('No context');
    });
  },
);

describe.runIf(have('kinit')).each(ENCTYPES)('enctype %i', (enctype, name) => {
  const service = `etype${enctype}`;
  const crypto = withLegacyEnctypes();
  let user: User;

  beforeAll(async () => {
    user = await onlyPermitting(name, await (await kinit()).fetchTickets(service));
  });

  // Java needs no other configuration: it does not know RFC 4537.
  describe.each<InitiatorLibrary>(['python3-gssapi', 'java'])('with %s', (library) => {
    describe.runIf(have(library))('both ways', () => {
      it.each([true, false])('every size, confidential %s', async (confidential) => {
        const weak: WeakEnctypeReport[] = [];
        await using lab = await Lab.start({
          keytab: keytab(service),
          crypto,
          confidential,
          acceptor: { onWeakEnctype: (report) => weak.push(report) },
        });
        const report = await runInitiator(library, {
          port: lab.port,
          user,
          service,
          confidential,
          sizes: SIZES,
          answers: SIZES.length,
          mics: true,
        });
        expect(report.error).toBeUndefined();
        expect(lab.context.enctype).toBe(enctype);
        expect(lab.messages).toHaveLength(SIZES.length);
        for (const message of lab.messages) {
          expect(message).toMatchObject({ confidential, sequence: 'ok' });
        }
        expect(report.answers).toEqual(
          SIZES.map((_, index) => ({ event: 'answer', index, confidential, status: [] })),
        );
        expect(lab.mics).toEqual(SIZES.map(() => ({ qop: 0, sequence: 'ok' })));
        expect(weak).toMatchObject([{ client: 'alice@EXAMPLE.TEST', contextEnctype: enctype }]);
      });

      it.each(['mutual,replay,sequence', 'mutual,replay', 'replay,sequence', ''])(
        'messages that are missing and repeated, flags %s',
        async (list) => {
          const flags = list.split(',').filter((flag) => flag !== '');
          // RFC 4757 §7.3: without an AP-REP both directions of RC4 would share a keystream.
          const confidential = enctype !== 23 || flags.includes('mutual');
          const setup = { keytab: keytab(service), crypto, answers: [1, 1] };
          await using lab = await Lab.start({ ...setup, confidential });
          const options = { port: lab.port, user, service, flags, sizes: [10, 20] };
          const report = await runInitiator(library, { ...options, order: [1, 1], answers: 2 });
          expect(report.error).toBeUndefined();
          // What the library asked for in the end.
          const asked = report.established?.flags ?? [];
          const first = asked.includes('sequence') ? 'gap' : '';
          const second = asked.includes('replay')
            ? 'duplicate'
            : asked.includes('sequence')
              ? 'unsequenced'
              : '';
          expect(report.answers.map(({ status }) => status.join())).toEqual([first, second]);
          const seen = lab.messages.map((one) => ('sequence' in one ? one.sequence : one.code));
          expect(seen).toEqual([first || 'ok', second || 'ok']);
        },
      );

      it('is refused an altered message, and refuses one', async () => {
        await using lab = await Lab.start({ keytab: keytab(service), crypto, alter: 60 });
        const options = { port: lab.port, user, service, sizes: [100, 200], alter: 60 };
        const report = await runInitiator(library, { ...options, answers: 1 });
        const [altered, good] = lab.messages;
        expect(altered).toMatchObject({ code: 'GSS_S_BAD_MIC' });
        expect(good).toMatchObject({ confidential: true });
        expect(report.answers).toMatchObject([{ index: -1 }]);
      });
    });
  });
});

const SIGNED = { signed: 1, unsigned: 0 };
