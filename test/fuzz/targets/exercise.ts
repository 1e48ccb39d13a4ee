/** Does with a context what an application may do with it: nothing of it may fail in a new way. */

import type { SecurityContext } from '../../../src/context/context.ts';
import { nameAttributes } from '../../../src/context/context-facts.ts';
import { formatCredentialCache } from '../../../src/context/credential-cache.ts';
import { importSecurityContext } from '../../../src/context/import.ts';
import { displayName, exportName } from '../../../src/gss/name.ts';
import type { Pac } from '../../../src/pac/pac.ts';
import { Breach } from '../case.ts';
import { keytab, seededRandom } from './realm.ts';

/** Afterwards the context is disposed of. */
export function exercise(context: SecurityContext): void {
  const { initiator, acceptor, pac, delegatedCredential } = context;
  for (const name of [initiator, acceptor]) {
    displayName(name);
    exportName(name);
  }
  JSON.stringify({ initiator, acceptor, ticket: context.ticket, pac });
  for (const values of nameAttributes(context).values()) void values;
  if (pac !== undefined) readPac(pac);
  if (delegatedCredential !== undefined) {
    formatCredentialCache(delegatedCredential);
    delegatedCredential.dispose();
  }
  context.wrap(MESSAGE);
  context.wrap(MESSAGE, { confidential: false });
  context.getMic(MESSAGE);
  context.pseudoRandom('full', MESSAGE, 40);
  const { crypto } = context.sessionKey;
  const exported = context.export();
  const again = importSecurityContext(exported, { crypto, random: seededRandom(9) });
  if (`${again.initiator}` !== `${initiator}` || again.flags !== context.flags) {
    throw new Breach('an exported context comes back as another one');
  }
  again.dispose();
}

/** All that a PAC says. */
export function readPac(pac: Pac): void {
  void pac.logonInfo;
  void pac.upnDnsInfo;
  void pac.claims;
  void pac.deviceInfo;
  void pac.deviceClaims;
  void pac.attributes;
  void pac.requestorSid;
  void pac.delegation;
  void pac.userSid;
  void pac.groupSids;
  void pac.malformed;
  JSON.stringify(pac);
}

/** Of all entries of the keytab; for the invariants of what was accepted. */
export function isOurService(principal: string): boolean {
  return keytab.entries.some(({ principal: own }) => {
    return `${own.components.join('/')}@${own.realm}` === principal;
  });
}

const MESSAGE = Uint8Array.of(1, 2, 3, 4, 5);
