/** Arguments: the directory of a replay cache, the path of a keytab, and that of a token. */
import process from 'node:process';
import { present } from '../on-node.ts';

const [directory, keytab, token] = process.argv.slice(2);
console.log(await present(directory!, keytab!, token!));
process.exit(0);
