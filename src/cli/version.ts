/** The package's version: a constant, because a bundled program has no package.json beside it. */
export const VERSION: string = '0.1.0';
