/**
 * The arguments of this process, without the program's name.
 *
 * @param argv - `process.argv`.
 * @param isWorker - Of node:cluster, which starts a worker with the path of the script. A program that
 *   is one file with its runtime (`bun build --compile`) has that path in front anyway, and so twice.
 */
export function programArguments(argv: readonly string[], isWorker: boolean): readonly string[] {
  return argv.slice(isWorker && argv[2] === argv[1] ? 3 : 2);
}
