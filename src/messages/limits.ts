/**
 * Limits of the decoders. The code that reads a token from the network bounds its size; these
 * limits bound the objects that are built from one token.
 */
export const Limit = {
  /** Real names have one to five components; RFC 4120 §6.2 expects "one or two". */
  nameComponents: 64,
  /** A ticket contains the addresses of one host; a large router has some hundreds. */
  hostAddresses: 1024,
  /** Real tickets have one or two elements; a PAC with thousands of groups is one element. */
  authorizationDataElements: 1024,
  /** RFC 4537: one entry for each enctype that the client knows; some twenty are assigned. */
  enctypes: 256,
  /** A KRB-CRED forwards one ticket-granting ticket; MIT krb5 and Heimdal never send more. */
  credentialTickets: 32,
  /** Authentication indicators, verifiers of a CAMMAC. */
  listElements: 256,
  /** Nesting levels of an extension, or of the data of an error; the known ones need 4. */
  depth: 24,
  /** Elements of these: asn1js, which decodes error data, needs 3 to 20 µs and 4 kB for each. */
  nodes: 1536,
  /** Bytes of error data. */
  treeBytes: 1_048_576,
} as const;
