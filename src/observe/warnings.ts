/** Publishes what of the operator's files is not used, or should be mended. */
import type { Reason } from '../explain/reasons.ts';
import type { DiagnosticMessage } from './attributes.ts';
import { warningChannel } from './channels.ts';

/** A fault of a file that is used all the same. */
export interface FileWarning {
  readonly reason: Reason;
  /** One sentence without a full stop. */
  readonly text: string;
  readonly remedies: readonly string[];
  /** The file, if it is one. */
  readonly path?: string;
  readonly error?: Error;
}

/** Publishes a warning while someone listens. */
export function publishWarning({ reason, text, remedies, path, error }: FileWarning): void {
  if (!warningChannel.hasSubscribers) return;
  const attributes = {
    'error.type': reason,
    'error.message': text,
    ...(path !== undefined && { 'file.path': path }),
  };
  const message: DiagnosticMessage = { attributes, remedies, ...(error && { error }) };
  warningChannel.publish(message);
}
