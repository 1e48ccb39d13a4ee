// Loaded into a server by NODE_OPTIONS=--import: its wall clock is wrong by TEST_CLOCK_OFFSET seconds.
const now = Date.now;
const offset = Number(process.env.TEST_CLOCK_OFFSET) * 1000;
Date.now = () => now() + offset;
