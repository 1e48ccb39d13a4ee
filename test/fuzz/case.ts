/** What is fuzzed, and with what. */

/** One input: the tokens of an exchange, a stream in its pieces, a rule and a name; often just one. */
export type Case = readonly Uint8Array[];

/** How inputs are made: what they look like to the mutators. */
export type Shape = 'der' | 'binary' | 'text';

export interface Target {
  readonly name: string;
  readonly shape: Shape;
  /** Genuine inputs, from which the others are made. */
  readonly seeds: readonly Case[];
  /** Rounds from one turn to the next, for what is slow; 1 if absent. */
  readonly every?: number;
  /** An input makes many calls, so that what they take together says nothing. */
  readonly manyCalls?: boolean;
  /**
   * Runs one input to its end. What it throws is judged: errors of our types are refusals, a
   * {@link Breach} is an input that got further than it should have.
   *
   * @returns A few words on what came of it. Inputs of which something new came are mutated again.
   */
  readonly run: (input: Case) => string | Promise<string>;
  /** Lets go of what it holds open. */
  readonly close?: () => Promise<void>;
}

/** Something was accepted that nobody genuine has made, or accepted as something else. */
export class Breach extends Error {
  override readonly name: string = 'Breach';
}

/** No part of an input is longer than this. */
export const MAX_PART = 65_536;
