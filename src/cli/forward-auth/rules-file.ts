/** Follows the rules file: a change is seen within a second, and a broken one changes nothing. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Clock } from '../../time.ts';
import { systemErrorText } from '../text.ts';
import type { Rules } from './rules.ts';
import { parseRules, RulesError } from './rules.ts';

/** The rules of a file, as it is now. */
export class RulesFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: (line: string) => void;
  #rules: Rules;
  #text: string;
  #looked: number;
  #failure: string | undefined;

  /**
   * @param clock - Milliseconds, as `Date.now`.
   * @param log - Told when the rules change, and once of each reason why they cannot.
   * @throws {@link RulesError} if the file cannot be used.
   */
  constructor(path: string, clock: Clock, log: (line: string) => void) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    const { text } = read(path);
    this.#rules = parseRules(text);
    this.#text = text;
    this.#looked = clock();
  }

  /** The rules of the file, or the last ones that could be used. */
  current(): Rules {
    const now = this.#clock();
    // A clock that was set back must not end the looking.
    if (Math.abs(now - this.#looked) >= INTERVAL) {
      this.#looked = now;
      this.#look(now);
    }
    return this.#rules;
  }

  #look(now: number): void {
    try {
      const { text, modified } = read(this.#path);
      if (text !== this.#text) {
        // A file that is being written may be a beginning only, which lacks the rules that follow.
        const age = now - modified;
        if (age >= 0 && age < INTERVAL) return;
        this.#rules = parseRules(text);
        this.#text = text;
        this.#log(`rules file ${this.#path} has changed: the new rules are in use`);
      }
      this.#failure = undefined;
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      if (error.message === this.#failure) return;
      this.#failure = error.message;
      this.#log(`rules file ${this.#path}: ${error.message}; the rules read before stay in use`);
    }
  }
}

/** @throws {@link RulesError} */
function read(path: string): { text: string; modified: number } {
  let file: number | undefined;
  try {
    // Without O_NONBLOCK, opening a FIFO would wait for its writer.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new RulesError('expected a regular file');
    const bytes = new Uint8Array(MAX_BYTES + 1);
    let length = 0;
    for (let more = -1; more !== 0 && length < bytes.length; length += more) {
      more = readSync(file, bytes, length, bytes.length - length, null);
    }
    if (length > MAX_BYTES) throw new RulesError(`expected at most ${MAX_BYTES} bytes`);
    return { text: UTF8.decode(bytes.subarray(0, length)), modified: stats.mtimeMs };
  } catch (error) {
    if (error instanceof RulesError) throw error;
    const isSystem = (error as NodeJS.ErrnoException).errno !== undefined;
    throw new RulesError(isSystem ? systemErrorText(error) : 'expected UTF-8');
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

// Milliseconds.
const INTERVAL = 1000;
const MAX_BYTES = 65_536;
const UTF8: TextDecoder = new TextDecoder('utf-8', { fatal: true });
