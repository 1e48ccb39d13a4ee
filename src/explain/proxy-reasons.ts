/** Reasons that krb5-forward-auth has beside those of the sign-on. Types only; see reasons.ts. */

/** Reasons about a proxy that asks, and about the rules of its site. */
export interface ProxyDetails {
  /** Whoever asks is no trusted proxy. */
  'proxy.not-trusted': ProxyAddressDetail;
  /** The client sent a header that names the user, and the proxy did not remove it. */
  'proxy.forged-header': ProxyHeaderDetail;
  /** The proxy does not say what the client asked for. */
  'proxy.no-request': ProxyHeaderDetail;
  /** A header cannot carry a name of the client. */
  'proxy.unsuitable-name': ProxyClientDetail;
  /** The rules do not let the client in. */
  'proxy.rules': ProxyRuleDetail;
}

/** Who asks. */
export type ProxyAddressDetail = {
  /** The address of the other end of the connection. */
  readonly address?: string;
};

/** A header of the proxy's request. */
export type ProxyHeaderDetail = {
  /** Its name. */
  readonly header?: string;
  /** What is wrong with it: `is missing`. */
  readonly problem?: string;
};

/** A client that is authenticated. */
export type ProxyClientDetail = {
  /** Its principal. */
  readonly client?: string;
};

/** A decision of the rules. */
export type ProxyRuleDetail = {
  /** The client's principal. */
  readonly client?: string;
  /** Method, host and path of the client's request. */
  readonly request?: string;
  /** The path of the rules that decide; absent if no path fits. */
  readonly rule?: string;
  /** Why they do not let the client in. */
  readonly problem?: string;
};
