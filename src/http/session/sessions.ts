/**
 * Sessions: after a client has authenticated with a ticket, a sealed cookie vouches for it. The cookie
 * holds the identity, or the name of a session in a store. It is bound to its name, the host of the
 * request and the service of the ticket, and ends with the ticket at the latest.
 */
import { encodeUtf8 } from '../../bytes.ts';
import { GssError } from '../../gss/status.ts';
import { tell } from '../../hooks.ts';
import type { RandomSource } from '../../random.ts';
import { checkedRandom } from '../../random.ts';
import { describeThrown } from '../../text.ts';
import type { Timer } from '../../time.ts';
import { printWarning } from '../../warning.ts';
import type { HeaderField } from '../authentication.ts';
import { decodeBase64, encodeBase64 } from '../base64.ts';
import type { Identity } from '../identity.ts';
import type { Cookie } from './cookies.ts';
import { clearCookie, cookieOf, MAX_COOKIE, readCookie, setCookie } from './cookies.ts';
import type { SessionContents, SessionId } from './format.ts';
import { decodeSession, encodeSession } from './format.ts';
import type { OpenSession, SessionKeeper, SessionRequest } from './keeper.ts';
import type { SessionOptions, SessionWarning } from './options.ts';
import { checkSessionOptions, readKeys } from './options.ts';
import { RecentCookies } from './recent-cookies.ts';
import { SealedBox } from './sealed-box.ts';
import { PatientStore } from './store.ts';

/** What sessions need beside their options. */
export interface SessionSurroundings {
  /** For nonces and ids. */
  readonly random: RandomSource;
  /** For the deadline of the store. */
  readonly timer: Timer;
  /** Seconds that a request may wait for a session: the store gets less. */
  readonly deadline: number;
  /** Whether tickets for this principal, as the keytab has it, are accepted now. */
  readonly accepts: (service: string) => boolean;
}

/** The sessions of one authenticator. */
export class Sessions implements SessionKeeper {
  readonly #options: SessionOptions;
  readonly #cookie: Cookie;
  readonly #box: SealedBox;
  readonly #store: PatientStore | undefined;
  readonly #groups: ReadonlySet<string> | undefined;
  readonly #random: RandomSource;
  readonly #accepts: SessionSurroundings['accepts'];
  readonly #recent = new RecentCookies<SessionContents>();
  readonly #warned = new Set<SessionWarning['kind']>();

  /** @throws TypeError, RangeError for an invalid or contradictory option. */
  constructor(options: SessionOptions, { random, timer, deadline, accepts }: SessionSurroundings) {
    checkSessionOptions(options);
    const { groups = 'all', store } = options;
    this.#options = options;
    this.#cookie = cookieOf(options.cookie);
    this.#random = checkedRandom(random);
    this.#box = new SealedBox(readKeys(options.keys), this.#random);
    this.#store = store && new PatientStore(store, timer, Math.min(MAX_PATIENCE, deadline / 2));
    this.#groups = groups === 'all' ? undefined : new Set(groups === 'none' ? [] : groups);
    this.#accepts = accepts;
  }

