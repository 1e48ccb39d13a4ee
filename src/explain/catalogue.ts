/** The catalogue of all reasons: the one source of texts, remedies and docs/errors.md. */
import { CONNECTION_ENDS, DELEGATION_NOTES } from './observed.ts';
import type { Explanations } from './reasons.ts';

/** What there is to say about each reason. */
export const CATALOGUE: Explanations = { ...DELEGATION_NOTES, ...CONNECTION_ENDS } as Explanations;
