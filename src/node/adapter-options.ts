/** The options of adapters for frameworks on node:http. */
import type { DenialPages } from '../http/pages.ts';
import { PAGE_OPTIONS } from '../http/pages.ts';
import type { OptionRules } from '../options.ts';
import type { NodeSignOnOptions } from './site.ts';
import { NODE_SIGN_ON_OPTIONS } from './site.ts';

/** Options of an adapter on node:http, with pages of the form `P`. */
export interface NodeAdapterOptions<P> extends NodeSignOnOptions, DenialPages<P> {}

/** The rules of {@link NodeAdapterOptions}. */
export const NODE_ADAPTER_OPTIONS: OptionRules<NodeAdapterOptions<unknown>> = {
  ...NODE_SIGN_ON_OPTIONS,
  ...PAGE_OPTIONS,
};
