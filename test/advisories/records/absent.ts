import type { Absence } from '../advisory.ts';

/** Classes of flaw in code that this package does not have, so that nobody has to look for them. */
export const ABSENT: readonly Absence[] = [
  {
    ids: [
      'CVE-2010-1322',
      'CVE-2012-1015',
      'CVE-2013-1418',
      'CVE-2014-5351',
      'CVE-2015-2697',
      'CVE-2016-3120',
      'CVE-2018-20217',
      'CVE-2021-36222',
      'CVE-2021-37750',
      'CVE-2023-39975',
    ],
    peer: 'MIT krb5',
    flaw: 'A KDC crashes, double-frees or issues what it should not on requests for tickets.',
    here: 'There is no KDC: no AS-REQ or TGS-REQ is read, no ticket issued but by the test helpers.',
  },
  {
    ids: ['CVE-2021-3671', 'CVE-2019-14870'],
    peer: 'Heimdal, Samba',
    flaw: 'A KDC mishandles a TGS-REQ without a server name, or the flags of delegation.',
    here: 'There is no KDC.',
  },
  {
    ids: [
      'CVE-2014-9421',
      'CVE-2014-9422',
      'CVE-2014-9423',
      'CVE-2015-8629',
      'CVE-2018-5729',
      'CVE-2023-36054',
      'CVE-2025-24528',
    ],
    peer: 'MIT krb5',
    flaw: 'The RPC of kadmind and kpropd parses hostile requests wrongly.',
    here: 'There is no administration protocol, and no RPC.',
  },
  {
    ids: ['CVE-2022-41916', 'CVE-2019-12098', 'CVE-2012-1016', 'CVE-2015-2694'],
    peer: 'Heimdal, MIT krb5',
    flaw: 'PKINIT or its certificates are verified wrongly, or crash the verifier.',
    here: 'No certificate is verified. Of the server’s own one the bytes are hashed for channel bindings.',
  },
  {
    ids: ['CVE-2014-5355'],
    peer: 'MIT krb5',
    flaw: 'Servers that use krb5_recvauth take what a client sends for a C string.',
    here: 'There is no recvauth protocol; user-to-user requests are refused.',
  },
  {
    ids: ['CVE-2024-3596'],
    peer: 'MIT krb5 (libkrad), RADIUS',
    flaw: 'Responses of RADIUS are forged by MD5 collisions.',
    here: 'There is no RADIUS.',
  },
  {
    ids: ['CVE-2024-26458', 'CVE-2024-26461', 'CVE-2024-26462'],
    peer: 'MIT krb5',
    flaw: 'Memory of a request is never freed.',
    here: 'Memory is the garbage collector’s; what is kept on purpose has a bound (SECURITY.md).',
  },
];
