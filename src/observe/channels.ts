/**
 * The channels of `node:diagnostics_channel` that this package publishes on, where the runtime has that
 * module (Node.js, Deno, Bun, workerd with nodejs_compat). A static import would fail in browsers.
 */

/** The used part of a channel. `hasSubscribers` is false where there are no channels. */
export interface Channel {
  /** Whether anyone listens: to be checked before a message is made. */
  readonly hasSubscribers: boolean;
  /** Calls the subscribers, at once. */
  publish(message: unknown): void;
}

/** The names of the channels, for `diagnostics_channel.subscribe`. */
export const ChannelName = {
  /** A client was accepted: a context is established. */
  accept: 'krb5-acceptor:accept',
  /** A client was refused, or went away in the middle. */
  refuse: 'krb5-acceptor:refuse',
  /** A client was asked for a token, or for another one. */
  challenge: 'krb5-acceptor:challenge',
  /** A message was wrapped, unwrapped, signed or verified, or that failed. */
  message: 'krb5-acceptor:message',
  /** Something of a keytab or a krb5.conf is not used, or should be mended. */
  warning: 'krb5-acceptor:warning',
  /** A step of an exchange, as text: see the option `trace`. */
  trace: 'krb5-acceptor:trace',
} as const;

/** The name of a channel: one of {@link ChannelName}. */
export type ChannelName = (typeof ChannelName)[keyof typeof ChannelName];

const SILENT: Channel = { hasSubscribers: false, publish: () => {} };

export const acceptChannel: Channel = openChannel(ChannelName.accept);
export const refuseChannel: Channel = openChannel(ChannelName.refuse);
export const challengeChannel: Channel = openChannel(ChannelName.challenge);
export const messageChannel: Channel = openChannel(ChannelName.message);
export const warningChannel: Channel = openChannel(ChannelName.warning);
export const traceChannel: Channel = openChannel(ChannelName.trace);

function openChannel(name: ChannelName): Channel {
  try {
    const runtime = Reflect.get(globalThis, 'process') as BuiltinModules | undefined;
    const module = runtime?.getBuiltinModule?.('node:diagnostics_channel');
    return module?.channel?.(name) ?? SILENT;
  } catch {
    return SILENT;
  }
}

interface BuiltinModules {
  getBuiltinModule?(
    id: 'node:diagnostics_channel',
  ): { channel?(name: ChannelName): Channel } | undefined;
}
