/** Arguments: a directory for files, and the path of a JSON file with a certificate and its key. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { nodeSteps } from '../on-node.ts';
import { runSteps } from '../steps.ts';

const [directory, certificate] = process.argv.slice(2);
const steps = nodeSteps(directory!, JSON.parse(readFileSync(certificate!, 'utf8')));
console.log(JSON.stringify(await runSteps(steps)));
process.exit(0);
