/** A machine and a DNS for the checks of an acceptor. */
import type { CheckSystem } from '../../src/node/check/system.ts';
import type { SrvRecord } from '../../src/node/kdc/find-kdcs.ts';
import type { Clock } from '../../src/time.ts';
import { NOW } from './realm-kit.ts';

export interface FakeNames {
  /** Name → addresses. */
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  /** Address → names. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** Alias → name. */
  readonly aliases?: Readonly<Record<string, string>>;
  readonly services?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly own?: readonly string[];
  readonly clock?: Clock;
}

export function fakeSystem(fake: FakeNames = {}): CheckSystem {
  return {
    clock: fake.clock ?? (() => NOW),
    hostName: 'web1',
    ownAddresses: fake.own ?? [],
    addressesOf: async (name) => fake.addresses?.[name] ?? absent(),
    namesOf: async (address) => fake.names?.[address] ?? absent(),
    aliasedBy: async (name) => {
      const target = fake.aliases?.[name];
      return target === undefined ? absent() : [target];
    },
    servicesOf: async (name) => fake.services?.[name] ?? absent(),
  };
}

function absent(): never {
  throw Object.assign(new Error('no such record'), { code: 'ENOTFOUND' });
}
