/** The meaning of names in the options of adapters under Node.js. */
import type { ServiceFiles } from '../../http/service.ts';
import { configuredKdc } from '../kdc/krb5-conf-kdc.ts';
import { openReplayCache } from '../replay-cache/name.ts';
import { keytabFile } from './keytab-file.ts';
import { loadKerberosConfig } from './krb5-conf-file.ts';

/** Follows keytab files, and opens replay caches and krb5.conf by name. */
export const nodeFiles: ServiceFiles = {
  keytab: (name) => keytabFile(name),
  replayCache: (name) => openReplayCache(name),
  config: (name) => loadKerberosConfig(name),
  kdc: async (config) => configuredKdc(config),
};
