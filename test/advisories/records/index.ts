import type { Advisories } from '../advisory.ts';
import { ENCODINGS } from './encodings.ts';
import { EXCHANGE } from './exchange.ts';
import { MESSAGES } from './messages.ts';
import { SPNEGO } from './spnego.ts';
import { TICKETS } from './tickets.ts';

/** The records of each test file beside this directory: `spnego` are those of `spnego.test.ts`. */
export const RECORDS: Readonly<Record<string, Advisories>> = {
  encodings: ENCODINGS,
  exchange: EXCHANGE,
  messages: MESSAGES,
  spnego: SPNEGO,
  tickets: TICKETS,
};
