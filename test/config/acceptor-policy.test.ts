import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { acceptorPolicy } from '../../src/config/acceptor-policy.ts';
import { Profile, parseProfile } from '../../src/config/profile.ts';
import { parseKerberosConfig } from '../../src/config/settings.ts';
import type { AcceptResult } from '../../src/index.ts';
import { TicketFlag } from '../../src/messages/ticket.ts';
import { makeParties } from '../support/realm-kit.ts';

function policyOf(text: string) {
  const noFiles = () => {
    throw new Error('nothing is included');
  };
  const section = parseProfile({ name: 'krb5.conf', text }, noFiles);
  return acceptorPolicy(parseKerberosConfig(new Profile([section])));
}

/** What an acceptor with this krb5.conf says to a client of another realm. */
async function resultFor(text: string, transited: string): Promise<AcceptResult> {
  const { begin, initiator } = await makeParties({
    acceptor: policyOf(text),
    ticket: {
      client: 'mallory@OTHER.TEST',
      flags: TicketFlag.preAuthent,
      transited: { type: 1, contents: encodeUtf8(transited) },
    },
  });
  return begin().accept(initiator.begin());
}

const CAPATHS = '[capaths]\n  OTHER.TEST = {\n    EXAMPLE.TEST = BETWEEN.TEST\n  }\n';

describe('the policy of a krb5.conf', () => {
  it('has its skew and enctypes, or the defaults', () => {
    expect(policyOf('')).toMatchObject({ maxSkew: 300 });
    const policy = policyOf(
      '[libdefaults]\n  clockskew = 7\n  permitted_enctypes = aes256-cts aes128-cts\n',
    );
    expect(policy).toMatchObject({ maxSkew: 7, permittedEnctypes: [18, 17] });
  });

  it('lets clients come through the realms of [capaths] only', async () => {
    expect((await resultFor(CAPATHS, 'BETWEEN.TEST')).status).toBe('complete');
    for (const [text, transited] of [
      [CAPATHS, 'EVIL.TEST'],
      [CAPATHS, 'BETWEEN.TEST,EVIL.TEST'],
      ['', 'BETWEEN.TEST'],
    ] as const) {
      const result = await resultFor(text, transited);
      expect(result).toMatchObject({
        status: 'failed',
        error: { minor: { code: 'KRB_AP_ERR_ILL_CR_TKT' } },
      });
    }
  });
});
