/** What each browser needs before it sends tickets to a site. */

/** The instructions for one browser. Backticks mark code. */
export interface BrowserGuide {
  readonly name: string;
  readonly steps: readonly string[];
  /** Matches the User-Agent of the browser. */
  readonly userAgent: RegExp;
}

/**
 * The instructions for a site, that of the reader's browser first.
 *
 * @param host - The host of the address bar, without port.
 * @param userAgent - Of the request, if it has one; only chooses the order.
 */
export function browserGuides(host: string, userAgent = ''): readonly BrowserGuide[] {
  const all = guides(host);
  const own = all.find((guide) => guide.userAgent.test(userAgent));
  return own === undefined ? all : [own, ...all.filter((guide) => guide !== own)];
}

// Edge and Chrome name other browsers in their User-Agent, so the order decides: Edge before Chrome.
function guides(host: string): readonly BrowserGuide[] {
  return [
    {
      name: 'Edge',
      userAgent: /Edg(?:A|iOS)?\//,
      steps: [
        `Windows in a domain: add \`${host}\` to the zone Local intranet (Internet Options, Security, Sites), or set the policy AuthServerAllowlist.`,
        `Linux and macOS: set the policy AuthServerAllowlist to \`${host}\`; on Linux in \`/etc/opt/edge/policies/managed/sso.json\`: \`{"AuthServerAllowlist": "${host}"}\`.`,
        'The page `edge://policy` shows what is in force; reload the policies there.',
      ],
    },
    {
      name: 'Chrome and Chromium',
      userAgent: /Chrom(?:e|ium)\//,
      steps: [
        `Linux: write \`{"AuthServerAllowlist": "${host}"}\` to \`/etc/opt/chrome/policies/managed/sso.json\` (Chrome) or \`/etc/chromium/policies/managed/sso.json\` (Chromium).`,
        `To try it once: close all its windows and start \`chromium --auth-server-allowlist=${host}\`.`,
        `macOS: \`defaults write com.google.Chrome AuthServerAllowlist -string "${host}"\`.`,
        'Windows: the zone Local intranet is enough; the policy AuthServerAllowlist replaces it.',
        'The page `chrome://policy` shows what is in force. On Linux a new profile does not answer the first request for a ticket that it ever meets: reload this page once.',
      ],
    },
    {
      name: 'Firefox',
      userAgent: /\bFirefox\//,
      steps: [
        `Open \`about:config\`, search for \`network.negotiate-auth.trusted-uris\` and set it to \`${host}\`; several are separated by commas.`,
        'Reload this page; no restart is needed.',
        `For all users: \`{"policies": {"Authentication": {"SPNEGO": ["${host}"]}}}\` in \`/etc/firefox/policies/policies.json\`, or the same group policy on Windows.`,
      ],
    },
    {
      name: 'Safari',
      userAgent: /\bVersion\/\S+ .*Safari\//,
      steps: [
        'Safari has no list of sites: it uses a ticket wherever a site asks for one.',
        'Get a ticket: `kinit alice@EXAMPLE.COM` in Terminal, or the Kerberos SSO extension on managed machines. Ticket Viewer shows it.',
        'On iPhone and iPad the Kerberos SSO extension has to be configured by device management.',
      ],
    },
    {
      name: 'curl',
      userAgent: /^curl\//,
      steps: [
        `Run \`kinit\`, then \`curl --negotiate -u : ADDRESS\`. The user name before the colon is empty on purpose.`,
        'With `-v` it shows what the server answers; `curl --version` must list SPNEGO or GSS-API.',
      ],
    },
    {
      name: 'Windows zones',
      userAgent: /\bTrident\//,
      steps: [
        'Edge and Chrome on Windows send tickets to sites of the zone Local intranet: host names without dots, and those in its list.',
        `An administrator fills the list by the group policy “Site to Zone Assignment List”: \`${host}\` with the value 1.`,
        'The zone’s setting Logon must be “Automatic logon only in Intranet zone”, which is the default.',
      ],
    },
  ];
}
