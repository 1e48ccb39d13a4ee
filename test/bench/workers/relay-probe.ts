/** Loaded before a program whose figures a measurement asks for: `node --import relay-probe.js program.js`. */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 1 });
let begin = process.cpuUsage();
process.on('message', (question) => {
  if (question === 'reset') {
    delay.reset();
    delay.enable();
    begin = process.cpuUsage();
  }
  const { user, system } = process.cpuUsage(begin);
  process.send?.({
    p99: delay.percentile(99) / 1e6,
    most: delay.max / 1e6,
    rss: process.memoryUsage.rss(),
    cpu: (user + system) / 1e6,
    handles: process.getActiveResourcesInfo().length,
    threads: process.platform === 'linux' ? readdirSync('/proc/self/task').length : undefined,
  });
});
