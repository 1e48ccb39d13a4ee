/** What there is to say about clocks, opened tickets and their authenticators. */
import type { ClockDetail, TicketDetails } from '../client-reasons.ts';
import type { Explanation, Explanations } from '../reasons.ts';
import { duration, entry, present, secondsBetween, sentence } from './entry.ts';

/** The area `ticket`. */
export const TICKET: Explanations<Extract<keyof TicketDetails, `ticket.${string}`>> = {
  'ticket.expired': {
    text: ({ endTime, now }) =>
      `the ticket ended ${duration(secondsBetween(endTime, now))} ago, at ${endTime}; it is ${now} now, and the client's clock agrees`,
    remedies: () => [
      'have the client get a new ticket (kinit; Windows: klist purge); a program that runs for long has to renew its own (kinit -R, k5start)',
    ],
  },
  'ticket.not-yet-valid': {
    text: ({ startTime, now }) =>
      `the ticket starts in ${duration(secondsBetween(now, startTime))}, at ${startTime}; it is ${now} now, and the client's clock agrees: the KDC's clock is ahead, or those of client and this machine are behind`,
    remedies: () => [
      "compare this machine's clock with the KDC's (gss-server -check), and keep both right with NTP",
    ],
  },
  'ticket.postdated': {
    text: ({ startTime, now }) =>
      `the ticket is postdated (kinit -s): it is valid from ${startTime}, and it is ${now} now`,
    remedies: () => [
      'have the client come back then, after the KDC has validated the ticket (kinit -v)',
      'or have it get an ordinary ticket (kinit)',
    ],
  },
  'ticket.invalid-flag': entry(
    'the ticket has the flag INVALID: the KDC has not validated it yet, which a postdated ticket needs',
    'have the client validate it (kinit -v)',
    'or have it get an ordinary ticket (kinit)',
  ),
  'ticket.altered': {
    text: ({ ticketServer, kvno, enctype }) =>
      sentence(
        `the key for ${ticketServer} kvno ${kvno} ${enctype} has opened other tickets, and does not open this one`,
        'the ticket was altered on its way, or another account has the same SPN and its key was used',
      ),
    remedies: () => [
      'let the client get a new ticket (kinit; Windows: klist purge); if that does not help, look for the SPN on two accounts (setspn -X, then setspn -D from the wrong one) and for what changes tokens on their way',
      'if all clients are refused since some time, the password was changed without a new kvno: export the keytab again',
    ],
  },
  'ticket.addresses': {
    text: ({ peerAddress, ticketAddresses }) =>
      `the ticket is bound to ${(ticketAddresses ?? []).join(', ')}, and the client comes from ${peerAddress ?? 'another address'} (NAT, proxy, roaming)`,
    remedies: () => [
      'have the client get a ticket without addresses (kinit -A; noaddresses = true in its krb5.conf)',
      'or do not compare addresses: checkAddresses: false',
      'behind a proxy pass on the address of the client: peerAddress, trustProxy',
    ],
  },
  'ticket.no-peer-address': {
    text: ({ ticketAddresses }) =>
      `the ticket is bound to ${(ticketAddresses ?? []).join(', ')}, and the server does not know the client's address: no peerAddress was given`,
    remedies: () => [
      'pass the address of the client: the option peerAddress of begin',
      'or do not compare addresses: checkAddresses: false',
      'or have the client get a ticket without addresses (kinit -A)',
    ],
  },
  'ticket.user-to-user': entry(
    'the client asks for user-to-user authentication (ENC-TKT-IN-SKEY): it takes the service for a user without a key of its own; the service has a keytab, not a ticket',
    'register the SPN for the account of the service: setspn -S HTTP/host account (MIT: kadmin modprinc +allow_svr)',
    'or have the client ask for an ordinary service ticket',
  ),
  'ticket.anonymous': entry(
    'the client is anonymous, and anonymous clients are not accepted',
    'set allowAnonymous to admit clients that no KDC has authenticated (RFC 8062; gss-server: -anonymous)',
    'or have the user log in with a name (kinit without -n)',
  ),
  'ticket.anonymous-name': entry(
    'the ticket has the flag ANONYMOUS or the anonymous realm, but not the anonymous name (RFC 8062)',
    'look at the KDC that issued it: no KDC in use makes such tickets',
  ),
};

