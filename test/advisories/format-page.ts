/** `docs/advisories.md` as the records have it. */
import type { Absence, Advisories, Advisory } from './advisory.ts';
import { testTitle } from './advisory.ts';

interface Row extends Advisory {
  /** Name of the test file. */
  readonly file: string;
}

/**
 * The page, in Markdown.
 *
 * @param records - By the names of their test files.
 */
export function formatPage(
  records: Readonly<Record<string, Advisories>>,
  absent: readonly Absence[],
): string {
  const rows = Object.entries(records).flatMap(([name, advisories]) =>
    Object.values(advisories).map((advisory) => ({ ...advisory, file: `${name}.test.ts` })),
  );
  const isCve = ({ ids }: Absence): boolean => ids[0].startsWith('CVE-');
  return [
    HEAD,
    '## With a CVE number\n',
    table(rows.filter(isCve)),
    '## Without one\n',
    table(rows.filter((row) => !isCve(row))),
    '## No such code\n',
    [
      '| Advisory | Who had it | Class of flaw | Here |',
      '|---|---|---|---|',
      ...sorted(absent).map((row) => line([...commonCells(row)])),
      '',
    ].join('\n'),
  ].join('\n');
}

function table(rows: readonly Row[]): string {
  const lines = sorted(rows).map((row) => line([...commonCells(row), testCell(row)]));
  return [
    '| Advisory | Who had it | Class of flaw | What happens here | Test |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

function commonCells({ ids, peer, flaw, here }: Absence): string[] {
  return [ids.join('<br>'), peer, flaw, here];
}

function testCell(row: Row): string {
  return `[${testTitle(row).slice(row.ids.join(', ').length + 2)}](../test/advisories/${row.file})`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** By the first id; the numbers in it count as numbers. */
function sorted<T extends Absence>(rows: readonly T[]): readonly T[] {
  const collator = new Intl.Collator('en', { numeric: true });
  return [...rows].sort((a, b) => collator.compare(a.ids[0], b.ids[0]));
}

const HEAD = `<!-- Written by \`npm run docs:advisories\` from test/advisories/records. Do not edit. -->

# Published flaws of other implementations

Each class of flaw that was published for a Kerberos or GSS-API acceptor, what this package does
instead, and the test that tries it (\`npx vitest run --project unit test/advisories\`). That a test is
here does not mean that the package ever had the flaw.
`;
