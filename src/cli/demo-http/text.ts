/** A report as plain text, for curl. */
import type { BrowserGuide } from './browsers.ts';
import type { Report } from './report.ts';

/** Lines without markup; control characters of names were escaped where they were read. */
export function reportText(report: Report, guides: readonly BrowserGuide[]): string {
  return `${lines(report, guides).join('\n')}\n`;
}

function lines(report: Report, guides: readonly BrowserGuide[]): string[] {
  if (report.outcome === 'refused') {
    const { title, summary, user, admin, browser, technical } = report.explanation;
    return [
      `${title}.`,
      summary,
      '',
      'What you can do:',
      ...user.map((step) => `- ${step}`),
      '',
      'What the administrator can do:',
      ...admin.map((step) => `- ${step}`),
      ...(browser
        ? guides.flatMap(({ name, steps }) => ['', `${name}:`, ...steps.map((step) => `- ${step}`)])
        : []),
      '',
      'The error itself:',
      ...technical.map(([label, value]) => `  ${label}: ${value}`),
    ];
  }
  return [
    `Hello ${report.principal}`,
    ...report.sections.flatMap(({ title, rows }) => [
      '',
      title,
      ...rows.flatMap(({ label, values }) =>
        values.map((value) => `  ${label}: ${typeof value === 'string' ? value : value.time}`),
      ),
    ]),
  ];
}
