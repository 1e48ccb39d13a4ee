/** The realms between two realms: `[capaths]`, else the hierarchy of their names. */

/** `[capaths]`: client realm → server realm → the realms between, `.` for none. */
export type RealmPaths = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/**
 * The realms from the client's to the server's, both included. A realm has no path to itself.
 *
 * RFC 4120 §1.1: without other knowledge the path goes up to the nearest common ancestor, or the
 * top, and down again.
 */
export function realmPath(client: string, server: string, capaths: RealmPaths): string[] {
  if (client === server) return [];
  return configuredPath(client, server, capaths) ?? hierarchy(client, server);
}

/** {@link realmPath} where `[capaths]` names it. */
export function configuredPath(
  client: string,
  server: string,
  capaths: RealmPaths,
): string[] | undefined {
  const between = capaths.get(client)?.get(server);
  if (between === undefined || between.length === 0) return undefined;
  return between[0]!.startsWith('.') ? [client, server] : [client, ...between, server];
}

function hierarchy(client: string, server: string): string[] {
  const up = ancestors(client);
  const down = ancestors(server);
  const common = up.findIndex((realm) => down.includes(realm));
  if (common < 0) return [...up, ...down.reverse()];
  const top = up[common]!;
  return [...up.slice(0, common + 1), ...down.slice(0, down.indexOf(top)).reverse()];
}

/** `A.B.C`, `B.C`, `C`: the realm and what its name hangs from. */
function ancestors(realm: string): string[] {
  const names = realm.slice(0, MAX_REALM).split('.');
  return names.map((_, i) => names.slice(i).join('.')).filter((name) => name !== '');
}

const MAX_REALM = 512;
