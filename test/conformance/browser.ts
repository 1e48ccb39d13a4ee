/** A client of several requests: they make one exchange, which a cookie may name. */
import type { Answer, Connection } from './connection.ts';
import type { SignOn, User } from './user.ts';

/** A browser with a cookie jar, which prefers NTLM and has a ticket. */
export class Browser {
  readonly #user: User;
  readonly #connection: Connection;
  readonly #jar = new Map<string, string>();
  /** The servers that its requests have reached. */
  readonly servers: string[] = [];

  constructor(user: User, connection: Connection) {
    this.#user = user;
    this.#connection = connection;
  }

  get cookie(): string {
    return [...this.#jar].map((pair) => pair.join('=')).join('; ');
  }

  close(): void {
    this.#connection.close();
  }

  begin(): SignOn {
    return this.#user.signOn({ as: 'ntlm-first' });
  }

  async send(authorization: string, cookie: string = this.cookie): Promise<Answer> {
    const headers = { authorization, ...(cookie !== '' && { cookie }) };
    const answer = await this.#connection.send({ path: '/', headers });
    this.servers.push(...(answer.headers.get('x-server') ?? []));
    for (const field of answer.headers.get('set-cookie') ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(field)!;
      if (value === '') this.#jar.delete(name);
      else this.#jar.set(name, value);
    }
    return answer;
  }

  /** Sends requests until the exchange is over, and verifies the server's proof. */
  async signOn(): Promise<Answer> {
    const exchange = this.begin();
    let answer = await this.send(exchange.authorization);
    while (goesOn(answer)) answer = await this.send(exchange.next(answer)!);
    return answer;
  }
}

/** Whether the server waits for another request of the exchange. */
export function goesOn({ status, headers }: Answer): boolean {
  const fields = headers.get('set-cookie') ?? [];
  return status === 401 && fields.some((field) => field.includes('; Max-Age=30'));
}
