/** Publishes what happens to the messages of a context, while someone listens. */
import { ReasonedError } from '../errors.ts';
import type { MessageProtection, OpenedMessage, VerifiedMic } from '../tokens/protection.ts';
import type { SequenceStatus } from '../tokens/sequence.ts';
import type { DiagnosticAttributes, DiagnosticMessage } from './attributes.ts';
import { messageChannel } from './channels.ts';

/** The protection of a context with the name of its initiator, whose calls are published. */
export class ObservedProtection implements MessageProtection {
  readonly #protection: MessageProtection;
  readonly #initiator: string;

  constructor(protection: MessageProtection, initiator: string) {
    this.#protection = protection;
    this.#initiator = initiator;
  }

  wrap(message: Uint8Array, confidential: boolean): Uint8Array {
    const call = () => this.#protection.wrap(message, confidential);
    return this.#observe('wrap', message.length, call, () => confidential);
  }

  unwrap(token: Uint8Array): OpenedMessage {
    const call = () => this.#protection.unwrap(token);
    return this.#observe('unwrap', token.length, call, ({ confidential }) => confidential);
  }

  getMic(message: Uint8Array): Uint8Array {
    return this.#observe('getMic', message.length, () => this.#protection.getMic(message));
  }

  verifyMic(message: Uint8Array, token: Uint8Array): VerifiedMic {
    const call = () => this.#protection.verifyMic(message, token);
    return this.#observe('verifyMic', message.length, call);
  }

  verifyDelete(token: Uint8Array): void {
    this.#protection.verifyDelete(token);
  }

  wrapSizeLimit(tokenSize: number, confidential: boolean): number {
    return this.#protection.wrapSizeLimit(tokenSize, confidential);
  }

  #observe<T>(
    operation: MessageOperation,
    size: number,
    call: () => T,
    isConfidential?: (result: T) => boolean,
  ): T {
    const facts: DiagnosticAttributes = {
      'enduser.id': this.#initiator,
      'kerberos.message.operation': operation,
      'kerberos.message.size': size,
    };
    let result: T;
    try {
      result = call();
    } catch (error) {
      if (error instanceof ReasonedError) publishFailure(facts, error);
      throw error;
    }
    const confidential = isConfidential?.(result);
    publish({
      ...facts,
      ...(confidential !== undefined && { 'kerberos.message.confidential': confidential }),
    });
    return result;
  }
}

/** Publishes that a message that verified is repeated or out of order. */
export function publishDisorder(initiator: string, sequence: SequenceStatus): void {
  if (!messageChannel.hasSubscribers) return;
  publish({
    'enduser.id': initiator,
    'error.type': `message.${sequence}`,
    'kerberos.message.sequence': sequence,
  });
}

type MessageOperation = 'wrap' | 'unwrap' | 'getMic' | 'verifyMic';

function publishFailure(facts: DiagnosticAttributes, error: ReasonedError): void {
  const why = { 'error.type': error.reason, 'error.message': error.text };
  publish({ ...facts, ...why }, error);
}

function publish(attributes: DiagnosticAttributes, error?: Error): void {
  const message: DiagnosticMessage = { attributes, ...(error && { error }) };
  messageChannel.publish(message);
}
