/** What gss-server says about itself. */

export const USAGE: string = `Usage: gss-server [-port port] [-verbose] [-inetd] [-once] [-export]
       [-logfile file] [-keytab name] [-rcache name] [-mech mechanism]
       [-host address] [-timeout seconds] [-handshake seconds]
       [-maxtoken bytes] [-maxconn number] [-maxsource number] [-penalty seconds]
       [-authenticated] [-anonymous] [-workers number] service_name
       gss-server -help | -version
`;

export const HELP: string = `${USAGE}
Accepts Kerberos clients with GSS-API, and signs the messages that they send. It speaks with the
gss-client of MIT krb5 and with that of the GSS-API programming guide (gss-client -v1), and finds
out by itself which of the two a client is.

service_name is what the server is:
  host@server.example.com            a service on a host: the key of host/server.example.com
  HTTP/server.example.com@REALM      a principal
  host, host@                        a service on any host that the keytab has a key for
  '*'                                any key of the keytab

Options start with one dash or two; a value follows as the next argument or after '='.
  -port port          listen on this TCP port (4444); 0 takes a free one and prints it
  -host address       listen on this address only
  -verbose            log tokens and steps as well
  -inetd              serve the client on file descriptor 0, for which inetd started this program
  -once               serve one client, then exit
  -export             export and import each context three times before its first message
  -logfile file       append the log to a file; /dev/null: no log. Without it, the log goes to stdout
  -keytab name        FILE:path or path; without it KRB5_KTNAME, then the system's default keytab
  -rcache name        replay cache: dfl: (files in a directory that this user's servers share),
                      dir:path (in this directory), memory: (of this process), none:; without it
                      KRB5RCACHENAME, KRB5RCACHETYPE, default_rcache_name, dfl:. That is in
                      KRB5RCACHEDIR, STATE_DIRECTORY, RUNTIME_DIRECTORY, XDG_RUNTIME_DIR, TMPDIR
                      or /var/tmp
  -mech mechanism     accept this mechanism only: kerberos_v5 (krb5) or spnego, or an OID such as
                      1.2.840.113554.1.2.2 or '{ 1 2 840 113554 1 2 2 }'
  -timeout seconds    give up a client that sends no token for so long (300)
  -handshake seconds  give up a client that is not authenticated after so long (60)
  -maxtoken bytes     refuse longer tokens (16777216)
  -maxconn number     serve at most so many connections at a time (1024); one more takes the place
                      of the oldest that is not authenticated, or is closed if all are
  -maxsource number   of these, serve at most so many of one address, or of one /64 of IPv6 (three
                      quarters of -maxconn)
  -penalty seconds    let the failures of an address count for at most so long (60; 0: not at all):
                      where many of its connections fail, they give way before those of others
  -authenticated      refuse clients that do not authenticate (gss-client -na)
  -anonymous          accept tickets of anonymous clients (RFC 8062: kinit -n), as MIT's program does
  -workers number     serve with so many processes, which share the port and the replay cache; one
                      that ends is replaced. -maxconn, -maxsource and -penalty are of each of them;
                      -once needs only this one
  -help, -version     print this, or the version, and exit

Output: the lines of MIT's gss-server, on the same streams. What it does not have goes to stderr:
  hint: ...           what to do about the error before it
  listening on port N with -port 0
  closing connection from ...        a client that was too slow, or one connection too many (of
                                     these at most one line a second)
  many connections from ...          an address that is penalised (-penalty)
  gss-server: worker ... ended       and when another takes its place
Control characters, marks of direction and the like in what a client says are escaped (\\x1b), and
"Unauthenticated client ...:" comes before lines of a client that is not authenticated wherever they
might be taken for another's. The -logfile is made with mode 0600.
Lines that belong together are one write, so those of several workers do not mix (but in a pipe
they may, where they are more than 4096 bytes together: give such a -verbose log a -logfile).
Under inetd, where stdout and stderr are the client's socket, nothing is written to them: stdout's
lines are dropped, and stderr's go to the -logfile.

Exit status: 0 after -once, -inetd, SIGTERM or SIGINT (clients have 2.5 seconds to finish),
1 for a wrong command line, a log file or port that cannot be had, 255 for unusable credentials.
`;
