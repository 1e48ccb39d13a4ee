import type { PreparedStatement } from '../../src/postgres/client.ts';

/** A database in memory that runs the statements of src/postgres, as far as they go. */
export class FakePostgres {
  /** Names of the tables that are there. */
  readonly tables = new Set<string>();
  /** Rows of the replay table: the end of each digest, in milliseconds. */
  readonly rows = new Map<string, number>();
  /** Rows of the table of exchanges. */
  readonly exchanges = new Map<string, { value: string; run: string; endsAt: number }>();
  readonly statements: string[] = [];
  /** Names of prepared statements. */
  readonly names = new Set<string>();
  now: () => number;
  run = '00000001-1764441234123456';
  facts: Record<string, unknown> = { unlogged: false, fsync: 'on', asynchronous: false };
  /** Called before each statement; may throw, or return the rows that the database gives instead. */
  before: (text: string, isNamed: boolean) => unknown[] | Promise<unknown[]> | undefined = () =>
    undefined;

  constructor(now: () => number = () => 0) {
    this.now = now;
  }

  async query(
    statement: string | PreparedStatement,
    parameters: unknown[] = [],
  ): Promise<{ rows: unknown[] }> {
    const isNamed = typeof statement !== 'string';
    const text = isNamed ? statement.text : statement;
    const values = isNamed ? statement.values : parameters;
    if (isNamed) this.names.add(statement.name);
    this.statements.push(text);
    const instead = this.before(text, isNamed);
    if (instead !== undefined) return { rows: await instead };
    return { rows: this.#rowsOf(text, values) };
  }

  #rowsOf(text: string, values: unknown[]): unknown[] {
    const [first, second, third] = values.map(String) as [string, string, string];
    if (text.includes('to_regclass')) return [{ there: this.tables.has(first) }];
    if (text.startsWith('CREATE')) {
      this.tables.add(/TABLE IF NOT EXISTS (\S+)/.exec(text)?.[1] ?? '');
      return [];
    }
    if (text.includes('AS unlogged')) return [{ run: this.run, ...this.facts }];
    if (text.includes('AS removed')) return [{ removed: this.#prune(Number(first)) }];
    if (text.includes('to_timestamp')) {
      const name = `since:${first}`;
      if (!this.rows.has(name)) this.rows.set(name, Number(second) * 1000);
      return [];
    }
    if (text.includes('AS run')) return this.#store(values as [string[], number]);
    if (text.includes('AS since')) return [{ since: this.#since(first) }];
    if (text.includes('(name, value')) {
      const endsAt = this.now() + Number(third) * 1000;
      this.exchanges.set(first, { value: second, run: this.run, endsAt });
      return [];
    }
    if (text.includes('WHERE name = $1')) return this.#take(first);
    for (const [name, { endsAt }] of this.exchanges) {
      if (endsAt < this.now()) this.exchanges.delete(name);
    }
    return [];
  }

  #store([digests, lifetime]: [string[], number]): unknown[] {
    const news = digests.filter((digest) => {
      if (this.rows.has(digest)) return false;
      this.rows.set(digest, this.now() + lifetime);
      return true;
    });
    const since = this.#since(this.run);
    return [{ digests: news.length > 0 ? news.join(',') : null, run: this.run, since }];
  }

  /** bigint comes as text. */
  #since(run: string): string | null {
    const since = this.rows.get(`since:${run}`);
    return since === undefined ? null : String(since / 1000);
  }

  #prune(most: number): number {
    const over = [...this.rows].filter(
      ([name, endsAt]) => endsAt < this.now() && !name.startsWith('since:'),
    );
    const gone = over.slice(0, most);
    for (const [name] of gone) this.rows.delete(name);
    return gone.length;
  }

  #take(name: string): unknown[] {
    const found = this.exchanges.get(name);
    this.exchanges.delete(name);
    if (found === undefined) return [];
    const valid = found.run === this.run && found.endsAt > this.now();
    return [{ value: valid ? found.value : null }];
  }
}
