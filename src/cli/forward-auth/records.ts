/** The records of krb5-forward-auth: one line for each decision, and what is known about the client. */
import type { SecurityContext } from '../../context/context.ts';
import { contextNotes } from '../../context/notes.ts';
import type { GssError } from '../../gss/status.ts';
import type { AuthenticationRequest } from '../../http/authentication.ts';
import type { AuthenticatorOptions } from '../../http/options.ts';
import type { HttpRequest, NodeAuthenticationRequest } from '../../node/http-request.ts';
import type { RequestFacts } from '../../observe/observer.ts';
import type { ClientRecord } from '../record.ts';

/** One decision. Absent facts are left out. */
export interface AuthRecord extends ClientRecord {
  /** `guest`: a CORS preflight that passes without an identity. */
  readonly event: 'accepted' | 'guest' | 'challenged' | 'refused';
  /** The status of the answer to the proxy. */
  readonly status: number;
  /** The client's address, as the proxy has it (`X-Forwarded-For`); without a proxy, that of the connection. */
  readonly peer?: string;
  /** Method, host and path of the client's request, without the query, which may hold secrets. */
  readonly request?: string;
  /** How the client is known. */
  readonly via?: 'ticket' | 'session';
  /** The path in the rules that decides. */
  readonly rule?: string;
  /** Reasons why something is missing from an accepted client. */
  readonly notes?: readonly string[];
  /** How many records before this one were left out, because there were too many in a second. */
  readonly more?: number;
}

/** What a hook has told about a request. */
export interface Outcome {
  readonly event: 'challenged' | 'refused';
  /** Has been explained. */
  readonly error?: GssError;
  readonly facts?: RequestFacts;
}

/** What the hooks of the sign-on have told about requests, until their answer is sent. */
export class Told {
  readonly #outcomes = new WeakMap<HttpRequest, Outcome[]>();

  readonly hooks: Required<
    Pick<AuthenticatorOptions<NodeAuthenticationRequest>, 'onChallenged' | 'onRefused'>
  > = {
    onChallenged: ({ request }, error) => {
      this.#add(request, { event: 'challenged', ...(error && { error }) });
    },
    onRefused: (error, { request }, facts) => {
      this.#add(request, { event: 'refused', error, facts });
    },
  };

  /** What was told about a request, once. */
  take(request: HttpRequest): readonly Outcome[] {
    const outcomes = this.#outcomes.get(request) ?? [];
    this.#outcomes.delete(request);
    return outcomes;
  }

  #add(request: HttpRequest, outcome: Outcome): void {
    const outcomes = this.#outcomes.get(request);
    if (outcomes === undefined) this.#outcomes.set(request, [outcome]);
    else outcomes.push(outcome);
  }
}

/** What is missing from an accepted client. @param context - Undefined in a session. */
export function notesOf(context: SecurityContext | undefined): Pick<AuthRecord, 'notes'> {
  if (context === undefined) return {};
  return { notes: contextNotes(context).map(({ reason }) => reason) };
}

export type Peer = AuthenticationRequest['peerAddress'];
