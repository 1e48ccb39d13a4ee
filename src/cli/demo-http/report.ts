/** The outcome of an attempt to sign on: plain data, shown as a page, as text or as JSON. */
import type { SecurityContext } from '../../context/context.ts';
import { enctypeName, isWeakEnctype } from '../../crypto/numbers.ts';
import { ContextFlag } from '../../gss/status.ts';
import type { Identity } from '../../http/identity.ts';
import { groupName } from '../../inspect/names/group-names.ts';
import { TicketFlag } from '../../messages/ticket.ts';
import { printable } from '../../text.ts';
import type { Explanation } from './explain.ts';

/** The result of one request to the door. */
export type Report =
  | {
      readonly outcome: 'authenticated';
      /** The person's name, for the greeting. */
      readonly name: string;
      readonly principal: string;
      /** What proved it: a ticket, or the cookie of an earlier one. */
      readonly via: 'ticket' | 'session';
      readonly sections: readonly Section[];
    }
  | {
      readonly outcome: 'refused';
      readonly status: number;
      readonly explanation: Explanation;
    };

/** A titled table of facts. */
export interface Section {
  readonly title: string;
  /** What the facts are good for. */
  readonly note?: string;
  readonly rows: readonly Row[];
}

/** A fact: its values are one below the other. */
export interface Row {
  readonly label: string;
  readonly values: readonly Value[];
}

/** A text, or a time in ISO 8601 and what it means now. */
export type Value = string | { readonly time: string; readonly note?: string };

/** What the server knows about a client beside its identity. */
export interface ClientCircumstances {
  readonly context?: SecurityContext | undefined;
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  readonly now: Date;
}

/** What the server knows of a client. Without a context only what a session keeps is known. */
export function describeClient(
  identity: Identity,
  { context, secure, now }: ClientCircumstances,
): Extract<Report, { outcome: 'authenticated' }> {
  const { principal, name, displayName } = identity;
  return {
    outcome: 'authenticated',
    name: printable(displayName ?? name),
    principal: printable(principal),
    via: context === undefined ? 'session' : 'ticket',
    sections: [
      whoYouAre(identity),
      groups(identity, context),
      ticket(identity, context, now),
      ...(context === undefined ? [] : [encryption(context)]),
      connection(identity, context, secure),
    ],
  };
}

function whoYouAre(identity: Identity): Section {
  return {
    title: 'Who you are',
    note: 'A service decides by the whole principal, or by the SID in Active Directory: never by the first part of the name alone.',
    rows: rows([
      ['Principal', identity.principal],
      ['Name', identity.name],
      ['Realm', identity.realm],
      ['Local account', identity.localName],
      ['Full name', identity.displayName],
      ['User principal name', identity.userPrincipalName],
      ['Account name', identity.accountName],
      ['Domain', identity.domain],
      ['SID', identity.sid],
    ]),
  };
}

function groups({ groups: sids }: Identity, context: SecurityContext | undefined): Section {
  const title = `Your groups (${sids.length})`;
  const { pacError } = context ?? {};
  if (pacError !== undefined) {
    const reason = `Not shown, because the ticket’s PAC does not verify: ${pacError.message}`;
    return { title, note: reason, rows: [] };
  }
  if (sids.length === 0) {
    const note = 'The ticket names none. The KDCs of Active Directory and Samba do, in the PAC.';
    return { title, note, rows: [] };
  }
  return {
    title,
    note: 'From the PAC, whose signature was verified with the key of this service.',
    rows: sids.map((sid) => ({ label: groupName(sid) ?? 'Group', values: [sid] })),
  };
}

function ticket(identity: Identity, context: SecurityContext | undefined, now: Date): Section {
  const { authenticatedAt, expiresAt } = identity;
  const info = context?.ticket;
  const flags = info === undefined ? undefined : flagsOf(info.flags, TICKET_FLAGS);
  return {
    title: 'Your ticket',
    rows: rows([
      ['For the service', info?.server],
      ['Logged in at', moment(authenticatedAt, now)],
      ['Valid since', info?.startTime && moment(info.startTime.toISOString(), now)],
      ['Valid until', moment(expiresAt, now)],
      ['Renewable until', info?.renewTill && moment(info.renewTill.toISOString(), now)],
      ['Key version', info && String(info.kvno)],
      ['Flags', flags?.length === 0 ? 'none' : flags],
      ['Login by', identity.indicators.length > 0 ? identity.indicators : undefined],
    ]),
  };
}

function encryption({ ticket: { enctype, sessionEnctype }, enctype: messages }: SecurityContext) {
  return {
    title: 'Encryption',
    rows: rows([
      ['Ticket', describeEnctype(enctype)],
      ['Session key', describeEnctype(sessionEnctype)],
      ['Messages', describeEnctype(messages)],
    ]),
  };
}

