/** The catalogue of all reasons: the one source of texts, remedies and docs/errors.md. */
import type { Explanations } from './reasons.ts';

/** What there is to say about each reason. */
export const CATALOGUE: Explanations = {} as Explanations;
