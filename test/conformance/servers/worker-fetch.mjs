import { handler } from './fetch-application.mjs';

export default { fetch: handler };