function connection(
  identity: Identity,
  context: SecurityContext | undefined,
  secure: boolean,
): Section {
  const { mechanism, channelBound } = identity;
  const flags = context?.flags ?? 0;
  const mutual = (flags & ContextFlag.mutual) !== 0;
  return {
    title: 'Connection',
    rows: rows([
      ['Mechanism', MECHANISMS[mechanism]],
      ['Bound to TLS', boundText(channelBound, secure)],
      [
        'Mutual authentication',
        context && (mutual ? 'yes: the server proved itself, too' : 'no: the browser did not ask'),
      ],
      ['Delegated ticket', context && (context.delegatedCredential ? 'yes' : 'no')],
      ['Context flags', context && flagsOf(flags, CONTEXT_FLAGS)],
    ]),
  };
}

function boundText(channelBound: boolean, secure: boolean): string {
  if (channelBound) return 'yes: the proof is good for this server’s certificate only';
  return secure ? 'no: the browser sent no channel bindings' : 'no: this is plain HTTP';
}

type MaybeRow = readonly [label: string, value: Value | readonly Value[] | undefined];

function rows(all: readonly MaybeRow[]): Row[] {
  return all.flatMap(([label, value]) =>
    value === undefined ? [] : [{ label, values: ([value].flat() as Value[]).map(shown) }],
  );
}

/** Names may have control and direction characters, which would rearrange the page. */
function shown(value: Value): Value {
  return typeof value === 'string' ? printable(value) : value;
}

function moment(iso: string, now: Date): Value {
  const minutes = Math.round((Date.parse(iso) - now.getTime()) / 60_000);
  const size = Math.abs(minutes);
  const text =
    size < 90
      ? plural(size, 'minute')
      : size < 2880
        ? plural(Math.round(size / 60), 'hour')
        : plural(Math.round(size / 1440), 'day');
  return { time: iso, note: minutes > 0 ? `in ${text}` : size === 0 ? 'now' : `${text} ago` };
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

function describeEnctype(enctype: number): string {
  return `${enctypeName(enctype)}${isWeakEnctype(enctype) ? ' (weak: have the KDC use AES)' : ''}`;
}

function flagsOf(bits: number, names: Readonly<Record<string, readonly [number, string]>>) {
  return Object.entries(names)
    .filter(([, [bit]]) => (bits & bit) !== 0)
    .map(([name, [, meaning]]) => `${name}: ${meaning}`);
}

const MECHANISMS: Readonly<Record<Identity['mechanism'], string>> = {
  kerberos: 'Kerberos',
  spnego: 'Kerberos, negotiated by SPNEGO',
  iakerb: 'Kerberos by way of this server (IAKERB)',
};

const TICKET_FLAGS = {
  forwardable: [TicketFlag.forwardable, 'may be forwarded to another machine'],
  forwarded: [TicketFlag.forwarded, 'came from a forwarded ticket'],
  proxiable: [TicketFlag.proxiable, 'may be given to a service for one purpose'],
  proxy: [TicketFlag.proxy, 'was given to a service for one purpose'],
  'may-postdate': [TicketFlag.mayPostdate, 'tickets for later may be made from it'],
  postdated: [TicketFlag.postdated, 'was requested for later'],
  renewable: [TicketFlag.renewable, 'can be renewed'],
  initial: [TicketFlag.initial, 'issued for a password or key, not for another ticket'],
  'pre-authent': [TicketFlag.preAuthent, 'the user authenticated before it was issued'],
  'hw-authent': [TicketFlag.hwAuthent, 'hardware took part in the login'],
  'transited-policy-checked': [
    TicketFlag.transitedPolicyChecked,
    'the KDC checked the realms on the way',
  ],
  'ok-as-delegate': [TicketFlag.okAsDelegate, 'the KDC trusts this service with delegated tickets'],
  anonymous: [TicketFlag.anonymous, 'the user is not named'],
} as const;

const CONTEXT_FLAGS = {
  delegation: [ContextFlag.delegation, 'a ticket was delegated'],
  mutual: [ContextFlag.mutual, 'both sides are authenticated'],
  replay: [ContextFlag.replay, 'repeated messages are detected'],
  sequence: [ContextFlag.sequence, 'reordered messages are detected'],
  confidentiality: [ContextFlag.confidentiality, 'messages can be encrypted'],
  integrity: [ContextFlag.integrity, 'messages can be signed'],
  'channel-bound': [ContextFlag.channelBound, 'bound to the TLS connection'],
} as const;
