/** The catalogue of all reasons: the one source of texts, remedies and docs/errors.md. */
import { CONFIG } from './entries/config.ts';
import { CONNECTION_ENDS } from './entries/connection.ts';
import { HTTP } from './entries/http.ts';
import { ENCTYPE, KEY } from './entries/key.ts';
import { KEYTAB } from './entries/keytab.ts';
import { FAULT, MESSAGE, NAME } from './entries/message.ts';
import { IAKERB, NEGOTIATE } from './entries/negotiate.ts';
import { DELEGATION_NOTES } from './entries/observed.ts';
import { BINDINGS, PAC, POLICY, REALM, REPLAY } from './entries/policy.ts';
import { PROXY } from './entries/proxy.ts';
import { SASL } from './entries/sasl.ts';
import { RELAY, SERVER } from './entries/server.ts';
import { NO_SERVICE, SPN } from './entries/spn.ts';
import { AUTHENTICATOR, CLOCK, TICKET } from './entries/ticket.ts';
import { DCE, TOKEN } from './entries/token.ts';
import type { Explanations } from './reasons.ts';

/** What there is to say about each reason. */
export const CATALOGUE: Explanations = {
  ...TOKEN,
  ...NEGOTIATE,
  ...IAKERB,
  ...RELAY,
  ...DCE,
  ...SPN,
  ...KEY,
  ...ENCTYPE,
  ...CLOCK,
  ...TICKET,
  ...AUTHENTICATOR,
  ...REPLAY,
  ...REALM,
  ...BINDINGS,
  ...PAC,
  ...POLICY,
  ...DELEGATION_NOTES,
  ...MESSAGE,
  ...NAME,
  ...FAULT,
  ...KEYTAB,
  'keytab.no-service': NO_SERVICE,
  ...CONFIG,
  ...HTTP,
  ...PROXY,
  ...SERVER,
  ...CONNECTION_ENDS,
  ...SASL,
};
