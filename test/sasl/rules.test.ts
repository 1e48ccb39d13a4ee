/** GSS-SPNEGO: the flags of the context decide about the layer. */
import { describe, expect, it } from 'vitest';
import { ContextFlag, Mechanism, tlsExporter } from '../../src/index.ts';
import { createInitiator, OfferedMechanisms } from '../../src/testing/index.ts';
import { makeParties, NOW } from '../support/realm-kit.ts';
import type { SaslPartiesOptions } from './support.ts';
import { exchange, join, makeSaslParties, meet, refusalOf } from './support.ts';

const { mutual, sequence, integrity, confidentiality } = ContextFlag;
const SPNEGO: SaslPartiesOptions = { mechanism: 'GSS-SPNEGO' };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('the layer of GSS-SPNEGO', () => {
  it.each([
    [mutual | sequence | integrity | confidentiality, 'confidentiality'],
    [mutual | sequence | integrity, 'integrity'],
    [mutual | sequence, 'none'],
    [mutual | integrity | confidentiality, 'none'],
  ])('of flags %i is %s, and no buffers are stated', async (flags, layer) => {
    const { client, server } = await meet({ ...SPNEGO, client: { flags } });
    expect(server).toMatchObject({ mechanism: 'GSS-SPNEGO', layer });
    expect(server.peerMaxBuffer).toBe(layer === 'none' ? 0 : 65_536);
    expect(join(server.unwrap(client.wrap(text('ldap'))))).toEqual(text('ldap'));
    expect(join(client.unwrap(server.wrap(text('ldap'))))).toEqual(text('ldap'));
  });

  it('must be permitted', async () => {
    const error = await refusalOf({ ...SPNEGO, begin: { layers: ['none'] } });
    expect(error).toMatchObject({ code: 'GSS_S_UNAUTHORIZED' });
    expect(error.hint).toContain('confidentiality');
    const weak = await refusalOf({
      ...SPNEGO,
      client: { flags: mutual | sequence },
      server: { layers: ['integrity', 'confidentiality'] },
    });
    expect(weak.hint).toContain('none');
  });
});

describe('an exchange of GSS-SPNEGO', () => {
  it('ends with data in the success message where the protocol has them', async () => {
    const { result, challenges, client } = await exchange(
      await makeSaslParties({ ...SPNEGO, begin: { successData: true } }),
    );
    expect(result).toMatchObject({ status: 'complete', successData: challenges[0] });
    expect(client!.layer).toBe('confidentiality');
  });

  it('begins with the list of the acceptor after an empty initial response', async () => {
    const { exchange: server } = await makeSaslParties(SPNEGO);
    const hint = await server.step(new Uint8Array());
    expect(hint).toMatchObject({ status: 'continue' });
    expect(hint.status === 'continue' && hint.challenge.length).toBeGreaterThan(20);
  });

  it('accepts bare Kerberos, as Active Directory does', async () => {
    const { client } = await makeSaslParties();
    const { exchange: server } = await makeSaslParties(SPNEGO);
    expect(await server.step(client.begin())).toMatchObject({ status: 'continue' });
  });

  it('may take several legs, and ends the same', async () => {
    const { result, challenges } = await afterNtlm();
    expect(result).toMatchObject({ status: 'complete', session: { layer: 'confidentiality' } });
    expect(challenges.length).toBeGreaterThan(1);
  });

  it('is refused for channel bindings of another channel', async () => {
    const [own, other] = [5, 6].map((byte) => tlsExporter(new Uint8Array(32).fill(byte)));
    const begin = { channelBindings: own!, layers: ['confidentiality'] } as const;
    await expect(
      meet({ ...SPNEGO, begin, client: { channelBindings: own! } }),
    ).resolves.toBeDefined();
    const error = await refusalOf({ ...SPNEGO, begin, client: { channelBindings: other! } });
    expect(error.code).toBe('GSS_S_BAD_BINDINGS');
  });
});

describe('the options of an exchange reach the acceptor', () => {
  const [own, other] = [5, 6].map((byte) => tlsExporter(new Uint8Array(32).fill(byte)));

  it.each(['GSSAPI', 'GSS-SPNEGO'] as const)('channel bindings of %s', async (mechanism) => {
    const options = { mechanism, begin: { channelBindings: own! } };
    await expect(meet({ ...options, client: { channelBindings: own! } })).resolves.toBeDefined();
    const error = await refusalOf({ ...options, client: { channelBindings: other! } });
    expect(error.code).toBe('GSS_S_BAD_BINDINGS');
  });

  it('why there are no channel bindings', async () => {
    const acceptor = { channelBindingPolicy: 'required' } as const;
    const begin = { channelBindingsUnavailable: 'a proxy ends TLS' };
    const error = await refusalOf({ acceptor, begin });
    expect(error).toMatchObject({
      reason: 'bindings.not-available',
      detail: { why: 'a proxy ends TLS' },
    });
  });

  it("the client's address", async () => {
    const [here, there] = [1, 2].map((byte) => ({
      type: 2,
      address: Uint8Array.of(10, 0, 0, byte),
    }));
    const options = { ticket: { addresses: [here!] }, acceptor: { checkAddresses: true } };
    await expect(meet({ ...options, begin: { peerAddress: here! } })).resolves.toBeDefined();
    const error = await refusalOf({ ...options, begin: { peerAddress: there! } });
    expect(error.minor?.code).toBe('KRB_AP_ERR_BADADDR');
  });
});

/** A client that prefers NTLM, and is asked for Kerberos. */
async function afterNtlm() {
  const { exchange: server } = await makeSaslParties(SPNEGO);
  const { ticket } = await makeParties();
  const spnego = { mechanisms: [Mechanism.ntlmssp, ...OfferedMechanisms.mit] };
  const initiator = createInitiator({ ticket, clock: () => NOW, spnego });
  const challenges: Uint8Array[] = [];
  let result = await server.step(initiator.begin());
  while (result.status === 'continue') {
    challenges.push(result.challenge);
    const answer = challenges.length > 2 ? undefined : initiator.step(result.challenge);
    result = await server.step(answer?.outputToken ?? new Uint8Array());
  }
  return { result, challenges };
}
