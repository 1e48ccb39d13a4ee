import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { ntlmEnvironment } from '../support/c-initiators.ts';
import type { InitiatorOptions, InitiatorReport } from '../support/initiators.ts';
import { runInitiator } from '../support/initiators.ts';
import type { LabOptions } from '../support/lab.ts';
import { Lab } from '../support/lab.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit, scratch } from '../support/realm.ts';

const KRB5 = '06092a864886f712010202';
const NTLM = '060a2b06010401823702020a';
const UNKNOWN = '060a2b06010401823702020b';
const REJECT = 'a1073005a0030a0102';
const DONE = [{ index: 0, confidential: true, status: [] }];

describe.runIf(have('mit-c', 'ntlmssp'))('MIT krb5 that has NTLM as well', () => {
  let user: Pick<User, 'env'>;

  beforeAll(async () => {
    const { env } = await (await kinit()).fetchTickets('host');
    user = { env: { ...env, ...ntlmEnvironment(scratch()) } };
  });

  it('first: another mechanism is chosen, and both sides prove the list with a MIC', async () => {
    const { lab, report } = await negotiate({ offer: ['ntlm', 'krb5'] });
    expect(report.answers).toMatchObject(DONE);
    expect(lab.context.mechanism).toBe('1.2.840.113554.1.2.2');
    const [init, second, mic] = lab.contextTokens.map(toHex);
    expect(init).toContain(NTLM + KRB5);
    // RFC 4178 §5: request-mic, and no token for the optimistic one of NTLM.
    expect(toHex(lab.answers[0]!)).toBe(`a1143012a0030a0103a10b${KRB5}`);
    expect(second).toContain('a0030a0101');
    // Our AP-REP and MIC: accept-incomplete until the initiator's MIC is here, which ends it without an answer.
    expect(toHex(lab.answers[1]!)).toMatch(/a0030a0101.*a31e041c040405/);
    expect(mic).toMatch(/a0030a0100a31e041c040404/);
    expect(lab.answers).toHaveLength(2);
    // The MICs of the list are not among the numbers of the messages.
    expect(lab.messages).toMatchObject([{ sequence: 'ok' }]);
  });

  it.each(['mutual', 'mutual,dce', 'replay,sequence', 'mutual,replay,sequence'])(
    'first, flags %s',
    async (list) => {
      const flags = list.split(',');
      const sizes = [1, 2, 3];
      const options = { offer: ['ntlm', 'krb5'], flags, sizes, answers: 3 };
      const { lab, report } = await negotiate(options);
      expect(report.error).toBeUndefined();
      expect(report.established?.flags).toEqual(expect.arrayContaining(flags));
      expect(lab.messages).toMatchObject(sizes.map(() => ({ sequence: 'ok' })));
      expect(report.answers).toMatchObject(sizes.map((_, index) => ({ index, status: [] })));
    },
  );

  it('second: Kerberos without any MIC', async () => {
    const { lab, report } = await negotiate({ offer: ['krb5', 'ntlm'] });
    expect(report.answers).toMatchObject(DONE);
    expect(toHex(lab.contextTokens[0]!)).toContain(KRB5 + NTLM);
    expect(toHex(lab.answers[0]!)).toMatch(new RegExp(`a0030a0100a10b${KRB5}`));
    expect(lab.contextTokens).toHaveLength(1);
  });

  it('alone: refused by name, and the client is told', async () => {
    const { lab, report } = await negotiate({ offer: ['ntlm'] });
    expect(lab.refusals).toMatchObject([
      { code: 'GSS_S_BAD_MECH', minor: { code: 'NTLM_RECEIVED' } },
    ]);
    expect(lab.refusals[0]?.minor?.hint).toContain('SPN');
    expect(toHex(lab.answers[0]!)).toBe(REJECT);
    expect(report.error).toMatchObject({ during: 'establish', major: GSS_S_BAD_MECH });
  });

  // A man in the middle makes the preferred mechanism an unknown one, so that a worse one would be chosen.
  const tamper = (token: Uint8Array): Uint8Array =>
    Buffer.from(toHex(token).replace(NTLM, UNKNOWN), 'hex');

  it('first, and a list that was changed on the way: the client finds out', async () => {
    const { lab, report } = await negotiate({ offer: ['ntlm', 'krb5'] }, { tamper });
    expect(report.error).toMatchObject({ during: 'establish', major: GSS_S_BAD_MIC });
    expect(lab.contexts).toEqual([]);
    expect(lab.refusals).toMatchObject([
      { code: 'GSS_S_FAILURE', minor: { code: 'SPNEGO_REJECTED' } },
    ]);
  });

  it('first, and a list that was changed on the way: we find out', async () => {
    // Without an AP-REP the initiator is the first to send its MIC.
    const flags = ['replay', 'sequence'];
    const { lab, report } = await negotiate({ offer: ['ntlm', 'krb5'], flags }, { tamper });
    expect(lab.contexts).toEqual([]);
    expect(lab.refusals).toMatchObject([{ code: 'GSS_S_BAD_MIC' }]);
    expect(toHex(lab.answers.at(-1)!)).toBe(REJECT);
    expect(report).toMatchObject({ done: false, error: { during: 'establish' } });
  });

  function negotiate(
    options: Partial<InitiatorOptions>,
    labOptions: Partial<LabOptions> = {},
  ): ReturnType<typeof run> {
    return run('mit-c', user, options, labOptions);
  }
});

describe.runIf(have('java'))('Java', () => {
  it('says which flags it wants, as nobody does since RFC 4178', async () => {
    const user = await (await kinit()).fetchTickets('host');
    const { lab, report } = await run('java', user, {}, {});
    expect(report.answers).toMatchObject(DONE);
    // reqFlags [1]: mutual, replay, sequence, conf, integ.
    expect(toHex(lab.contextTokens[0]!)).toContain(`${KRB5}a10403020176`);
    expect(lab.contextTokens).toHaveLength(1);
  });
});

async function run(
  library: 'mit-c' | 'java',
  user: Pick<User, 'env'>,
  options: Partial<InitiatorOptions>,
  labOptions: Partial<LabOptions>,
): Promise<{ lab: Lab; report: InitiatorReport }> {
  await using lab = await Lab.start({ keytab: keytab('service'), ...labOptions });
  const { port } = lab;
  const common = { port, user, mechanism: 'spnego', answers: 1 } as const;
  return { lab, report: await runInitiator(library, { ...common, ...options }) };
}

// RFC 2744 §3.9.1.
const GSS_S_BAD_MECH = 1 << 16;
const GSS_S_BAD_MIC = 6 << 16;
