/** Listens to a channel of `diagnostics_channel` for the duration of a test. */
import diagnostics from 'node:diagnostics_channel';
import type { DiagnosticMessage } from '../../src/observe/attributes.ts';
import type { ChannelName } from '../../src/observe/channels.ts';

export interface Listening extends Disposable {
  /** What was published so far. */
  readonly messages: DiagnosticMessage[];
}

export function listen(name: ChannelName): Listening {
  const messages: DiagnosticMessage[] = [];
  const listener = (message: unknown): void => void messages.push(message as DiagnosticMessage);
  diagnostics.subscribe(name, listener);
  return { messages, [Symbol.dispose]: () => void diagnostics.unsubscribe(name, listener) };
}
