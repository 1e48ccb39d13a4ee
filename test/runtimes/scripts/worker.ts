/** A worker that answers with what came of the portable steps. */
import { portableSteps } from '../portable.ts';
import { runSteps } from '../steps.ts';

export default {
  fetch: async (): Promise<Response> => Response.json(await runSteps(portableSteps())),
};
