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
    { keys, arguments: args }: { keys: string[]; arguments: string[] },
  ): Promise<unknown> {
    const [key = ''] = keys;
    const [argument = '', second = ''] = args;
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
      return [this.run, keys.map((name) => this.#setIfAbsent(name, Number(argument)))];
    }
    if (script.includes("'NX', 'EX'")) {
      if (old === undefined) {
        this.keys.set(key, { value: argument, endsAt: Number.POSITIVE_INFINITY });
      }
      return this.keys.get(key)!.value;
    }
    return Object.entries({ master_replid: this.run, ...this.info })
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join('');
  }

  #setIfAbsent(key: string, lifetime: number): 0 | 1 {
    if (this.keys.has(key)) return 0;
    this.keys.set(key, { value: '1', endsAt: this.now() + lifetime });
    return 1;
  }
}