/** The areas `authenticator` and `authdata`. */
export const AUTHENTICATOR: Explanations<
  Extract<keyof TicketDetails, `authenticator.${string}` | `authdata.${string}`>
> = {
  'authenticator.altered': entry(
    'the ticket decrypted, its authenticator did not: the request was altered on its way, or its sender does not have the session key of the ticket',
    'look for what changes tokens on their way (a proxy, a conversion of text)',
    'if it continues, somebody uses a ticket that was stolen without its key: find out who sends it',
  ),
  'authenticator.other-client': {
    text: ({ ticketClient, authenticator }) =>
      `the ticket is of ${ticketClient}, the authenticator of ${authenticator}`,
    remedies: () => [
      'find out who sends the request: no Kerberos client in use makes such requests',
      "if the names differ in case only, bring the client's Kerberos library up to date",
    ],
  },
  'authenticator.no-checksum': entry(
    'the AP-REQ was not made for GSS-API: its checksum is neither of type 0x8003 nor of no data',
    'have the client use gss_init_sec_context instead of krb5_mk_req with data of its own',
  ),
  'authenticator.options': entry(
    'the authenticator has AD-AUTH-DATA-AP-OPTIONS twice or with a wrong length (MS-KILE §2.2.6)',
    'find out who sends it: no Kerberos client in use makes such requests',
  ),
  'authdata.critical': {
    text: ({ authorizationDataType }) =>
      `ticket or authenticator holds critical authorization data of type ${authorizationDataType}, which is not understood`,
    remedies: () => [
      'have the KDC or client put it into AD-IF-RELEVANT, or leave it out (RFC 4120 §5.2.6)',
    ],
  },
};

type ClockReason = Extract<keyof TicketDetails, `clock.${string}`>;

/** The area `clock`. */
export const CLOCK: Explanations<ClockReason> = {
  'clock.client-ahead': ofClient('ahead of'),
  'clock.client-behind': ofClient('behind'),
  'clock.server-ahead': ofServer('ahead of'),
  'clock.server-behind': ofServer('behind'),
};

function ofClient(side: string): Explanation<ClockReason> {
  return {
    text: (detail) =>
      sentence(
        `the client's clock is ${duration(detail.offset)} ${side} this machine's; ${detail.maxSkew} s are allowed`,
        `client ${detail.clientTime}, this machine ${detail.now}, ticket issued ${detail.startTime}`,
        looks(detail),
      ),
    remedies: (detail) => [
      `set the client's clock, and keep it right with NTP (chrony, systemd-timesyncd; Windows: w32tm /resync)${zone(detail)}`,
      "if clients of all machines are refused, it is this machine's clock: compare it with the KDC's (gss-server -check)",
    ],
  };
}

function ofServer(side: string): Explanation<ClockReason> {
  return {
    text: (detail) =>
      sentence(
        `this machine's clock is ${duration(detail.offset)} ${side} those of client and KDC; ${detail.maxSkew} s are allowed`,
        `by the client's clock (${detail.clientTime}) the ticket is valid from ${detail.startTime} until ${detail.endTime}, and this machine says ${detail.now}`,
        looks(detail),
      ),
    remedies: (detail) =>
      present(
        `set this machine's clock, and keep it right with NTP (chrony, systemd-timesyncd; Windows: w32tm /resync)${zone(detail)}`,
        'see which clock is right: gss-server -check asks the KDC for its time',
        side === 'ahead of' &&
          'if this machine is right, the request is an old one that is sent again: look for what repeats it',
      ),
  };
}

function looks({ looksLike }: ClockDetail): string | false {
  if (looksLike === 'daylight-saving')
    return 'one hour looks like daylight saving, or local time that was set as UTC';
  return looksLike === 'time-zone' && 'this looks like a time zone: local time that was set as UTC';
}

function zone({ looksLike }: ClockDetail): string {
  return looksLike === undefined
    ? ''
    : ', and see that its time zone is right and the hardware clock is in UTC (timedatectl)';
}
