/** The events of a gss-sample server. */
import type { SecurityContext } from '../../context/context.ts';
import type { GssError } from '../../gss/status.ts';
import type { RequestFacts } from '../../observe/observer.ts';
import type { ChannelFailure } from './token-channel.ts';
import type { Framing } from './token-frame.ts';

/** The connection of an event. */
export interface ConnectionInfo {
  /** Numbered from 1 in each server. */
  readonly id: number;
  /** The client's IP address as text; undefined on a Unix socket. */
  readonly remoteAddress: string | undefined;
  /** The client's TCP port; undefined on a Unix socket. */
  readonly remotePort: number | undefined;
}

/** The GSS call that failed, in the words of MIT's messages. */
export type GssStage =
  | 'accepting context'
  | 'exporting context'
  | 'importing context'
  | 'unsealing message'
  | 'signing message';

/**
 * An event of one connection, in the order in which it happens: `'open'` is the first, `'close'` the
 * last. Bytes and contexts in events belong to the server and are valid during the callback only.
 */
export type ConnectionEvent =
  | {
      /** Determines the other members. */
      readonly type: 'open';
    }
  | {
      readonly type: 'context-token-received';
      /** The token as it came or will be sent, without its frame. */
      readonly token: Uint8Array;
    }
  | { readonly type: 'context-token-sending'; readonly token: Uint8Array }
  /** A context token was accepted. */
  | {
      readonly type: 'context-step';
      /** Whether the context is established; otherwise the client must send another token. */
      readonly complete: boolean;
    }
  /** The context is established. */
  | {
      readonly type: 'accepted';
      /** The client's context, without the delegated credential, which the server has wiped. */
      readonly context: SecurityContext;
      /** The version of the protocol that the client speaks. */
      readonly framing: Framing;
    }
  /** The client does not authenticate (`gss-client -na`), and may. */
  | { readonly type: 'accepted-unauthenticated' }
  /** The context was exported (`exportContext`, and always in v1). */
  | {
      readonly type: 'exported';
      /** Length of the exported context. */
      readonly bytes: number;
      /** How long the export or import took. */
      readonly seconds: number;
    }
  | { readonly type: 'imported'; readonly seconds: number }
  /** A token with a message has arrived. */
  | {
      readonly type: 'message-token';
      /** The flags byte of its frame; 0 in v1, which has none. */
      readonly flags: number;
      readonly token: Uint8Array;
    }
  /** The token's message was unwrapped, or came unprotected where that is permitted. */
  | {
      readonly type: 'message';
      /** The plaintext. */
      readonly message: Uint8Array;
      /** The client should have encrypted the message and did not. */
      readonly notEncrypted: boolean;
    }
  /** The client has finished: a NOOP (v2), or the end of the stream (v1). */
  | { readonly type: 'finished'; readonly framing: Framing }
  /** A GSS call failed; the connection ends. */
  | {
      readonly type: 'gss-error';
      /** The call that failed. */
      readonly stage: GssStage;
      /** The reason; of `fault`, whatever was thrown. */
      readonly error: GssError;
      /** While a context is accepted: what is known of the client and its ticket. */
      readonly request?: RequestFacts;
    }
  /** The client went away in the middle of the handshake; see `Handshake.abandonment`. */
  | { readonly type: 'abandoned'; readonly error: GssError }
  /** The first token of a v2 connection is not a NOOP. */
  | { readonly type: 'noop-expected'; readonly flags: number }
  /** The client does not authenticate, but must (`requireAuthentication`); it is refused. */
  | { readonly type: 'unauthenticated-refused' }
  /** A client without a context asked to unwrap or sign; it is refused. */
  | { readonly type: 'unauthenticated-request' }
  /** A token could not be received or sent; the connection ends. */
  | {
      readonly type: 'channel-error';
      /** The reason. */
      readonly failure: ChannelFailure;
      /** Whether the token that could not be sent is a context token. */
      readonly sendingContextToken: boolean;
      /** Set if the event `abandoned` came before: the client left in the middle of the handshake. */
      readonly abandoned?: true;
    }
  /** An internal error of the server. */
  | { readonly type: 'fault'; readonly error: unknown }
  | { readonly type: 'close' };

/** An event of a server: of one connection, or of the server as a whole. */
export type GssServerEvent =
  | (ConnectionEvent & {
      /** The connection that the event belongs to. */
      readonly connection: ConnectionInfo;
    })
  /** A connection was closed because a limit was reached. At most one such event a second. */
  | {
      /** Determines the other members. */
      readonly type: 'overload';
      /** The address of the closed connection. */
      readonly remoteAddress: string | undefined;
      /** The limit that was reached, in connections. */
      readonly limit: number;
      /** The limit is that of one source, or of a penalised one; if absent, of all sources together. */
      readonly of?: 'source' | 'penalty';
      /**
       * The connection was open and unauthenticated, and made room for a newer one; if absent, it was
       * refused.
       */
      readonly displaced?: true;
      /** The number of others closed since the last such event. */
      readonly more?: number;
    }
  /**
   * A source failed to authenticate so often that its connections are closed first when the server is
   * full. At most one such event a second.
   */
  | {
      readonly type: 'penalty';
      /** An address of the source. */
      readonly remoteAddress: string | undefined;
      /** How long the penalty lasts. */
      readonly seconds: number;
      /** The number of other sources penalised since the last such event. */
      readonly more?: number;
    }
  /** The listening socket reported an error; the server continues. */
  | {
      readonly type: 'listener-error';
      /** The error of the system, such as `EMFILE`. */
      readonly error: Error;
    };
