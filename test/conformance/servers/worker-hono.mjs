import { app } from './hono-application.mjs';

export default app;
