/** The usage and help texts of krb5-forward-auth. */

export const USAGE: string = `Usage: krb5-forward-auth [-keytab name] [-service name] [-listen address] [-rules file]
       [-session-key file] [-session-age seconds] [-exchanges name] [-rcache name]
       [-headers list] [-method-header name] [-uri-header name] [-host-header name]
       [-trust addresses] [-certificate file] [-require-tls] [-insecure-cookie] [-preflight]
       [-iakerb] [-realms list] [-late-fallback] [-logfile file] [-log text|json] [-report file] [-verbose]
       krb5-forward-auth -help | -version
`;

export const HELP: string = `${USAGE}
Signs clients on with Kerberos for a proxy (nginx auth_request, Caddy forward_auth, Traefik ForwardAuth,
HAProxy), in front of applications that know nothing of Kerberos. The proxy asks GET /auth and passes
on the answer: 200 with the identity in headers, 401 with the challenge, 403, or 503. GET /healthz is
200 as long as the program runs, GET /metrics has counters for Prometheus. docs/forward-auth.md has the configuration of each proxy.

Options start with one dash or two; a value is the next argument, or follows '='. Each is also an
environment variable: -session-key is KRB5_FORWARD_AUTH_SESSION_KEY; of options without a value, 1 or 0.
  -keytab name        FILE:path or path. Default: KRB5_KTNAME, then the system's default keytab
  -service name       whose tickets are accepted. Default HTTP@: HTTP of any host in the keytab
  -listen address     127.0.0.1:4180 (the default), [::1]:4180 or unix:/run/name/socket, which gets
                      mode 0660. Not with systemd's socket activation
  -trust addresses    addresses and networks (10.1.2.0/24) of proxies on other machines, with commas
                      between them. Only with this option the program listens on an address that other
                      machines can reach; it refuses requests of any others
  -rules file         who may enter which path; without it everybody whom the service accepts. The file
                      is read again when it changes; a broken one leaves the old rules in use
  -session-key file   begins sessions, in a cookie sealed with the key in this file: base64 of 32 random
                      bytes (openssl rand -base64 32). More lines are keys that still open
  -session-age seconds  the age at which a session ends; never later than the ticket
  -exchanges URL      where sign-ons of several requests wait: redis://host:6379, rediss: (with TLS),
                      unix:/path (a socket of Redis) or postgres://host/database, which need npm's
                      package redis or pg. Without it they are refused
  -iakerb             relay the messages of clients that cannot reach a KDC (IAKERB) to the KDCs that
                      krb5.conf or DNS names; needs -exchanges. Read docs/iakerb.md first
  -realms list        relay to these realms, with commas between them. Default: those of the keytab
  -late-fallback      with -iakerb: where Kerberos fails for a client that knows Late Fallback, such as with
                      an expired ticket, go on with IAKERB in the same sign-on, or the reverse
  -rcache name        replay cache: as gss-server's
  -headers list       headers of the answer and what is in them. Default:
                      Remote-User=principal,Remote-Groups=groups. Also name, realm, localName,
                      userPrincipalName, accountName, displayName, domain, sid, indicators,
                      mechanism, authenticatedAt, expiresAt
  -method-header name, -uri-header name, -host-header name
                      where the proxy writes the client's method, request target and host. Default:
                      X-Forwarded-Method, X-Forwarded-Uri, X-Forwarded-Host. These and
                      X-Forwarded-Proto must be in each request, once
  -certificate file   the certificate of the proxy (PEM), for clients that send channel bindings
  -require-tls        refuse credentials that the client sent over plain HTTP
  -insecure-cookie    send the session's cookie over plain HTTP, too: for trials
  -preflight          let CORS preflights pass, which have no credentials, without an identity
  -verbose            write a record of each decision, not only of refusals
  -logfile file       append the records to a file, created with mode 0600: one for each decision.
                      SIGHUP opens the path again, after the file was renamed (log rotation)
  -log text|json      the form of the records. json: every line is a JSON object, and each decision
                      has a record
  -report file        write who uses weak encryption types, no channel bindings or NTLM, and which
                      keys nobody uses, as JSON: every minute, and at the end. Mode 0600
  -help, -version     print this text, or the version, and exit

A request that has a header of -headers itself is refused with 403: the proxy should have removed it.
A record is one line: time, decision, status, peer, request, client, service, kvno, enctype, rule, reason,
text and remedy, as key=value or as JSON. Without -logfile records are written to stderr, and without
-verbose and -log json only those of refusals, at most one a second: more=3 counts those left out.
KRB5_TRACE=file, such as /dev/stderr, adds a trace of each step of each exchange, without secrets.

Exit status: 0 after SIGTERM or SIGINT; 1 for a wrong command line, or files or an address that cannot be
used; 255 for unusable credentials.
`;
