/** A worker that checks the example of a replay cache in Durable Objects. */
import { DurableReplayCache } from '../../../examples/replay-durable-object.ts';
import { checkReplayCache } from '../../../src/testing/index.ts';

export { Replays } from '../../../examples/replay-durable-object.ts';

type Objects = ConstructorParameters<typeof DurableReplayCache>[0];

/** Objects that cannot be reached. */
const AWAY: Objects = {
  idFromName: () => undefined,
  get: () => ({ fetch: () => Promise.reject(new Error('away')) }),
};

export default {
  async fetch(_request: Request, { REPLAYS }: { readonly REPLAYS: Objects }): Promise<Response> {
    try {
      await checkReplayCache(() => new DurableReplayCache(REPLAYS), {
        broken: () => new DurableReplayCache(AWAY),
      });
      return new Response('it keeps its promises');
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
