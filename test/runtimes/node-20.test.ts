import { describeServerRuntime } from './suite.ts';

await describeServerRuntime('node-20');
