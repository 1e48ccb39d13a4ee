import { describe, expect, it } from 'vitest';
import type { VerifiedApReq } from '../../src/ap/accept.ts';
import { EncryptionKey } from '../../src/crypto/default-crypto.ts';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { checkTranscript } from '../../src/iakerb/transcript.ts';
import { FinishedType } from '../../src/krb5/authenticator-checksum.ts';
import { encodeFinished } from '../../src/messages/kdc/iakerb.ts';

const SUBKEY = new EncryptionKey(18, new Uint8Array(32).fill(1));
const OTHER = new EncryptionKey(18, new Uint8Array(32).fill(2));
const TRANSCRIPT = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3), Uint8Array.of(4)];

/** Checks a checksum over tokens, with a key. */
function check({
  form = FinishedType.draft as number,
  usage = KeyUsage.finished as number,
  key = SUBKEY,
  tokens = TRANSCRIPT,
  type = SUBKEY.checksumType,
}) {
  const data = encodeFinished({ type, checksum: key.checksum(usage, ...tokens) });
  checkTranscript({ type: form, data } as never, { subkey: SUBKEY } as VerifiedApReq, TRANSCRIPT);
}

describe('checkTranscript', () => {
  const { draft, oldMit } = FinishedType;
  const { finished, iakerbFinished } = KeyUsage;

  it('takes each form with its own key usage', () => {
    check({ form: draft, usage: finished });
    check({ form: oldMit, usage: iakerbFinished });
  });

  it('takes a transcript that begins at a later token of the initiator', () => {
    check({ tokens: TRANSCRIPT.slice(2) });
  });

  it.each<[string, Parameters<typeof check>[0]]>([
    ['the draft with the key usage of old MIT', { form: draft, usage: iakerbFinished }],
    ['old MIT with the key usage of the draft', { form: oldMit, usage: finished }],
    ['another key', { key: OTHER }],
    ['another type of checksum', { type: 15 }],
    ['a transcript that begins at an answer', { tokens: TRANSCRIPT.slice(1) }],
    ['one that lacks the last token', { tokens: TRANSCRIPT.slice(0, 3) }],
    ['no token', { tokens: [] }],
  ])('refuses %s', (_, made) => {
    expect(() => check(made)).toThrow(
      expect.objectContaining({ code: 'GSS_S_BAD_MIC', reason: 'iakerb.transcript' }),
    );
  });
});
