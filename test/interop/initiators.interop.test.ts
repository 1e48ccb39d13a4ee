import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextFlags } from '../support/gss-client.ts';
import type { InitiatorLibrary } from '../support/initiators.ts';
import { runInitiator } from '../support/initiators.ts';
import type { User } from '../support/realm.ts';
import { have, kinit } from '../support/realm.ts';
import type { Server } from '../support/server.ts';
import { startServer } from '../support/server.ts';

const GSS_S_GAP_TOKEN = 16;
const SIZES = [0, 1, 2, 15, 16, 17, 1000, 65_536, 1_000_000];

const LIBRARIES: readonly InitiatorLibrary[] = ['python3-gssapi', 'java', 'mit-c', 'heimdal'];
const FLAGS = ['', 'replay', 'sequence', 'mutual', 'mutual,replay,sequence'];
const INITIATORS = LIBRARIES.flatMap((library) =>
  (['krb5', 'spnego'] as const).map((mechanism) => ({ library, mechanism })),
);

describe.each(INITIATORS)('an initiator on $library with $mechanism', ({ library, mechanism }) => {
  describe.runIf(have(library))('to gss-server', () => {
    let server: Server;
    let user: User;

    beforeAll(async () => {
      user = await (await kinit('alice', ['-f'])).fetchTickets('host');
      server = await startServer({ service: '*' });
    });
    afterAll(() => server.stop());

    // The frames around the tokens are the same whatever the mechanism.
    const framings = mechanism === 'krb5' ? ([1, 2] as const) : ([2] as const);
    const flagLists = FLAGS.filter(
      (list) =>
        (library !== 'heimdal' || list !== 'sequence') &&
        (mechanism === 'krb5' || !['replay', 'mutual'].includes(list)),
    );
    describe.each(framings)('framing %i', (framing) => {
      it.each([true, false])('wraps with confidentiality %s', async (confidential) => {
        const report = await initiate({ framing, confidential, sizes: SIZES });
        expect(report.error).toBeUndefined();
        expect(report.established).toMatchObject({
          mechanism: '1.2.840.113554.1.2.2',
          flags: expect.arrayContaining(['mutual', 'replay', 'sequence', 'conf', 'integ']),
          source: 'alice@EXAMPLE.TEST',
        });
        expect(report.messages).toEqual(
          SIZES.map((size, index) => ({
            event: 'message',
            index,
            size,
            wrapped: true,
            confidential,
            answer: 'mic',
          })),
        );
        expect(report.done).toBe(true);
      });

      it.each(flagLists)('flags %s', async (list) => {
        await server.mark();
        const flags = list.split(',').filter((flag) => flag !== '');
        const report = await initiate({ framing, flags, sizes: [100, 200] });
        expect(report).toMatchObject({ done: true, messages: [{ size: 100 }, { size: 200 }] });
        // The libraries add flags of their own: what counts is that both ends say the same.
        const agreed = report.established?.flags ?? [];
        expect(agreed).toEqual(expect.arrayContaining(flags));
        await server.untilPrinted('context flag: GSS_C_INTEG_FLAG');
        expect(contextFlags(server.output()).map((line) => line.trim())).toEqual(
          agreed.map((flag) => `context flag: GSS_C_${flag.toUpperCase()}_FLAG`),
        );
      });
    });

    it.each([17, 18, 19, 20])('a ticket of enctype %i', async (enctype) => {
      const report = await initiate({ service: `etype${enctype}`, sizes: [0, 50, 5000] });
      expect(report).toMatchObject({ done: true });
    });

    it('sends in the clear, signed or not', async () => {
      const signed = await initiate({ wrap: false, sizes: [10, 20] });
      expect(signed.messages.map((message) => message.answer)).toEqual(['mic', 'mic']);
      const unsigned = await initiate({ wrap: false, sign: false, sizes: [10, 20] });
      expect(unsigned.messages.map((message) => message.answer)).toEqual(['noop', 'noop']);
    });

    it('delegates', async () => {
      const report = await initiate({ flags: ['mutual', 'deleg'] });
      expect(report.established?.flags).toContain('deleg');
      expect(report.done).toBe(true);
    });

    it('brings channel bindings to an acceptor that has none', async () => {
      expect(await initiate({ bindings: '0102030405' })).toMatchObject({ done: true });
    });

    it('is told of an altered message by the end of the connection', async () => {
      const report = await initiate({ alter: 40, sizes: [100] });
      expect(report).toMatchObject({ done: false, messages: [], error: { during: 'exchange' } });
      await server.untilPrinted('A token had an invalid Message Integrity Check (MIC)\n');
    });

    it('is told of a repeated message by the end of the connection', async () => {
      await server.mark();
      const report = await initiate({ sizes: [1, 2], order: [0, 0, 1] });
      expect(report).toMatchObject({ done: false, error: { during: 'exchange' } });
      expect(report.messages.map((message) => message.index)).toEqual([0]);
      await server.untilPrinted('The token was a duplicate of an earlier token\n');
    });

    if (library === 'heimdal') {
      it('flags sequence alone: as with any acceptor', async () => {
        // Without an AP-REP the acceptor counts from the initiator's number (MIT krb5's and Heimdal's acceptors do);
        // Heimdal's initiator expects 0, and takes the first token that comes back for one after a gap.
        const report = await initiate({ flags: ['sequence'], sizes: [100] });
        expect(report.error).toMatchObject({ during: 'exchange', major: GSS_S_GAP_TOKEN });
        await server.untilPrinted('Received message: ');
      });
    }

    function initiate(
      options: Partial<Parameters<typeof runInitiator>[1]>,
    ): ReturnType<typeof runInitiator> {
      return runInitiator(library, { port: server.port, user, mechanism, ...options });
    }
  });
});
