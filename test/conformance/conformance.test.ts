/** Every adapter under Node.js against the table; `test/runtimes` has the other runtimes. */
import { SERVERS } from './servers.ts';
import { describeServer } from './suite.ts';

for (const program of SERVERS) describeServer(program, [process.execPath]);
