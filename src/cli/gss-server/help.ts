/** The usage and help texts of gss-server. */

export const USAGE: string = `Usage: gss-server [-port port] [-verbose] [-inetd] [-once] [-export]
       [-logfile file] [-keytab name] [-keytabage seconds] [-rcache name]
       [-mech mechanism] [-iakerb] [-realms list] [-latefallback] [-host address]
       [-timeout seconds] [-handshake seconds]
       [-maxtoken bytes] [-maxconn number] [-maxsource number] [-penalty seconds]
       [-authenticated] [-anonymous] [-workers number] [-log text|json]
       [-report file] service_name
       gss-server -check [-log text|json] [the options of the server] service_name
       gss-server -help | -version
`;

export const HELP: string = `${USAGE}
Accepts Kerberos clients with GSS-API and signs the messages that they send. It works with the
gss-client of MIT krb5 and with that of the GSS-API Programming Guide (gss-client -v1); the client's
first byte shows which one it is.

service_name selects the tickets that are accepted:
  host@server.example.com            the service on a host, with the key of host/server.example.com
  HTTP/server.example.com@REALM      exactly this principal
  host, host@                        the service on any host that the keytab has a key for
  '*'                                any key of the keytab

Options start with one dash or two; a value is the next argument, or follows '='.
  -port port          listen on this TCP port (4444); 0 chooses a free port and prints it
  -host address       listen on this address only
  -verbose            also log tokens, steps, and connections that closed without sending anything
                      (port checks)
  -inetd              serve the client on file descriptor 0, as inetd starts this program
  -once               serve one client, then exit
  -export             export and import each context three times before its first message
  -logfile file       append the log to a file; /dev/null disables it. Default: stdout. SIGHUP opens
                      the path again, after the file was renamed (log rotation)
  -log text|json      the form of the records, one line for each client that is accepted or refused.
                      json: every line but those on stdout is a JSON object
  -report file        write who uses weak encryption types, no channel bindings or NTLM, and which
                      keys nobody uses, as JSON: every minute, and at the end. Mode 0600; with
                      -workers one file for each, with its number at the end of the name
  -keytab name        FILE:path or path. Default: KRB5_KTNAME, then the system's default keytab
  -keytabage seconds  refuse all clients once the keytab could not be read for this time. Default:
                      continue with the keys read before
  -rcache name        replay cache: dfl: (files in a directory that this user's servers share),
                      dir:path (files in this directory), memory: (this process only) or none:; for
                      servers on several machines redis://host:6379, rediss: (with TLS),
                      unix:/path (a socket of Redis) or postgres://host/database, which need npm's
                      package redis or pg. A URL with a password goes into KRB5RCACHENAME.
                      Default: KRB5RCACHENAME, KRB5RCACHETYPE, default_rcache_name, dfl:. The
                      directory of dfl: is in KRB5RCACHEDIR, or in the first of STATE_DIRECTORY,
                      RUNTIME_DIRECTORY, XDG_RUNTIME_DIR, TMPDIR and /var/tmp that can be used
  -mech mechanism     accept only this mechanism: kerberos_v5 (krb5), spnego or iakerb, or an OID such
                      as 1.2.840.113554.1.2.2 or '{ 1 2 840 113554 1 2 2 }'
  -iakerb             as -mech iakerb: clients reach their KDC through this server, which asks the KDCs
                      of krb5.conf or DNS
  -realms list        with -iakerb: the realms whose KDCs clients may ask, separated by commas.
                      Default: those of the keytab
  -latefallback       with -iakerb: accept Kerberos and SPNEGO, too; where one mechanism fails for a client
                      that knows Late Fallback, go on with the other
  -timeout seconds    close a connection without a token for this time (300)
  -handshake seconds  close a connection that is not authenticated after this time (60)
  -maxtoken bytes     refuse longer messages (16777216); tokens before a context: at most 262144
  -maxconn number     serve at most this number of connections at a time (1024). One more replaces the
                      oldest unauthenticated connection, or is closed if all are authenticated
  -maxsource number   serve at most this number of connections from one IPv4 address, or from one /64
                      of IPv6 (default: three quarters of -maxconn)
  -penalty seconds    remember the failures of an address for at most this time (60); 0: not at all.
                      When the server is full, connections from addresses that often failed are
                      closed first
  -authenticated      refuse clients that do not authenticate (gss-client -na)
  -anonymous          accept tickets of anonymous clients (RFC 8062: kinit -n), as MIT's program does
  -workers number     serve with this number of processes, which share the port and the replay cache;
                      a process that ends is replaced. -maxconn, -maxsource and -penalty apply to
                      each process; with -once only one process serves
  -check              start no server; print what would trouble it: krb5.conf, the service's name and
                      DNS, the keytab, the clock against the KDC, the replay cache, the port
  -log text|json      the form of what -check prints: lines, or a JSON object in each line
  -help, -version     print this text, or the version, and exit

Output: the lines of MIT's gss-server, on the same streams, and records: one line for each client with
time, connection, peer, client, service, kvno, enctype, reason, text and remedy, as key=value or as JSON
(-log). Records are written to the -logfile, among MIT's lines; without one, to stderr, and then those of
accepted clients only with -log json. Further lines are written to stderr:
  hint: ...           the remedy for the error before it; once, why a client delegates nothing
  listening on port N                the port, with -port 0
  closing connection from ...        a client was too slow, or there were too many connections (the
                                     latter at most once a second)
  many connections from ...          an address is penalised (-penalty)
  gss-server: worker ... ended       with the delay until another takes its place
Control characters, direction marks and the like in text from clients are escaped (\\x1b). A line
"Unauthenticated client ...:" precedes the lines of an unauthenticated client wherever they could be
mistaken for another client's. The -logfile is created with mode 0600.
Lines that belong together are written at once, so those of several workers do not mix; in a pipe
they can if they have more than 4096 bytes: with -verbose and -workers, use -logfile.
Under inetd, where stdout and stderr are the client's socket, nothing is written to them: lines for
stdout are dropped, lines for stderr are written to the -logfile.
KRB5_TRACE=file, such as /dev/stderr, adds a trace of each step of each exchange, without secrets.

Exit status: 0 after -once, -inetd, SIGTERM or SIGINT (clients get 2.5 seconds to finish); 1 for a
wrong command line, or a log file or port that cannot be opened; 255 for unusable credentials.
With -check: 0 if all is well, 1 if there are warnings only, 2 if the server could not start or would
refuse every client, or the command line is wrong.
`;
