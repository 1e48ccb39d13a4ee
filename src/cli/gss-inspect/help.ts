/** The usage and help texts of gss-inspect. */

export const USAGE: string = `Usage: gss-inspect [-keytab file] [-service name] [-time time] [-skew seconds]
       [-weak] [-secrets] [-bytes number] [-json] [-token text | file ...]
       gss-inspect -help | -version
`;

export const HELP: string = `${USAGE}
Lays open what a Kerberos client or server has sent: an Authorization or WWW-Authenticate header, base64,
a hexadecimal dump, a GSS-API token (SPNEGO, Kerberos, NTLM, NegoEx, IAKERB), a ticket, AP-REQ, AP-REP,
KRB-ERROR, KRB-CRED, a message to or from a KDC, PAC, keytab, credential cache, exported name, Wrap or MIC
token, a command or frame of SASL, other bytes with a token in them. Each piece has its
offset, its length, the names of its numbers and the clause that specifies it. Malformed input is shown
as far as it can be read, with the reason why reading stops.

With a keytab, what is encrypted is decrypted: ticket, authenticator, delegated credential, PAC with
SIDs and names, and messages; the signatures of the PAC are judged. At the end is what this acceptor
would say to the token, and what to do about a refusal. Nothing is sent anywhere, and nothing is kept:
no replay cache knows the token afterwards.

The input is read from the files, or from the standard input (also written as -). Several tokens of one
exchange, one per header, line or file, are followed with the keys of the first.

Options start with one dash or two; a value is the next argument, or follows '='.
  -token text      the input itself. Other users of this machine can see it while the program runs
  -keytab file     FILE:path or path of a keytab
  -service name    the service that the acceptor serves, as for gss-server: HTTP@www.example.com.
                   Default: any key of the keytab
  -time time       the time of the verdict, 2026-11-23T17:38:00Z. Default: now; if only its age speaks
                   against a token, the verdict at the time when it was made is printed too
  -skew seconds    what clocks may differ (300)
  -weak            the acceptor permits RC4 and DES3, as with allow_rc4 and allow_des3
  -secrets         show keys, decrypted messages and NTLM responses, which are hidden otherwise
  -bytes number    show this number of bytes of each value (32)
  -json            print JSON: items with label, value, offset, length, clause, problems, space, secret
                   and parts; and the verdict
  -help, -version  print this text, or the version, and exit

Exit status: 0 if the input was laid out, and the acceptor takes it or there is nothing to judge; 2 if
the acceptor refuses it or something in it is malformed; 1 for a wrong command line, or a file or keytab
that cannot be read.

The same as a page for browsers: dist/gss-inspect.html of this package, which sends nothing anywhere.
`;
