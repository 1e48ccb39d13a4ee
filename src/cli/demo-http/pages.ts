/** The pages: HTML of reports and explanations. Styles are in style.ts; there are no scripts. */
import type { BrowserGuide } from './browsers.ts';
import type { Explanation } from './explain.ts';
import type { Html } from './html.ts';
import { html, prose } from './html.ts';
import type { PracticeResult, Situation } from './practice.ts';
import type { Report, Row, Section, Value } from './report.ts';

/** What all pages of a request share. */
export interface PageContext {
  /** How the server was set up with a realm of its own; undefined without one. */
  readonly service: string | undefined;
  /** Whether sign-ons begin sessions. */
  readonly sessions: boolean;
  readonly guides: readonly BrowserGuide[];
  readonly situations: readonly Situation[];
}

/** The home page. */
export function homePage(context: PageContext): string {
  const { service } = context;
  const body = html`
<h1>Kerberos single sign-on, to look at</h1>
<p>This server signs you on with a Kerberos ticket, without a password, and shows what it learned from it. If that fails, it says why and what helps.</p>
<section aria-labelledby="real">
<h2 id="real">With your own ticket</h2>
${
  service === undefined
    ? html`<p>This server was started without a keytab. Start it with one to sign on with real tickets:</p>
<p><code>npm run demo:http -- -keytab /etc/krb5.keytab -service HTTP@www.example.com</code></p>`
    : html`<p>The service is <code>${service}</code>.</p>
<p class="actions"><a class="button main" href="/sign-on">Sign on</a></p>`
}
</section>
${practiceSection(context)}
${browserSection(context.guides, 'Let your browser send tickets')}`;
  return layout('Start', 'home', context, body);
}

/** The answer of the real door. */
export function reportPage(report: Report, context: PageContext): string {
  if (report.outcome === 'refused') {
    return layout(
      report.explanation.title,
      'sign-on',
      context,
      refusal(report.explanation, context),
    );
  }
  const { name, principal, via } = report;
  const banner =
    via === 'ticket'
      ? html`<p><strong>Signed on</strong> as <code>${principal}</code>, with a Kerberos ticket.</p>`
      : html`<p><strong>Signed on</strong> as <code>${principal}</code>, by the session that an earlier ticket began. What only the ticket says is not shown.</p>`;
  const body = html`
<h1>Hello ${name}</h1>
<div class="banner good" role="status">${banner}</div>
<div class="actions"><a class="button" href="/sign-on">Request this page again</a>${
    context.sessions &&
    html`<form method="post" action="/sign-off"><button>End the session</button></form>`
  }</div>
${report.sections.map(factSection)}`;
  return layout(`Hello ${name}`, 'sign-on', context, body);
}

/** The answer of the practice door. */
export function practicePage(result: PracticeResult, context: PageContext): string {
  const { situation, wire, report } = result;
  const outcome =
    report.outcome === 'authenticated'
      ? html`<div class="banner good" role="status"><p><strong>Signed on</strong> as <code>${report.principal}</code>. The person would read: Hello ${report.name}.</p></div>
${report.sections.map(factSection)}`
      : refusal(report.explanation, context, 'h2');
  const body = html`
<h1>Practice: ${situation.label}</h1>
<p>${situation.story}</p>
<section aria-labelledby="wire">
<h2 id="wire">What went over the wire</h2>
<ol class="wire">${wire.map(
    ({ request, response }) =>
      html`<li><code>${request}</code><br>was answered <code>${response}</code></li>`,
  )}</ol>
</section>
${outcome}
${practiceSection(context, situation.id)}`;
  return layout(`Practice: ${situation.label}`, 'practice', context, body);
}

/** A page that says one thing. */
export function messagePage(title: string, sentence: string, context: PageContext): string {
  return layout(title, undefined, context, html`<h1>${title}</h1><p>${prose(sentence)}</p>`);
}

function refusal(
  explanation: Explanation,
  { guides }: PageContext,
  heading: 'h1' | 'h2' = 'h1',
): Html {
  const { title, summary, user, admin, browser, technical } = explanation;
  const headline = heading === 'h1' ? html`<h1>${title}</h1>` : undefined;
  return html`${headline}
<div class="banner bad" role="status"><p><strong>${heading === 'h1' ? 'Not signed on.' : `Not signed on: ${title}.`}</strong> ${prose(summary)}</p></div>
<section aria-labelledby="fix"><h2 id="fix">What you can do</h2>${steps(user)}
<h3>What the administrator can do</h3>${steps(admin)}</section>
${browser && browserSection(guides, 'The settings of your browser')}
<section aria-labelledby="error"><h2 id="error">The error itself</h2>
<p class="quiet">A service writes this to its log and shows it to nobody; here it is part of the demonstration.</p>
${facts(technical.map(([label, value]) => ({ label, values: [value] })))}</section>`;
}

function practiceSection({ situations }: PageContext, current?: string): Html {
  return html`<section aria-labelledby="practice">
<h2 id="practice">${current === undefined ? 'Without a ticket: practise' : 'Try another situation'}</h2>
<p>The server plays the client: it makes a ticket, as a KDC would, and sends it to a door of its own over HTTP.</p>
<ul class="tries">${situations.map(
    ({ id, label }) =>
      html`<li><form action="/practice/${id}"><button${id === current && html` aria-current="page"`}>${label}</button></form></li>`,
  )}</ul></section>`;
}

function browserSection(guides: readonly BrowserGuide[], title: string): Html {
  return html`<section aria-labelledby="browsers"><h2 id="browsers">${title}</h2>
${guides.map(
  ({ name, steps: list }, i) =>
    html`<details${i === 0 && html` open`}><summary>${name}</summary>${steps(list)}</details>`,
)}</section>`;
}

function factSection({ title, note, rows }: Section, index: number): Html {
  return html`<section aria-labelledby="facts-${index}"><h2 id="facts-${index}">${title}</h2>
${note !== undefined && html`<p class="quiet">${note}</p>`}${rows.length > 0 && facts(rows)}</section>`;
}

function facts(rows: readonly Row[]): Html {
  return html`<dl>${rows.map(
    ({ label, values }) =>
      html`<dt>${label}</dt>${values.map((value) => html`<dd>${fact(value)}</dd>`)}`,
  )}</dl>`;
}

function fact(value: Value): Html {
  if (typeof value === 'string') return html`${value}`;
  const { time, note } = value;
  const shown = time.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC');
  return html`<time datetime="${time}">${shown}</time>${note !== undefined && html` <span class="quiet">(${note})</span>`}`;
}

function steps(sentences: readonly string[]): Html {
  return html`<ul>${sentences.map((sentence) => html`<li>${prose(sentence)}</li>`)}</ul>`;
}

type Place = 'home' | 'sign-on' | 'practice';

function layout(
  title: string,
  place: Place | undefined,
  { service }: PageContext,
  body: Html,
): string {
  const link = (to: string, of: Place, text: string) =>
    html`<li><a href="${to}"${of === place && html` aria-current="page"`}>${text}</a></li>`;
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – krb5-acceptor</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<span class="site">krb5-acceptor</span>
<nav aria-label="Pages"><ul>
${link('/', 'home', 'Start')}
${service !== undefined && link('/sign-on', 'sign-on', 'Sign on')}
${link('/practice/signed-on', 'practice', 'Practice')}
</ul></nav>
</header>
<main id="main" tabindex="-1">${body}</main>
<footer class="quiet"><p>A demonstration: it shows errors to those who made them, which a service must not do.</p></footer>
</body>
</html>
`.text;
}
