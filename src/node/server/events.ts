/** What a gss-sample server tells about its connections, in the order in which it happens. */
import type { SecurityContext } from '../../context/context.ts';
import type { GssError } from '../../gss/status.ts';
import type { ChannelFailure } from './token-channel.ts';
import type { Framing } from './token-frame.ts';

/** One client's connection. */
export interface ConnectionInfo {
  /** Counts from 1 in each server. */
  readonly id: number;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
}

/** What the server was doing when a GSS call failed, in the words of its messages. */
export type GssStage =
  | 'accepting context'
  | 'exporting context'
  | 'importing context'
  | 'unsealing message'
  | 'signing message';

/**
 * Bytes and contexts in events are the server's: look at them at once, copy what is kept. `'open'`
 * is the first event of a connection, `'close'` the last.
 */
export type ConnectionEvent =
  | { readonly type: 'open' }
  | { readonly type: 'context-token-received'; readonly token: Uint8Array }
  | { readonly type: 'context-token-sending'; readonly token: Uint8Array }
  | { readonly type: 'context-step'; readonly complete: boolean }
  | {
      readonly type: 'accepted';
      readonly context: SecurityContext;
      readonly framing: Framing;
    }
  | { readonly type: 'accepted-unauthenticated' }
  | { readonly type: 'exported'; readonly bytes: number; readonly seconds: number }
  | { readonly type: 'imported'; readonly seconds: number }
  | {
      readonly type: 'message-token';
      readonly flags: number;
      readonly token: Uint8Array;
    }
  | {
      readonly type: 'message';
      readonly message: Uint8Array;
      /** The peer was expected to encrypt and did not. */
      readonly notEncrypted: boolean;
    }
  /** The client said that it is done: a NOOP (v2), or the end of the stream (v1). */
  | { readonly type: 'finished'; readonly framing: Framing }
  | { readonly type: 'gss-error'; readonly stage: GssStage; readonly error: GssError }
  /** The client left when it was asked for Kerberos; see `Handshake.foreignChoice`. */
  | { readonly type: 'abandoned'; readonly error: GssError }
  /** The first token of a v2 connection is not a NOOP. */
  | { readonly type: 'noop-expected'; readonly flags: number }
  /** A client would not authenticate, and has to (`requireAuthentication`). */
  | { readonly type: 'unauthenticated-refused' }
  /** A client without a context wants what only a context gives. */
  | { readonly type: 'unauthenticated-request' }
  | {
      readonly type: 'channel-error';
      readonly failure: ChannelFailure;
      /** A context token could not be sent, as against anything else. */
      readonly sendingContextToken: boolean;
    }
  /** A fault of the server or of a callback. */
  | { readonly type: 'fault'; readonly error: unknown }
  | { readonly type: 'close' };

export type GssServerEvent =
  | (ConnectionEvent & { readonly connection: ConnectionInfo })
  /** A connection was closed because there were too many. At most one such event a second. */
  | {
      readonly type: 'overload';
      /** Of the connection that was closed. */
      readonly remoteAddress: string | undefined;
      /** How many there may be. */
      readonly limit: number;
      /** The limit is that of each source, or of one that is penalised; absent: of all together. */
      readonly of?: 'source' | 'penalty';
      /** It was open and not authenticated, and gave way to a newer one; absent: it was refused. */
      readonly displaced?: true;
      /** So many others were closed since the last such event. */
      readonly more?: number;
    }
  /**
   * A source has failed to authenticate so often that its connections give way before others. At
   * most one such event a second.
   */
  | {
      readonly type: 'penalty';
      readonly remoteAddress: string | undefined;
      readonly seconds: number;
      /** So many others were penalised since the last such event. */
      readonly more?: number;
    }
  /** The listening socket reports an error; the server goes on. */
  | { readonly type: 'listener-error'; readonly error: Error };
