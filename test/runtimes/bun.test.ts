import { describeServerRuntime } from './suite.ts';

await describeServerRuntime('bun');
