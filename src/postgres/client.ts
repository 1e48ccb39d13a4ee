/** The clients of PostgreSQL that applications have: a `Pool` or a connected `Client` of `pg`. */

/**
 * A client that the application closes. A pool is better: a client runs one query at a time, and a record
 * stored within a transaction of the application is lost if that is rolled back.
 */
export interface PostgresClient {
  /** Runs one statement with parameters. */
  query(text: string, values: unknown[]): Promise<{ readonly rows: unknown[] }>;
}

/** @throws TypeError for a value that is not a client, such as a promise of one. */
export function checkedClient(label: string, client: PostgresClient): PostgresClient {
  if (typeof client?.query === 'function') return client;
  throw new TypeError(`${label}: expected a Pool or a Client of pg`);
}

/** The first row of a result. @throws TypeError if there is none. */
export function firstRow({ rows }: { readonly rows: unknown }): Readonly<Record<string, unknown>> {
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
  if (typeof row !== 'object' || row === null) throw new TypeError('the database gave no row');
  return row as Readonly<Record<string, unknown>>;
}

/** A table of this package, which its first use creates. */
export class Table {
  readonly #client: PostgresClient;
  readonly #name: string;
  readonly #statements: readonly string[];
  #created: Promise<void> | undefined;

  constructor(client: PostgresClient, name: string, statements: readonly string[]) {
    this.#client = client;
    this.#name = name;
    this.#statements = statements;
  }

  /** Resolves when the table exists; after a failure the next call tries again. */
  ready(): Promise<void> {
    this.#created ??= this.#create().catch((error: unknown) => {
      this.#created = undefined;
      throw error;
    });
    return this.#created;
  }

  async #create(): Promise<void> {
    // CREATE TABLE IF NOT EXISTS needs the permission to create even where the table exists.
    if (firstRow(await this.#client.query(LOOK, [this.#name])).there === true) return;
    for (const statement of this.#statements) {
      try {
        await this.#client.query(statement, []);
      } catch (error) {
        // IF NOT EXISTS does not cover two servers that create it at the same moment.
        if (!ALREADY.includes((error as { code?: unknown })?.code)) throw error;
      }
    }
  }
}

const LOOK = 'SELECT to_regclass($1) IS NOT NULL AS there';
/** Of PostgreSQL: unique_violation in its catalog, duplicate_table, duplicate_object. */
const ALREADY: readonly unknown[] = ['23505', '42P07', '42710'];

/**
 * The timeline of the server that runs the statement. It changes when a standby takes over, which may lack
 * the latest commits, and when a backup is restored. It is volatile: a condition that has it outside of a
 * SELECT of its own cannot use an index.
 */
export const TIMELINE: string = 'substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)';
/** A name that is safe in a statement: `krb5_replay`, `auth.krb5_replay`. */
export const TABLE_NAME: RegExp = /^[a-z_][a-z0-9_]{0,47}(?:\.[a-z_][a-z0-9_]{0,47})?$/;
