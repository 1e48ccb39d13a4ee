// `gssapi-with-mic` (RFC 4462 §3) for servers on npm's `ssh2`, which knows neither its name nor its messages.
import { on } from 'node:events';
import { localName } from 'krb5-acceptor';
import ssh2 from 'ssh2/lib/protocol/utils.js';

export const METHOD = 'gssapi-with-mic';

// The messages (RFC 4462 §6), and the one that a MIC is made for.
const [RESPONSE, TOKEN, ERROR_TOKEN, MIC, REQUEST] = [60, 61, 65, 66, 50];
// 1.2.840.113554.1.2.2 with tag and length.
const KRB5 = Buffer.from('06092a864886f712010202', 'hex');
const MAX_MESSAGES = 20;

/**
 * Makes a connection emit `authentication` for the method. Call it first in the listener of `connection`.
 *
 * The context of a request then has `data`, which is what follows the method's name, and `sessionId`. It sends a
 * message of the method with `send(payload)`, and emits `message` for each of the client's, and `abort` when the
 * client begins anew or is gone. An ssh2 with ssh2-methods.patch does this by itself.
 *
 * There is no public way. What is used of ssh2 1.17 is `_protocol` of the connection, with its `_handlers`,
 * `_onPayload`, `_packetRW` and `_kex`, and `_finalResponse` and `_initialResponse` of a context.
 */
export function addMethod(connection) {
  const protocol = connection._protocol;
  const { _handlers: handlers, _onPayload: takePayload } = protocol;
  // It has the patch.
  if (handlers.USERAUTH_MESSAGE !== undefined) return;
  const takeRequest = handlers.USERAUTH_REQUEST;
  let open;

  handlers.USERAUTH_REQUEST = (self, user, service, method, data) => {
    // Inside this compression `_onPayload` would see no types. zlib@openssh.com begins after the login.
    const isReadable = protocol._kex.negotiated.cs.compress !== 'zlib';
    if (method !== METHOD || !isReadable) return takeRequest(self, user, service, method, data);
    // To ssh2 it is the one other method that has messages: a later request aborts it.
    takeRequest(self, user, service, 'keyboard-interactive', new MethodData(data));
  };

  connection.prependListener('authentication', (ctx) => {
    open = ctx.submethods instanceof MethodData ? ctx : undefined;
    if (open === undefined) return;
    const send = (payload) => {
      ctx._initialResponse = true;
      const { write } = protocol._packetRW;
      const packet = write.alloc(payload.length);
      packet.set(payload, write.allocStart);
      ssh2.sendPacket(protocol, write.finalize(packet));
    };
    const { bytes: data } = ctx.submethods;
    Object.assign(ctx, { method: METHOD, data, sessionId: protocol._kex.sessionID, send });
  });

  protocol._onPayload = (payload) => {
    const isOpen = open !== undefined && !open._finalResponse;
    if (!isOpen || payload[0] < 60 || payload[0] > 79) return takePayload(payload);
    open.emit('message', payload);
  };
  for (const end of ['end', 'close']) connection.once(end, () => open?.emit('abort'));
}

class MethodData {
  constructor(bytes) {
    this.bytes = bytes;
  }
}

/**
 * Answers a request of the method: accepts or rejects it.
 *
 * @param acceptor - For Kerberos alone (`mechanisms`): SPNEGO is forbidden here.
 * @param authorize - Called with the context and the name of the user that the client asks to be. Only `true`
 *   admits it. If absent, alice of the service's own realm may be alice.
 * @returns The context, to be disposed of by the caller; undefined if the client is rejected.
 */
export async function authenticate(ctx, { acceptor, authorize = hasThatName }) {
  const gone = new AbortController();
  const { signal } = gone;
  ctx.once('abort', () => gone.abort());
  const messages = on(ctx, 'message', { signal });
  let left = MAX_MESSAGES;
  ctx.on('message', () => {
    if (left-- > 0) return;
    reject(ctx);
    gone.abort();
  });
  const handshake = acceptor.begin({ signal });
  let context;
  try {
    if (!namesKerberos(ctx.data)) throw new Error('the client does not offer Kerberos');
    ctx.send(message(RESPONSE, KRB5));
    context = await establish(ctx, handshake, messages);
    // Without a MIC (EXCHANGE_COMPLETE) a client proves nothing about this connection.
    context.verifyMic(signedBy(ctx), await next(messages, MIC));
    if ((await authorize(context, ctx.username)) !== true) {
      throw new Error(`${context.initiator} may not be ${JSON.stringify(ctx.username)}`);
    }
    signal.throwIfAborted();
    ctx.accept();
    return context;
  } catch (error) {
    context?.dispose();
    if (signal.aborted) return undefined;
    console.error(error.reason ?? 'refused', error.hint ?? error.message);
    reject(ctx);
    return undefined;
  } finally {
    handshake.abort();
    await messages.return();
  }
}

function reject(ctx) {
  try {
    ctx.reject([METHOD]);
  } catch {
    // The connection has failed in the meantime, so that nothing can be sent.
  }
}

async function establish(ctx, handshake, messages) {
  for (;;) {
    const result = await handshake.accept(await next(messages, TOKEN));
    const { status, outputToken } = result;
    if (outputToken !== undefined) {
      ctx.send(message(status === 'failed' ? ERROR_TOKEN : TOKEN, outputToken));
    }
    if (status === 'failed') throw result.error;
    if (status === 'complete') return result.context;
  }
}

/** What the client's MIC signs (RFC 4462 §3.5): the session, and that it asks for this user. */
function signedBy({ sessionId, username, service }) {
  const names = [username, service, METHOD].map((name) => string(Buffer.from(name)));
  return Buffer.concat([string(sessionId), Buffer.of(REQUEST), ...names]);
}

function hasThatName({ initiator, acceptor }, user) {
  const config = { defaultRealm: acceptor.principal.realm, realms: new Map() };
  return localName(initiator.principal, config) === user;
}

/** Whether Kerberos is in the list of mechanisms of a request. */
function namesKerberos(data) {
  let found = false;
  let at = 4;
  for (let count = data.readUInt32BE(0); count > 0; count--) {
    const end = at + 4 + data.readUInt32BE(at);
    found ||= KRB5.equals(data.subarray(at + 4, end));
    at = end;
  }
  return found;
}

/** The contents of the next message, which must be of this type. */
async function next(messages, type) {
  const { value } = await messages.next();
  const [payload] = value;
  if (payload[0] !== type) throw new Error(`a message ${payload[0]} where ${type} is due`);
  if (payload.readUInt32BE(1) !== payload.length - 5) throw new Error('a message of another form');
  return payload.subarray(5);
}

const message = (type, contents) => Buffer.concat([Buffer.of(type), string(contents)]);

function string(bytes) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
