// Loaded into a server by NODE_OPTIONS=--import: its grace for clients, 2.5 s, never ends. Shorter timers run.
const start = globalThis.setTimeout;
globalThis.setTimeout = (callback, milliseconds, ...args) =>
  start(callback, milliseconds < 2500 ? milliseconds : 2 ** 31 - 1, ...args);
