import type fc from 'fast-check';

/** A message with its decoder, its encoder, and values to try them with. */
export interface Codec {
  readonly name: string;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly encode: (value: never) => Uint8Array;
  readonly values: fc.Arbitrary<unknown>;
  /** Whether fields that are not known may follow (RFC 4120 §1.5.1). */
  readonly extensible: boolean;
}
