import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { Enctype, enctypeName } from '../../src/crypto/numbers.ts';
import type { SecurityContext } from '../../src/index.ts';
import { ContextFlag } from '../../src/index.ts';
import { GssPeer } from '../support/gss-peer.ts';
import { PYTHON } from '../support/peers.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit, onlyPermitting } from '../support/realm.ts';
import { seededRandom } from '../support/realm-kit.ts';
import { runOrThrow } from '../support/run.ts';
import type { Transcript, TranscriptStep } from '../support/transcript.ts';
import { factsOf, replay, transcriptAcceptor } from '../support/transcript.ts';

interface Scenario {
  readonly name: string;
  readonly enctype: number;
  readonly flags: number;
  readonly mechanism?: 'spnego';
  /** The client may offer newer enctypes than the ticket's (RFC 4537). */
  readonly offersNewer?: boolean;
}

const CHECKED = ContextFlag.replay | ContextFlag.sequence | ContextFlag.integrity;
const USUAL = CHECKED | ContextFlag.mutual | ContextFlag.confidentiality;
const SCENARIOS: readonly Scenario[] = [
  ...[16, 17, 18, 19, 20, 23, 25, 26].map((enctype) => ({
    name: `mit-etype${enctype}`,
    enctype,
    flags: USUAL,
  })),
  ...[16, 23].map((enctype) => ({
    name: `mit-etype${enctype}-upgraded`,
    enctype,
    flags: USUAL,
    offersNewer: true,
  })),
  ...[16, 18, 23].map((enctype) => ({
    name: `mit-etype${enctype}-dce`,
    enctype,
    flags: USUAL | ContextFlag.dceStyle,
  })),
  ...[18, 23].map((enctype) => ({
    name: `mit-etype${enctype}-one-way`,
    enctype,
    flags: CHECKED,
  })),
  { name: 'mit-etype18-spnego', enctype: 18, flags: USUAL, mechanism: 'spnego' },
];

/**
 * Records each exchange anew and replays it. With UPDATE_TRANSCRIPTS=1 in the environment the records replace
 * fixtures/transcripts/.
 */
describe.runIf(have('python3-gssapi'))('a transcript', () => {
  let user: User;
  let source: string;

  beforeAll(async () => {
    const services = new Set(SCENARIOS.map(({ enctype }) => `etype${enctype}`));
    user = await (await kinit()).fetchTickets(...services);
    const version = await runOrThrow(PYTHON, ['-c', VERSIONS]);
    source = `${version.trim()} as initiator, recorded by test/interop/transcripts.interop.test.ts with the realm of fixtures/kdc/realm.sh`;
  });

  it.each(SCENARIOS)('$name', async (scenario) => {
    const { enctype, offersNewer } = scenario;
    const client = offersNewer === true ? user : await onlyPermitting(enctypeName(enctype), user);
    const transcript = await record(scenario, client, source);
    await replay(transcript);
    if (process.env.UPDATE_TRANSCRIPTS === '1') {
      const file = new URL(`../../fixtures/transcripts/${scenario.name}.json`, import.meta.url);
      await writeFile(file, `${JSON.stringify(transcript, null, 2)}\n`);
    }
  });
});

async function record(scenario: Scenario, user: User, source: string): Promise<Transcript> {
  const { enctype, flags, mechanism } = scenario;
  const service = `etype${enctype}`;
  const setup = {
    source,
    keytab: toHex(await readFile(keytab(service))),
    clock: Date.now(),
    randomSeed: enctype,
  };
  const acceptor = await transcriptAcceptor(setup, seededRandom(setup.randomSeed));
  const handshake = acceptor.begin();
  await using peer = new GssPeer(user);
  const steps: TranscriptStep[] = [];
  const note = (from: TranscriptStep['from'], token: Uint8Array): void => {
    steps.push({ from, kind: 'context', token: toHex(token) });
  };
  let token = await peer.init(service, flags, mechanism && { mechanism });
  for (;;) {
    note('initiator', token);
    const result = await handshake.accept(token);
    if (result.status === 'failed') throw result.error;
    if (result.outputToken !== undefined) note('acceptor', result.outputToken);
    const next = result.outputToken && (await peer.step(result.outputToken));
    if (result.status === 'complete') {
      expect(next).toBeUndefined();
      const facts = factsOf(result.context);
      steps.push(...(await exchangeMessages(peer, result.context)));
      return { ...setup, ...facts, steps };
    }
    token = next!;
  }
}

async function exchangeMessages(
  peer: GssPeer,
  context: SecurityContext,
): Promise<TranscriptStep[]> {
  const steps: TranscriptStep[] = [];
  for (const size of [0, 1, 8, 21, 300]) {
    const message = Uint8Array.from({ length: size }, (_, i) => i * 7 + size);
    const common = { message: toHex(message) };
    for (const confidential of [true, false]) {
      const kind = confidential ? 'sealed wrap' : 'wrap';
      const theirs = await peer.wrap(message, confidential);
      expect(context.unwrap(theirs)).toMatchObject({ message, confidential, sequence: 'ok' });
      steps.push({ from: 'initiator', kind, token: toHex(theirs), ...common });
      if (confidential && sharesKeystream(context)) {
        const wrap = () => context.wrap(message, { confidential });
        expect(wrap).toThrow(expect.objectContaining({ code: 'GSS_S_UNAVAILABLE' }));
        continue;
      }
      const ours = context.wrap(message, { confidential });
      expect(await peer.unwrap(ours)).toEqual({ message, confidential });
      steps.push({ from: 'acceptor', kind, token: toHex(ours), ...common });
    }
    const theirs = await peer.getMic(message);
    expect(context.verifyMic(message, theirs).sequence).toBe('ok');
    steps.push({ from: 'initiator', kind: 'mic', token: toHex(theirs), ...common });
    const ours = context.getMic(message);
    await peer.verifyMic(message, ours);
    steps.push({ from: 'acceptor', kind: 'mic', token: toHex(ours), ...common });
  }
  return steps;
}

/** RFC 4757 §7.3: both directions of RC4 count from one number where there is no AP-REP. */
function sharesKeystream({ enctype, flags }: SecurityContext): boolean {
  return enctype === Enctype.rc4Hmac && (flags & ContextFlag.mutual) === 0;
}

const VERSIONS = `
import subprocess
def version(name): return subprocess.run(['dpkg-query', '-W', '-f', '\${Version}', name], capture_output=True, text=True).stdout or 'of unknown version'
print('MIT krb5', version('libgssapi-krb5-2'), 'under python3-gssapi', version('python3-gssapi'))
`;
