/** What there is to say about messages of a context, exports, names, and faults of the application. */

import type { MessageDetails, SequenceDetail } from '../policy-reasons.ts';
import type { Explanation, Explanations } from '../reasons.ts';
import type { FaultDetails } from '../service-reasons.ts';
import { entry, sentence } from './entry.ts';

/** The area `message`. */
export const MESSAGE: Explanations<Extract<keyof MessageDetails, `message.${string}`>> = {
  'message.altered': entry(
    'the message was altered, or made by another context or for another message',
    'see that each connection uses its own context, in both directions, and that nothing changes bytes on the way',
    'with getMic and verifyMic, see that both sides take the same bytes (line ends, encoding)',
  ),
  'message.malformed': {
    text: ({ problem }) =>
      `the bytes are not a token of the expected kind${problem === undefined ? '' : `: ${problem}`}`,
    remedies: () => [
      'see that wrap goes with unwrap and getMic with verifyMic, and that whole tokens arrive, one at a time',
    ],
  },
  'message.other-context': entry(
    'the message was made by another context',
    'see that each connection uses its own context',
  ),
  'message.wrong-direction': entry(
    'the message was sent in the other direction: the peer sent back what this side had sent',
    'see that nothing sends messages back (an echo, a proxy), and that both sides are not acceptors',
  ),
  'message.truncated': entry(
    'the message is cut off',
    'see that whole tokens arrive: read as many bytes as the frame announces',
  ),
  'message.duplicate': sequence(
    'the message came before: it was repeated on the way, or by an attacker',
    'look for what sends the same message again (a retry, a proxy): the sender has to wrap each one anew',
  ),
  'message.old': sequence('the message is too old to tell whether it came before'),
  'message.unsequenced': sequence('the message came after a later one'),
  'message.gap': sequence('a message before this one is missing'),
  'message.not-offered': entry(
    'the context cannot protect messages in this way (RC4 without an acceptor subkey does not encrypt)',
    'have the client ask for mutual authentication, or use an AES key',
  ),
  'message.no-context': entry(
    'the context was disposed of or exported, and can no longer be used',
    'do not use a context after dispose or export',
  ),
};

/** The areas `export` and `name`. */
export const NAME: Explanations<
  Extract<keyof MessageDetails, `export.${string}` | `name.${string}`>
> = {
  'export.malformed': entry(
    'the bytes are no export of this package, were altered, or are of another version',
    'import the bytes of SecurityContext.export or Handshake.export unchanged, with the same version of this package on both sides',
  ),
  'name.malformed': entry(
    'a name is malformed',
    'write service@host, service/host or service/host@REALM; HTTP@www.example.org and not a URL',
    'quote / and @ inside a component with a backslash',
  ),
  'name.type': {
    text: ({ type }) =>
      `names of ${type === undefined ? 'this type' : `type ${type}`} are not supported`,
    remedies: () => ['use one of GssNameType'],
  },
  'name.mechanism': {
    text: ({ mechanism }) => `the name is of mechanism ${mechanism}, not of Kerberos`,
    remedies: () => ['use names of Kerberos V5 (1.2.840.113554.1.2.2)'],
  },
  'name.not-of-mechanism': entry(
    'the name is not specific to a mechanism',
    'pass the result of canonicalizeName',
  ),
};

/** The area `fault`. */
export const FAULT: Explanations<keyof FaultDetails> = {
  'fault.clock': entry(
    'the clock gives no time: the option clock threw, or returned no time of the years 0000 to 9999',
    'have clock return milliseconds since 1970, as Date.now does, or leave the option out',
  ),
  'fault.random': entry(
    'the source of randomness gives no bytes: the option random threw, or wrote nothing',
    'have random fill the array before it returns, or leave the option out',
  ),
  'fault.callback': {
    text: ({ callback, problem = 'it threw, or returned a value of the wrong type' }) =>
      `${callback === undefined ? 'a function' : `the option ${callback}`} of the application failed (${problem}); the client is refused`,
    remedies: ({ callback }) => [
      `look at ${callback ?? 'the function'} and at the cause of this error`,
    ],
  },
  'fault.callback-silent': silent("the application's code"),
  'fault.module-silent': silent('a part of this package, which is loaded when it is needed,'),
  'fault.module': entry(
    'a part of this package, which is loaded when it is needed, cannot be loaded',
    'install the package completely; have the bundler keep the files of dynamic imports',
  ),
  'fault.aborted': entry(
    'the exchange was aborted: by its signal, by abort(), or because the client disconnected',
    'nothing, if clients come and go',
    'if it happens often, see how long clients wait for the replay cache and the keytab',
  ),
  'fault.program': entry(
    'an unexpected error interrupted the exchange',
    'look at the cause of this error',
    'report it, with the stack, if the cause is in this package',
  ),
};

function silent(who: string): Explanation<'fault.callback-silent' | 'fault.module-silent'> {
  return {
    text: ({ name, seconds, waiting }) =>
      seconds === undefined
        ? `${who} does not answer (${name ?? ''}): ${waiting ?? 'many'} exchanges wait for it, and nobody else is let in`
        : `${who} did not answer for ${seconds} s (${name ?? ''})`,
    remedies: () => [
      'have it settle its promise in time',
      'raise the option deadline if it is slow and not broken',
    ],
  };
}

function sequence(
  text: string,
  ...first: readonly string[]
): Explanation<Extract<keyof MessageDetails, `message.${string}`>> {
  return {
    text: (detail) => {
      const { expected, received } = detail as SequenceDetail;
      return sentence(
        text,
        received !== undefined && `its number is ${received}, and ${expected} was expected`,
      );
    },
    remedies: () => [
      ...first,
      'take the messages of a context one at a time and in their order (one connection, no parallel workers)',
      'if messages may be lost or reordered, have the client not ask for sequence (GSS_C_SEQUENCE_FLAG)',
    ],
  };
}
