/** Prints what came of the portable steps. */
import { portableSteps } from '../portable.ts';
import { runSteps } from '../steps.ts';

console.log(JSON.stringify(await runSteps(portableSteps())));
