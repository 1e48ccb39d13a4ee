/** The type of a trace: lines about each step of an exchange, for the operator who looks for a fault. */

/**
 * Takes one step of an exchange: a sentence without secrets and without a line feed. Must not throw.
 */
export type Trace = (message: string) => void;
