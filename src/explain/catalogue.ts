/** The catalogue of all reasons: the one source of texts, remedies and docs/errors.md. */
import { CONFIG } from './config.ts';
import { HTTP } from './http.ts';
import { KEYTAB } from './keytab.ts';
import { CONNECTION_ENDS, DELEGATION_NOTES } from './observed.ts';
import type { Explanations } from './reasons.ts';
import { SERVER } from './server.ts';

/** What there is to say about each reason. */
export const CATALOGUE: Explanations = {
  ...DELEGATION_NOTES,
  ...CONNECTION_ENDS,
  ...KEYTAB,
  ...CONFIG,
  ...SERVER,
  ...HTTP,
} as Explanations;
