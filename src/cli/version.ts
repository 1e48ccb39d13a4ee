/** The package's version: a constant, since a bundle of the program has no package.json beside it. */
export const VERSION: string = '0.1.0';
