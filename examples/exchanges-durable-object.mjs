// Sign-ons of several requests in workers at the edge, of which each may reach another worker: an exchange
// waits in a Durable Object of its own. KEYTAB and EXCHANGE_KEY are secrets in base64. A replay cache for all
// workers is in replay-durable-object.ts.
import { DurableObject } from 'cloudflare:workers';
import { withKerberos } from 'krb5-acceptor/fetch';
import { storedExchanges } from 'krb5-acceptor/http';

/** One exchange. Nothing else happens in an object while it waits for its storage: a value is taken once. */
export class Exchange extends DurableObject {
  async put(value, seconds) {
    await this.ctx.storage.put('value', value);
    await this.ctx.storage.setAlarm(Date.now() + seconds * 1000);
  }

  async take() {
    const value = await this.ctx.storage.get('value');
    await this.ctx.storage.deleteAll();
    return value;
  }

  async alarm() {
    await this.ctx.storage.deleteAll();
  }
}

const greet = (_request, { identity }) => new Response(`Hello ${identity?.principal}\n`);
let signOn;

export default {
  fetch(request, env, context) {
    signOn ??= withKerberos(greet, {
      keytab: env.KEYTAB,
      service: env.SERVICE,
      exchanges: storedExchanges({ store: storeIn(env.EXCHANGES), keys: [env.EXCHANGE_KEY] }),
    });
    return signOn(request, env, context);
  },
};

function storeIn(objects) {
  const object = (name) => objects.get(objects.idFromName(name));
  return {
    set: (name, value, seconds) => object(name).put(value, seconds),
    take: (name) => object(name).take(),
  };
}
