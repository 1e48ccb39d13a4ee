/** Says once why clients delegate nothing, where it is their tickets that do not permit it. */
import { contextNotes } from '../../context/notes.ts';
import type { GssServerEvent } from '../../node/server/events.ts';
import type { Block } from './lines.ts';
import { stderrLine } from './lines.ts';

/**
 * A client that was to delegate and has no forwardable ticket is accepted without a word: MIT's program
 * prints no flag, and no more. It cannot be told from one that was not to delegate, so that a hint for
 * each would be noise: the first such client of a process has one.
 */
export class DelegationHint {
  #given = false;

  linesFor(event: GssServerEvent): Block[] {
    if (this.#given || event.type !== 'accepted') return [];
    const note = contextNotes(event.context).find(
      ({ reason }) => reason === 'delegation.not-forwardable',
    );
    if (note === undefined) return [];
    this.#given = true;
    const { text, remedies } = note;
    return [
      stderrLine(
        `hint: ${[text, ...remedies].join('; ')} (no fault unless clients are to delegate; said of the first one only)`,
      ),
    ];
  }
}
