/** Security layers, and the four octets in which both sides state theirs (RFC 4752 §3.3). */
import type { SecurityContext } from '../context/context.ts';
import { ContextFlag } from '../gss/status.ts';

/**
 * What a security layer does with the bytes after authentication:
 *
 * - `none`: they are sent as they are, because TLS protects them or nothing has to.
 * - `integrity`: they are sent in frames that are signed.
 * - `confidentiality`: they are sent in frames that are signed and encrypted.
 */
export type SaslLayer = 'none' | 'integrity' | 'confidentiality';

/** A layer and the greatest length of a frame's token that its sender accepts. */
export interface LayerChoice {
  /** Bits of {@link LAYER_BITS}. */
  readonly bits: number;
  /** 0 to {@link MAX_BUFFER}, in bytes and without the four of the frame's length. */
  readonly maxBuffer: number;
}

/** The bits of RFC 4752 §3.3. */
export const LAYER_BITS: Readonly<Record<SaslLayer, number>> = {
  none: 1,
  integrity: 2,
  confidentiality: 4,
};

/** The greatest buffer that three octets can state. */
export const MAX_BUFFER = 0xff_ffff;

/**
 * The layers that the flags of a context permit. RFC 4752 §3.1: a client that wants a layer asks for
 * mutual authentication and sequence numbers too. Without them frames could be answered by anybody, or
 * repeated and reordered unnoticed.
 */
export function layersOfContext({ flags }: Pick<SecurityContext, 'flags'>): readonly SaslLayer[] {
  if ((flags & NEEDED_FLAGS) !== NEEDED_FLAGS) return ['none'];
  if ((flags & ContextFlag.confidentiality) === 0) return ['none', 'integrity'];
  return ['none', 'integrity', 'confidentiality'];
}

/**
 * The server's offer. Its buffer is 0 if it offers no layer (RFC 4752 §3.1).
 *
 * @returns Four bytes.
 */
export function encodeOffer(layers: readonly SaslLayer[], maxBuffer: number): Uint8Array {
  const bits = bitsOf(layers);
  return encodeChoice({ bits, maxBuffer: bits === LAYER_BITS.none ? 0 : maxBuffer });
}

/** The bits of several layers. */
export function bitsOf(layers: readonly SaslLayer[]): number {
  return layers.reduce((bits, layer) => bits | LAYER_BITS[layer], 0);
}

/** Four bytes (RFC 4752 §3.3). */
export function encodeChoice({ bits, maxBuffer }: LayerChoice): Uint8Array {
  return Uint8Array.of(bits, maxBuffer >>> 16, maxBuffer >>> 8, maxBuffer);
}

/** @param message - At least four bytes; only those are read. */
export function decodeChoice(message: Uint8Array): LayerChoice {
  const [bits, high, middle, low] = message as unknown as [number, number, number, number];
  return { bits, maxBuffer: (high << 16) | (middle << 8) | low };
}

/**
 * The layer that a client's bits select out of those offered.
 *
 * @returns undefined if they select none of them, or several.
 */
export function chosenLayer(bits: number, offered: readonly SaslLayer[]): SaslLayer | undefined {
  // Clients set both bits for compatibility with Active Directory (Cyrus SASL: ad_compat), and then
  // encrypt. The stronger one is taken, and only if it was offered.
  const wanted = bits === BOTH_BITS ? LAYER_BITS.confidentiality : bits;
  return offered.find((layer) => LAYER_BITS[layer] === wanted);
}

const BOTH_BITS = LAYER_BITS.integrity | LAYER_BITS.confidentiality;
const NEEDED_FLAGS = ContextFlag.integrity | ContextFlag.mutual | ContextFlag.sequence;
