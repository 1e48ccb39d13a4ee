/** GS2-KRB5 and GS2-KRB5-PLUS (RFC 5801): one token each way, bound to its header and to the channel. */
import type { ChannelBindings } from '../gss/channel-bindings.ts';
import { bindingsOf } from '../gss/channel-bindings.ts';
import { frameMechanismToken } from '../gss/framing.ts';
import { Mechanism } from '../gss/mechanism.ts';
import { ContextFlag } from '../gss/status.ts';
import type { BindingFlag } from './gs2-header.ts';
import { bindingsOfHeader, parseGs2 } from './gs2-header.ts';
import type { ExchangeFacts, MechanismRules } from './mechanism-rules.ts';
import { checkKerberos } from './mechanism-rules.ts';
import { refused } from './refusals.ts';

/** @param plus - Whether the client uses channel bindings. */
export function gs2Rules(plus: boolean): MechanismRules {
  return {
    first: (response, facts) => {
      if (response.length === 0) throw refused('emptyResponse');
      const { nonStandard, bindings, header, requestedId, token } = parseGs2(response);
      checkFlag(bindings, plus, facts);
      // RFC 5801 §3.1: the client has removed the header of RFC 2743 §3.1, unless it says `F`.
      const whole = nonStandard ? token : frameMechanismToken(Mechanism.krb5, token);
      checkKerberos(whole);
      return {
        token: whole,
        channelBindings: channelsOf(bindings, facts).map((channel) => ({
          applicationData: bindingsOfHeader(header, channel),
        })),
        ...(requestedId !== undefined && { requestedId }),
      };
    },
    established: ({ flags }) => {
      // RFC 5801 §3.1: mutual authentication is required. The bindings protect the identity in the
      // header, and so a client that sent none is refused whatever the acceptor's policy.
      if ((flags & ContextFlag.mutual) === 0) throw refused('flags');
      if ((flags & ContextFlag.channelBound) === 0) throw refused('unboundHeader');
      return { layer: 'none' };
    },
  };
}

/** The type of bindings for TLS, and the bytes without it (RFC 5056 §2.1: the type is a prefix). */
export function typeOfBindings({
  applicationData,
}: ChannelBindings): { readonly type: string; readonly channel: Uint8Array } | undefined {
  const colon = applicationData?.subarray(0, MAX_TYPE).indexOf(COLON) ?? -1;
  if (applicationData === undefined || colon <= 0) return undefined;
  return {
    type: String.fromCharCode(...applicationData.subarray(0, colon)),
    channel: applicationData.subarray(colon + 1),
  };
}

/** RFC 5801 §5. */
function checkFlag(
  { use }: BindingFlag,
  plus: boolean,
  { plusOffered, bindingsRequired }: ExchangeFacts,
): void {
  if (use === 'used' ? !plus : plus) throw refused('bindingFlag');
  // Somebody has removed the name from the list that the server sent.
  if (use === 'unoffered' && plusOffered) throw refused('downgrade');
  if (use !== 'used' && bindingsRequired) throw refused('bindingsRequired');
}

/** The channel's bytes, one for each alternative; a single undefined if the client does not use them. */
function channelsOf(
  flag: BindingFlag,
  { channelBindings = [] }: ExchangeFacts,
): readonly (Uint8Array | undefined)[] {
  if (flag.use !== 'used') return [undefined];
  const channels = bindingsOf(channelBindings)
    .map(typeOfBindings)
    .filter((one) => one?.type === flag.type)
    .map((one) => one?.channel);
  if (channels.length === 0) throw refused('bindingType', { facts: `it is ${flag.type}` });
  return channels;
}

const COLON = 0x3a;
const MAX_TYPE = 64;
