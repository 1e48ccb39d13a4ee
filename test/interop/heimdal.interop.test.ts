import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { enctypeName } from '../../src/crypto/numbers.ts';
import type { GssError, UnwrappedMessage } from '../../src/index.ts';
import { asideVersion, HEIMDAL } from '../support/aside.ts';
import { runInitiator } from '../support/initiators.ts';
import { Lab } from '../support/lab.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit, onlyPermitting } from '../support/realm.ts';
import { seededRandom } from '../support/realm-kit.ts';
import type { Transcript, TranscriptStep } from '../support/transcript.ts';
import { factsOf, replay } from '../support/transcript.ts';

interface Scenario {
  readonly name: string;
  readonly enctype: number;
  readonly dce?: boolean;
  readonly mechanism?: 'spnego';
  readonly confidential?: boolean;
  /** The client offers other enctypes as well (RFC 4537). */
  readonly offersOthers?: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  ...[16, 17, 18, 19, 20, 23].map((enctype) => ({ name: `heimdal-etype${enctype}`, enctype })),
  { name: 'heimdal-etype23-upgraded', enctype: 23, offersOthers: true },
  { name: 'heimdal-etype18-signed', enctype: 18, confidential: false },
  { name: 'heimdal-etype18-spnego', enctype: 18, mechanism: 'spnego' },
  { name: 'heimdal-etype18-dce', enctype: 18, dce: true },
  { name: 'heimdal-etype18-spnego-dce', enctype: 18, dce: true, mechanism: 'spnego' },
];
const SIZES = [0, 1, 5, 16, 300];

describe.runIf(have('heimdal'))('an initiator on Heimdal', () => {
  let user: User;

  beforeAll(async () => {
    const services = new Set(SCENARIOS.map(({ enctype }) => `etype${enctype}`));
    user = await (await kinit()).fetchTickets(...services);
  });

  // RFC 4121 §4.2.5 leaves the rotation to the sender: 16 bytes of header, if sealed, and the checksum.
  it.each([
    { enctype: 18, checksum: 12 },
    { enctype: 19, checksum: 16 },
    { enctype: 20, checksum: 24 },
  ])('rotates its tokens, enctype $enctype', async ({ enctype, checksum }) => {
    for (const confidential of [true, false]) {
      const lab = await exchange({ name: '', enctype, confidential });
      const rotations = lab.messageTokens.map((token) => token[6]! * 256 + token[7]!);
      const expected = confidential ? 16 + checksum : checksum;
      expect(rotations).toEqual(SIZES.map(() => expected));
      expect(lab.messages).toMatchObject(SIZES.map(() => ({ confidential, sequence: 'ok' })));
    }
  });

  it('rotates by RRC + EC in DCE style, and fills up to 16 bytes', async () => {
    const lab = await exchange({ name: '', enctype: 18, dce: true });
    const fillers = lab.messageTokens.map((token) => token[4]! * 256 + token[5]!);
    expect(fillers).toEqual(SIZES.map((size) => 16 - (size % 16)));
    expect(lab.messages.map(lengthOf)).toEqual(SIZES);
  });

  /** With UPDATE_TRANSCRIPTS=1 in the environment the records replace fixtures/transcripts/. */
  it.each(SCENARIOS)('is recorded and replayed: $name', async (scenario) => {
    const { name, enctype } = scenario;
    const setup = {
      source: `Heimdal ${asideVersion(HEIMDAL)} as initiator, recorded by test/interop/heimdal.interop.test.ts with the realm of fixtures/kdc/realm.sh`,
      keytab: toHex(await readFile(keytab(`etype${enctype}`))),
      clock: Date.now(),
      randomSeed: enctype,
    };
    const lab = await exchange(scenario, setup);
    const transcript = { ...setup, ...factsOf(lab.context), steps: stepsOf(lab) };
    await replay(transcript);
    if (process.env.UPDATE_TRANSCRIPTS === '1') {
      const file = new URL(`../../fixtures/transcripts/${name}.json`, import.meta.url);
      await writeFile(file, `${JSON.stringify(transcript, null, 2)}\n`);
    }
  });

  async function exchange(
    { enctype, dce, mechanism, confidential = true, offersOthers }: Scenario,
    setup?: Pick<Transcript, 'clock' | 'randomSeed'>,
  ): Promise<Lab> {
    const client = offersOthers ? user : await onlyPermitting(enctypeName(enctype), user);
    const service = `etype${enctype}`;
    await using lab = await Lab.start({
      keytab: keytab(service),
      crypto: withLegacyEnctypes(),
      confidential,
      ...(setup && {
        acceptor: { clock: () => setup.clock, random: seededRandom(setup.randomSeed) },
      }),
    });
    const flags = ['mutual', 'replay', 'sequence', ...(dce ? ['dce'] : [])];
    const report = await runInitiator('heimdal', {
      ...{ port: lab.port, user: client, service, flags, confidential },
      ...{ sizes: SIZES, answers: SIZES.length, mics: true },
      ...(mechanism && { mechanism }),
    });
    expect(report.answers).toEqual(
      SIZES.map((_, index) => ({ event: 'answer', index, confidential, status: [] })),
    );
    expect(lab.mics).toEqual(SIZES.map(() => ({ qop: 0, sequence: 'ok' })));
    expect(lab.context.enctype).toBe(offersOthers ? 18 : enctype);
    return lab;
  }
});

/** All that passed; the wrapped messages of each side one after the other, as the Lab has it. */
function stepsOf(lab: Lab): TranscriptStep[] {
  const steps: TranscriptStep[] = [];
  for (const [i, token] of lab.contextTokens.entries()) {
    steps.push({ from: 'initiator', kind: 'context', token: toHex(token) });
    const answer = lab.answers[i];
    if (answer) steps.push({ from: 'acceptor', kind: 'context', token: toHex(answer) });
  }
  for (const from of ['initiator', 'acceptor'] as const) {
    const tokens = from === 'initiator' ? lab.messageTokens : lab.echoes;
    for (const [i, token] of tokens.entries()) {
      const { message, confidential } = lab.messages[i] as UnwrappedMessage;
      const kind = confidential ? 'sealed wrap' : 'wrap';
      steps.push({ from, kind, token: toHex(token), message: toHex(message) });
    }
  }
  return steps;
}

function lengthOf(message: UnwrappedMessage | GssError): number {
  return 'message' in message && message.message instanceof Uint8Array
    ? message.message.length
    : -1;
}
