/** AuthorizationData (RFC 4120 §5.2.6): a list of typed octet strings. */

export interface AuthorizationDataElement {
  readonly type: number;
  readonly data: Uint8Array;
}

export type AuthorizationData = readonly AuthorizationDataElement[];

/** RFC 4120 §7.5.4, RFC 7751 (CAMMAC), RFC 8129, MS-KILE, RFC 4537. */
export const AuthorizationDataType = {
  ifRelevant: 1,
  kdcIssued: 4,
  andOr: 5,
  mandatoryForKdc: 8,
  fxArmor: 71,
  cammac: 96,
  authenticationIndicator: 97,
  win2kPac: 128,
  etypeNegotiation: 129,
  signedTicket: 142,
  apOptions: 143,
} as const;
