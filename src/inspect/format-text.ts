/** An inspection as lines of text, for a terminal or a mail. */
import type { Inspection } from './inspect.ts';
import type { Item } from './item.ts';
import { walk } from './item.ts';
import type { Verdict } from './verdict.ts';

/** All lines, each with its line feed. @param at - The time of the verdict, as text. */
export function formatInspection({ items, verdict }: Inspection, at: string): string {
  const lines: string[] = [HEADING];
  for (const [i, item] of items.entries()) {
    if (items.length > 1) lines.push('', inputLine(item, i, items.length));
    lines.push(...treeLines(item));
  }
  const problems = items.flatMap(problemLines);
  if (problems.length > 0) lines.push('', 'Problems:', ...problems);
  if (verdict !== undefined) lines.push('', ...verdictLines(verdict, `Verdict as of ${at}`));
  return `${lines.join('\n')}\n`;
}

/** `-- 2 of 3: answer.token --`. */
function inputLine({ input }: Item, index: number, count: number): string {
  const name = input === undefined ? '' : `: ${input}`;
  return `-- ${index + 1} of ${count}${name} --`;
}

function treeLines(top: Item): string[] {
  const lines: string[] = [];
  walk(top, (item, depth) => {
    const indent = '  '.repeat(depth);
    const { space, problems = [] } = item;
    if (space !== undefined) lines.push(`${NO_PLACE}${indent}in ${space}:`);
    const [offset, length] = [
      `${item.offset ?? ''}`.padStart(7),
      `${item.length ?? ''}`.padStart(6),
    ];
    lines.push(`${offset} ${length}  ${indent}${itemText(item)}`);
    for (const problem of problems) lines.push(`${NO_PLACE}${indent}! ${problem}`);
  });
  return lines;
}

/** `etype: aes256-cts-hmac-sha1-96 (18)  [RFC 3961 §8]`. */
export function itemText({ label, value, clause }: Item): string {
  const said = value === undefined ? label : `${label}: ${value}`;
  return clause === undefined ? said : `${said}  [${clause}]`;
}

function problemLines(top: Item): string[] {
  const lines: string[] = [];
  walk(top, ({ label, offset, problems = [] }) => {
    const place = offset === undefined ? '' : ` (byte ${offset})`;
    for (const problem of problems) lines.push(`  ${label}${place}: ${problem}`);
  });
  return lines;
}

function verdictLines(verdict: Verdict, title: string): string[] {
  const { status, text, facts, reason, remedies, whenMade } = verdict;
  const lines = [
    status === undefined ? `${title}:` : `${title}, HTTP status ${status}:`,
    `  ${text}`,
  ];
  if (reason !== undefined) lines.push(`  reason: ${reason}`);
  lines.push(...facts.map((fact) => `  ${fact}`));
  if (remedies.length > 0) lines.push('  What to do:');
  lines.push(...remedies.map((remedy, i) => `    ${i + 1}. ${remedy}`));
  if (whenMade !== undefined) {
    lines.push('', ...verdictLines(whenMade, `As of ${whenMade.at}, when the token was made`));
  }
  return lines;
}

const HEADING = ' offset length';
const NO_PLACE = ' '.repeat(16);
