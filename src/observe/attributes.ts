/**
 * The names under which facts are published: those of OpenTelemetry's semantic conventions where they have
 * one (`client.address`, `enduser.id`, `error.type`), and `kerberos.*` for the others.
 */

/** Facts of an event: flat, without secrets, fit to become attributes of a span, a log record or a metric. */
export interface DiagnosticAttributes {
  /** The client's principal; of a refused client, only if its ticket was opened. */
  readonly 'enduser.id'?: string;
  /** The client's IP address, if the acceptor was told it. */
  readonly 'client.address'?: string;
  /** The reason, such as `key.stale-keytab`. */
  readonly 'error.type'?: string;
  /** The text of the reason. */
  readonly 'error.message'?: string;
  /** The service's principal; of a refused client, as its ticket names it. */
  readonly 'kerberos.service'?: string;
  /** Version of the key that the ticket is for. */
  readonly 'kerberos.ticket.kvno'?: number;
  /** Enctype of that key. */
  readonly 'kerberos.ticket.enctype'?: string;
  /** Enctype of the session key. */
  readonly 'kerberos.session.enctype'?: string;
  /** Enctype of the initiator's subkey; of the session key if it sent none. */
  readonly 'kerberos.subkey.enctype'?: string;
  /** Enctype of the key that protects messages. */
  readonly 'kerberos.message.enctype'?: string;
  /** `bound`, `unbound` or `none`: see `BindingsStatistics`. */
  readonly 'kerberos.channel_bindings'?: string;
  /** The `ContextFlag` bits. */
  readonly 'kerberos.flags'?: number;
  /** The reason why the PAC of an accepted client is not shown, such as `pac.signature`. */
  readonly 'kerberos.note'?: string;
  /** `delegated`, or why an accepted client has no delegated credential: `delegation.not-forwardable`. */
  readonly 'kerberos.delegation'?: string;
  /** On the warning channel: the file, if it is one. */
  readonly 'file.path'?: string;
  /** On the message channel: `wrap`, `unwrap`, `getMic` or `verifyMic`. */
  readonly 'kerberos.message.operation'?: string;
  /** On the message channel: bytes of the message. */
  readonly 'kerberos.message.size'?: number;
  /** On the message channel: whether the message is encrypted. */
  readonly 'kerberos.message.confidential'?: boolean;
  /** On the message channel: `ok`, or `duplicate`, `old`, `unsequenced`, `gap`. */
  readonly 'kerberos.message.sequence'?: string;
}

/** What is published on the channels of `diagnostics_channel`, but for the trace. */
export interface DiagnosticMessage {
  /** The facts. */
  readonly attributes: DiagnosticAttributes;
  /** The error of a refusal, or of a message that could not be opened. */
  readonly error?: Error;
  /** On the warning channel: what to do, the likeliest first. */
  readonly remedies?: readonly string[];
}