  /** Throws only what `accepts` throws. @returns A promise only if there is a store. */
  open(
    request: SessionRequest,
    now: Date,
  ): OpenSession | undefined | Promise<OpenSession | undefined> {
    const contents = this.#read(request);
    if (contents === undefined || !this.#isValid(contents, now)) return undefined;
    const { holds } = contents;
    return typeof holds === 'string'
      ? this.#fetch(holds, contents, request, now)
      : { identity: holds, headers: this.#renew(contents, request, now) };
  }

  /** Never throws: after a failure the operator is warned, and the client gets no session. */
  async begin(
    identity: Identity,
    service: string,
    request: SessionRequest,
    now: Date,
  ): Promise<readonly HeaderField[]> {
    if (this.#inClear(request)) {
      this.#warn('insecure', insecure(this.#cookie));
      return NO_HEADERS;
    }
    // A ticket is accepted for some minutes after its end; a session is not.
    if (!(now.getTime() < Date.parse(identity.expiresAt))) return NO_HEADERS;
    const contents = { service, sealedAt: now.getTime(), holds: this.#reduced(identity) };
    try {
      return this.#store === undefined
        ? this.#seal(contents, request)
        : await this.#put(this.#store, contents, request);
    } catch (cause) {
      this.#warn(this.#store === undefined ? 'fault' : 'store', faulty(cause));
      return NO_HEADERS;
    }
  }

  /** @throws {@link GssError} if the store fails: then the session is still valid. */
  async end(request: SessionRequest): Promise<readonly HeaderField[]> {
    const id = this.#read(request)?.holds;
    try {
      if (typeof id === 'string') await this.#store!.delete(id);
    } catch (cause) {
      throw faulty(cause);
    }
    return [['Set-Cookie', clearCookie(this.#cookie)]];
  }

  /** @returns The contents of the cookie, which are authentic but may have expired. */
  #read(request: SessionRequest): SessionContents | undefined {
    if (this.#inClear(request)) return undefined;
    const value = readCookie(request.cookie, this.#cookie.name);
    if (value === undefined || value.length > MAX_COOKIE) return undefined;
    const host = this.#hostOf(request);
    let contents = this.#recent.find(value, host);
    if (contents === undefined) {
      contents = this.#unseal(value, this.#associated(request));
      if (contents === undefined) return undefined;
      this.#recent.keep(value, host, contents);
    }
    // With a store, an identity in the cookie itself would survive every logout.
    return (typeof contents.holds === 'string') === (this.#store !== undefined)
      ? contents
      : undefined;
  }

  /** Comparisons with NaN are false: a time that is not a number makes no session valid. */
  #isValid({ service, sealedAt, holds }: SessionContents, now: Date): boolean {
    const { maxAge = Number.POSITIVE_INFINITY } = this.#options;
    const time = now.getTime();
    const age = time - sealedAt;
    if (!(age >= -MAX_SKEW && age < maxAge * 1000)) return false;
    if (typeof holds !== 'string' && !(time < Date.parse(holds.expiresAt))) return false;
    return this.#cookie.domain !== undefined || this.#accepts(service) === true;
  }

  async #fetch(
    id: SessionId,
    contents: SessionContents,
    request: SessionRequest,
    now: Date,
  ): Promise<OpenSession | undefined> {
    let text: string | undefined;
    try {
      text = await this.#store!.get(id);
    } catch (cause) {
      this.#warn('store', faulty(cause));
    }
    const stored = text === undefined ? text : this.#unseal(text, this.#associated(request, id));
    if (stored === undefined || typeof stored.holds === 'string') return undefined;
    if (!this.#isValid({ ...contents, holds: stored.holds }, now)) return undefined;
    return { identity: stored.holds, headers: this.#renew(contents, request, now) };
  }

  async #put(
    store: PatientStore,
    contents: SessionContents & { readonly holds: Identity },
    request: SessionRequest,
  ): Promise<readonly HeaderField[]> {
    const id = this.#newId();
    const sealed = this.#box.seal(encodeSession(contents), this.#associated(request, id));
    await store.set(id, encodeBase64(sealed), this.#longestLife(contents));
    return this.#seal({ ...contents, holds: id }, request);
  }

  /** Seconds until the session can no longer be valid, however often it is renewed; at least 1. */
  #longestLife({ sealedAt, holds }: SessionContents & { readonly holds: Identity }): number {
    const { maxAge = Number.POSITIVE_INFINITY, renewAfter } = this.#options;
    const ofTicket = Math.max(1, Math.ceil((Date.parse(holds.expiresAt) - sealedAt) / 1000));
    return renewAfter === undefined ? Math.min(ofTicket, Math.ceil(maxAge)) : ofTicket;
  }

  #renew(contents: SessionContents, request: SessionRequest, now: Date): readonly HeaderField[] {
    const { renewAfter } = this.#options;
    const sealedAt = now.getTime();
    if (renewAfter === undefined || sealedAt - contents.sealedAt < renewAfter * 1000) {
      return NO_HEADERS;
    }
    try {
      return this.#seal({ ...contents, sealedAt }, request);
    } catch (cause) {
      this.#warn('fault', faulty(cause));
      return NO_HEADERS;
    }
  }

  #seal(contents: SessionContents, request: SessionRequest): readonly HeaderField[] {
    const sealed = this.#box.seal(encodeSession(contents), this.#associated(request));
    const field = setCookie(this.#cookie, encodeBase64(sealed));
    if (field.length <= MAX_COOKIE) return [['Set-Cookie', field]];
    this.#warn('too-large', tooLarge(contents.holds as Identity, field.length));
    return NO_HEADERS;
  }

  #unseal(text: string, associated: Uint8Array): SessionContents | undefined {
    const sealed = decodeBase64(text);
    const bytes = sealed && this.#box.open(sealed, associated);
    if (bytes === undefined) return undefined;
    try {
      return decodeSession(bytes);
    } catch {
      // Another program has sealed it with our key.
      return undefined;
    }
  }

  #reduced(identity: Identity): Identity {
    const kept = this.#groups;
    if (kept === undefined) return identity;
    return { ...identity, groups: identity.groups.filter((sid) => kept.has(sid)) };
  }

  #inClear({ secure }: SessionRequest): boolean {
    return this.#cookie.secure && secure === false;
  }

  #hostOf({ host }: SessionRequest): string {
    return this.#cookie.domain ?? host?.toLowerCase() ?? '';
  }

  /** The format, the cookie, the host and, in a store, the session's id: JSON separates them. */
  #associated(request: SessionRequest, id: SessionId = ''): Uint8Array {
    const { name, domain } = this.#cookie;
    const scope = domain === undefined ? 'host' : 'domain';
    return encodeUtf8(JSON.stringify([FORMAT, name, scope, this.#hostOf(request), id]));
  }

  #newId(): SessionId {
    const id = new Uint8Array(32);
    this.#random(id);
    return encodeBase64(id).replaceAll('+', '-').replaceAll('/', '_').replace('=', '');
  }

  #warn(kind: SessionWarning['kind'], error: GssError): void {
    const message = `${error.message} (${error.hint})`;
    const { onWarning } = this.#options;
    if (onWarning !== undefined) {
      tell('sessions.onWarning', onWarning, { kind, message, error });
    } else if (!this.#warned.has(kind)) {
      this.#warned.add(kind);
      printWarning(message, 'KRB5_ACCEPTOR_SESSION');
    }
  }
}

function tooLarge({ principal, groups }: Identity, length: number): GssError {
  return new GssError('GSS_S_UNAVAILABLE', {
    reason: 'http.session-too-long',
    detail: { length, groups: groups.length },
    message: `No session for ${principal}: the cookie has ${length} bytes, browsers keep ${MAX_COOKIE}`,
    hint:
      `it holds ${groups.length} groups: list those that the application needs in sessions.groups, ` +
      'or keep sessions in a sessions.store; until then the client sends a ticket with each request',
  });
}

function insecure({ name }: Cookie): GssError {
  return new GssError('GSS_S_UNAVAILABLE', {
    reason: 'http.session-plain-http',
    detail: { cookie: name },
    message: `No session: the cookie ${name} is for TLS, and a request came without it`,
    hint:
      'serve HTTPS; if a proxy ends TLS, have it set X-Forwarded-Proto, and see trustProxy; for ' +
      'development without TLS set sessions.cookie.secure to false',
  });
}

function faulty(cause: unknown): GssError {
  return new GssError('GSS_S_FAILURE', {
    reason: 'http.session-store',
    message: 'A session could not be read, kept or ended',
    hint: `${describeThrown(cause)}; clients without a session send a ticket with each request`,
    cause,
  });
}

const NO_HEADERS: readonly HeaderField[] = Object.freeze([]);
// A new number for each change of format.ts.
const FORMAT = 'krb5-acceptor session 1';
// Seconds. A client that waits longer is better served by its ticket.
const MAX_PATIENCE = 2;
// Milliseconds. Servers that share keys may differ as much as Kerberos permits (RFC 4120 §8.2).
const MAX_SKEW = 300_000;
