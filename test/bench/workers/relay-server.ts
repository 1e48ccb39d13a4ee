/** A server that relays to the KDCs of a krb5.conf: `relay-server.js keytab krb5.conf`. */
import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { acquireCredential, createAcceptor, parseKeytab } from '../../../src/index.ts';
import { createGssServer, krb5ConfKdc } from '../../../src/node/index.ts';

const [keytab = '', config = ''] = process.argv.slice(2);
const acceptor = createAcceptor({
  credential: await acquireCredential({ keytab: parseKeytab(readFileSync(keytab)) }),
  iakerb: {
    kdc: krb5ConfKdc({ files: config }),
    // All clients of this measurement have one address.
    maxRelaysPerSource: 4096,
    ratePerSource: 4096,
  },
});
const server = createGssServer({
  acceptor,
  limits: { maxConnections: 4096, maxConnectionsPerSource: 4096 },
});
const { port } = await server.listen(0, '127.0.0.1');
const delay = monitorEventLoopDelay({ resolution: 1 });
process.on('message', (question) => {
  if (question === 'reset') {
    delay.reset();
    delay.enable();
  }
  const { rss } = process.memoryUsage();
  process.send?.({
    p99: delay.percentile(99) / 1e6,
    most: delay.max / 1e6,
    rss,
    cpu: process.cpuUsage().user / 1e6,
    handles: process.getActiveResourcesInfo().length,
    threads: process.platform === 'linux' ? readdirSync('/proc/self/task').length : undefined,
  });
});
process.send?.({ port });
