/**
 * How much of anything a decoder takes. The size of a whole token is bounded by whoever reads it
 * from the network; these bound what one token can make us build.
 */
export const Limit = {
  /** Real names have one to five components; RFC 4120 §6.2 expects "one or two". */
  nameComponents: 64,
  /** A ticket names the addresses of one host; a large router has some hundreds. */
  hostAddresses: 1024,
  /** Real tickets hold one or two elements; a PAC of thousands of groups is one of them. */
  authorizationDataElements: 1024,
  /** RFC 4537: one entry for each enctype that the client knows; some twenty are assigned. */
  enctypes: 256,
  /** A KRB-CRED forwards one ticket-granting ticket; MIT krb5 and Heimdal never send more. */
  credentialTickets: 32,
  /** METHOD-DATA, TYPED-DATA, strings of an authentication indicator, verifiers. */
  listElements: 256,
  /** Nesting of an extension, or of the data of an error: the known ones need 4. */
  depth: 24,
  /** Elements of these: asn1js, which reads error data, takes 3 to 20 µs and 4 kB for each. */
  nodes: 1536,
  /** Bytes of error data. */
  treeBytes: 1_048_576,
} as const;
