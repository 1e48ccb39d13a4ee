/** The script of a page, which sends what came of the portable steps to its server. */
import { portableSteps } from '../portable.ts';
import { runSteps } from '../steps.ts';

const body = JSON.stringify(await runSteps(portableSteps()));
await fetch('/outcomes', { method: 'POST', body });
