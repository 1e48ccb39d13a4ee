/** An engine in memory that runs the scripts of src/redis, as far as they go. */
export class FakeRedis {
  readonly keys = new Map<string, { value: string; endsAt: number }>();
  run: string;
  now: () => number;
  info: Record<string, string> = {
    maxmemory: '0',
    maxmemory_policy: 'noeviction',
    aof_enabled: '1',
  };
  /** Called before each script; may throw, or return what the engine answers instead. */
  before: (script: string) => unknown = () => undefined;

  constructor(now: () => number, run: string = 'a'.repeat(40)) {
    this.now = now;
    this.run = run;
  }

  /** As node-redis has it. */
  async eval(
    script: string,
    {
      keys: [key = ''],
      arguments: [argument = '', second = ''],
    }: { keys: string[]; arguments: string[] },
  ): Promise<unknown> {
    const instead = this.before(script);
    if (instead !== undefined) return await instead;
    for (const [name, { endsAt }] of this.keys) if (endsAt <= this.now()) this.keys.delete(name);
    const old = this.keys.get(key);
    if (script.includes("'PX', ARGV[2]")) {
      const endsAt = this.now() + Number(second);
      this.keys.set(key, { value: `${this.run}:${argument}`, endsAt });
      return 'OK';
    }
    if (script.includes('GETDEL')) {
      this.keys.delete(key);
      const [run, value] = old?.value.split(':') ?? [];
      return run === this.run ? value : null;
    }
    if (script.includes("'NX', 'PX'")) {
      if (old === undefined) {
        this.keys.set(key, { value: '1', endsAt: this.now() + Number(argument) });
      }
      return [old === undefined ? 1 : 0, this.run];
    }
    if (script.includes("'NX', 'EX'")) {
      if (old === undefined) {
        this.keys.set(key, { value: argument, endsAt: Number.POSITIVE_INFINITY });
      }
      return this.keys.get(key)!.value;
    }
    return Object.entries(this.info)
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join('');
  }
}
