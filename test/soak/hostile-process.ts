/** The hostile clients' process: told what to do over its IPC channel, until it is told to stop. */
import { readFileSync } from 'node:fs';
import type { HostileOptions, Tally } from './hostile.ts';
import { HostileClients } from './hostile.ts';
import { credentialsOf } from './realm.ts';

export interface HostileOrder extends Omit<HostileOptions, 'credentials'> {
  readonly keytabPath: string;
}

export type HostileReport = Readonly<Record<string, Tally>>;

let clients: HostileClients | undefined;

process.on('message', (order: HostileOrder | 'stop') => {
  if (order === 'stop') {
    clients?.stop();
    return;
  }
  const credentials = credentialsOf(readFileSync(order.keytabPath), 'mallory');
  clients = new HostileClients({ ...order, credentials });
  void clients.run().then((tallies) => {
    process.send!(Object.fromEntries(tallies), () => process.exit(0));
  });
});
