/** The clients of PostgreSQL that applications have: a `Pool` or a connected `Client` of `pg`. */
import { encodeUtf8, toHex } from '../bytes.ts';
import { nobleBackend } from '../crypto/noble/backend.ts';

/**
 * A client that the application closes. A pool is better: a client runs one query at a time, and a record
 * stored within a transaction of the application is lost if that is rolled back.
 */
export interface PostgresClient {
  /** Runs one statement with parameters. */
  query(text: string, values: unknown[]): Promise<{ readonly rows: unknown[] }>;
  /** Prepares a statement once on each connection, and runs it. */
  query(statement: PreparedStatement): Promise<{ readonly rows: unknown[] }>;
}

/** A `QueryConfig` of `pg`. */
export interface PreparedStatement {
  /** Names its text: no other text has it. */
  readonly name: string;
  /** With parameters `$1` and so on. */
  readonly text: string;
  /** The parameters. */
  values: unknown[];
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

/**
 * Runs one statement often, prepared: parsing and planning it takes as long as the statement itself. It is
 * run without a name once a server has said that it does not know the name, as behind a PgBouncer that
 * gives each transaction another connection.
 */
export class OftenRun {
  readonly #client: PostgresClient;
  readonly #text: string;
  readonly #name: string;
  #isPrepared = true;
  #rows = 0;

  constructor(client: PostgresClient, text: string) {
    this.#client = client;
    this.#text = text;
    const digest = nobleBackend.hash('sha256', encodeUtf8(text));
    this.#name = `krb5_${toHex(digest.subarray(0, 8))}`;
  }

  /** @param rows - How many rows this run may add. */
  async run(values: unknown[], rows: number): Promise<{ readonly rows: unknown[] }> {
    this.#rows += rows;
    if (this.#isPrepared) {
      try {
        const name = `${this.#name}_${this.#generation}`;
        return await this.#client.query({ name, text: this.#text, values });
      } catch (error) {
        // The server has not run the statement.
        if (!NOT_PREPARED.includes((error as { code?: unknown })?.code)) throw error;
        this.#isPrepared = false;
      }
    }
    return await this.#client.query(this.#text, values);
  }

  /**
   * The plan of a prepared statement is made once, for a table as long as it is then: a short one is
   * read as a whole. It is made anew each time that the rows have become four times as many.
   */
  get #generation(): number {
    return Math.floor(Math.log2(this.#rows + 1) / 2);
  }
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

  /**
   * Runs a statement on the table. It fails if somebody has dropped the table meanwhile; the next call
   * creates it again.
   */
  async use<T>(statement: () => Promise<T>): Promise<T> {
    await this.ready();
    try {
      return await statement();
    } catch (error) {
      if ((error as { code?: unknown })?.code === UNDEFINED_TABLE) this.#created = undefined;
      throw error;
    }
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
/** Of PostgreSQL: undefined_table. */
const UNDEFINED_TABLE = '42P01';
/** Of PostgreSQL: unique_violation in its catalog, duplicate_table, duplicate_object. */
const ALREADY: readonly unknown[] = ['23505', '42P07', '42710'];
/**
 * Of PostgreSQL: invalid_sql_statement_name, duplicate_prepared_statement, and feature_not_supported, which
 * it answers if the columns of the table have changed since.
 */
const NOT_PREPARED: readonly unknown[] = ['26000', '42P05', '0A000'];

/**
 * The run of the server that runs the statement. Its timeline changes when a standby takes over, which may lack
 * the latest commits, and when a backup is restored. The time of its start, in microseconds, changes where an older
 * copy of its disk is in its place. It is volatile: a condition that has it outside of a SELECT of its own cannot
 * use an index.
 */
export const RUN: string =
  "(substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) || '-' || " +
  '(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint)';
/** A name that is safe in a statement: `krb5_replay`, `auth.krb5_replay`. */
export const TABLE_NAME: RegExp = /^[a-z_][a-z0-9_]{0,47}(?:\.[a-z_][a-z0-9_]{0,47})?$/;
