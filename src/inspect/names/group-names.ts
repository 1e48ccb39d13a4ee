/** Names of the SIDs that mean the same in every domain (MS-DTYP §2.4.2.4). */

/** The name of a well-known group; undefined for the groups that a domain has made. */
export function groupName(sid: string): string | undefined {
  const relative = /^S-1-5-21-\d+-\d+-\d+-(\d+)$/.exec(sid)?.[1];
  return relative === undefined ? WELL_KNOWN[sid] : OF_A_DOMAIN[relative];
}

const WELL_KNOWN: Readonly<Record<string, string>> = {
  'S-1-1-0': 'Everyone',
  'S-1-5-11': 'Authenticated Users',
  'S-1-5-32-544': 'Administrators',
  'S-1-5-32-545': 'Users',
  'S-1-5-32-546': 'Guests',
  'S-1-5-32-555': 'Remote Desktop Users',
  'S-1-18-1': 'Authentication Authority Asserted Identity',
  'S-1-18-2': 'Service Asserted Identity',
  'S-1-18-3': 'Fresh Public Key Identity',
  'S-1-18-4': 'Key Trust Identity',
};

const OF_A_DOMAIN: Readonly<Record<string, string>> = {
  '496': 'Compounded Authentication',
  '497': 'Claims Valid',
  '498': 'Enterprise Read-only Domain Controllers',
  '512': 'Domain Admins',
  '513': 'Domain Users',
  '514': 'Domain Guests',
  '515': 'Domain Computers',
  '516': 'Domain Controllers',
  '517': 'Cert Publishers',
  '518': 'Schema Admins',
  '519': 'Enterprise Admins',
  '520': 'Group Policy Creator Owners',
  '521': 'Read-only Domain Controllers',
  '525': 'Protected Users',
  '526': 'Key Admins',
  '527': 'Enterprise Key Admins',
  '571': 'Allowed RODC Password Replication Group',
  '572': 'Denied RODC Password Replication Group',
};
