/** The page: takes text and files, and shows what the inspector makes of them. Nothing leaves it. */
import { explain, KerberosError } from '../../errors.ts';
import { formatTime, systemClock } from '../../time.ts';
import { formatInspection } from '../format-text.ts';
import type { Inspection } from '../inspect.ts';
import { inspect } from '../inspect.ts';
import type { Item } from '../item.ts';
import { walk } from '../item.ts';
import type { Verdict } from '../verdict.ts';
import { byId, make, makeList } from './dom.ts';
import { Tree } from './tree.ts';

interface File {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const text = byId<HTMLTextAreaElement>('input');
const fileChooser = byId<HTMLInputElement>('file');
const keytabChooser = byId<HTMLInputElement>('keytab');
const time = byId<HTMLInputElement>('time');
const tree = new Tree(byId('tree'));
let file: File | undefined;
let keytab: File | undefined;
let shown: { readonly inspection: Inspection; readonly at: string } | undefined;
// What was begun before the last click on Clear is dropped, and of several runs the last one is shown.
let clearings = 0;
let runs = 0;

byId('form').addEventListener('submit', (event) => {
  event.preventDefault();
  void run();
});
byId('clear').addEventListener('click', clear);
text.addEventListener('paste', () => queueMicrotask(() => requestAnimationFrame(() => void run())));
text.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void run();
});
fileChooser.addEventListener('change', () => void choose(fileChooser, useFile));
keytabChooser.addEventListener('change', () => void choose(keytabChooser, useKeytab));
for (const id of ['secrets', 'weak', 'service', 'time']) {
  byId(id).addEventListener('change', () => {
    if (shown !== undefined) void run();
  });
}
byId('expand').addEventListener('click', () => tree.setAll(true));
byId('collapse').addEventListener('click', () => tree.setAll(false));
byId('copy-text').addEventListener('click', () => {
  if (shown !== undefined) void copy(formatInspection(shown.inspection, shown.at), 'Text');
});
byId('copy-json').addEventListener('click', () => {
  if (shown !== undefined) void copy(JSON.stringify(shown.inspection, null, 2), 'JSON');
});
for (const type of ['dragenter', 'dragover', 'dragleave', 'drop'] as const) {
  document.addEventListener(type, onDrag);
}

async function run(): Promise<void> {
  const input = file?.bytes ?? text.value;
  if (input.length === 0) {
    say('There is nothing to inspect: paste a token or choose a file.', true);
    return;
  }
  const now = timeOfVerdict();
  if (now === undefined) return;
  const service = byId<HTMLInputElement>('service').value.trim();
  say('Reading...');
  const own = ++runs;
  try {
    const inspection = await inspect(input, {
      now,
      secrets: byId<HTMLInputElement>('secrets').checked,
      weak: byId<HTMLInputElement>('weak').checked,
      ...(keytab !== undefined && { keytab: keytab.bytes }),
      ...(service !== '' && { service }),
    });
    if (own === runs) show(inspection, formatTime(Math.floor(now / 1000)));
  } catch (error) {
    if (!(error instanceof KerberosError)) {
      say('The page itself has failed: nothing was inspected.', true);
      throw error;
    }
    const { text: what, remedies } = await explain(error);
    if (own !== runs) return;
    say(`The keytab cannot be read: ${[what, ...remedies.slice(0, 1)].join('; ')}`, true);
  }
}

/** @returns Undefined for a text that is no time, which is then marked. */
function timeOfVerdict(): number | undefined {
  const written = time.value.trim();
  const value =
    written === '' ? systemClock() : ISO_TIME.test(written) ? Date.parse(written) : Number.NaN;
  const isWrong = Number.isNaN(value);
  time.setAttribute('aria-invalid', `${isWrong}`);
  byId('time-note').classList.toggle('wrong', isWrong);
  if (!isWrong) return value;
  say('The time of the verdict must be written as 2026-11-23T17:38:00Z.', true);
  time.focus();
  return undefined;
}

function show(inspection: Inspection, at: string): void {
  shown = { inspection, at };
  const { items, verdict } = inspection;
  tree.show(items);
  showVerdict(verdict, at);
  let count = 0;
  const problems: (readonly [Item, string])[] = [];
  for (const item of items) {
    walk(item, (each) => {
      count++;
      for (const problem of each.problems ?? []) problems.push([each, problem]);
    });
  }
  showProblems(problems);
  byId('results').hidden = false;
  const faults = problems.length === 0 ? 'no problems' : `${problems.length} problems`;
  say(`${count} items, ${faults}. ${verdict?.text ?? 'There is nothing to judge.'}`);
}

function showVerdict(verdict: Verdict | undefined, at: string): void {
  const section = byId('verdict');
  section.hidden = verdict === undefined;
  section.className = verdict?.outcome ?? '';
  byId('verdict-title').textContent = `Verdict as of ${at}`;
  const parts = verdict === undefined ? [] : verdictParts(verdict);
  byId('verdict-text').replaceChildren(...parts);
}

function verdictParts(verdict: Verdict): HTMLElement[] {
  const { text: said, status, reason, remedies, facts, whenMade } = verdict;
  const parts = [
    make('p', 'said', status === undefined ? said : `${said} (HTTP status ${status})`),
  ];
  if (remedies.length > 0) {
    parts.push(make('h3', '', 'What to do'), makeList('ol', 'remedies', remedies));
  }
  const all = reason === undefined ? facts : [`reason: ${reason}`, ...facts];
  if (all.length > 0) parts.push(make('h3', '', 'Facts'), makeList('ul', 'facts', all));
  if (whenMade !== undefined) {
    parts.push(make('h3', '', `At ${whenMade.at}, when the token was made`));
    parts.push(...verdictParts(whenMade));
  }
  return parts;
}

function showProblems(problems: readonly (readonly [Item, string])[]): void {
  byId('problems').hidden = problems.length === 0;
  byId('problems-title').textContent = `Problems: ${problems.length}`;
  const entries = problems.slice(0, MAX_PROBLEMS).map(([item, problem]) => {
    const button = make('button') as HTMLButtonElement;
    button.type = 'button';
    button.append(make('b', '', item.label), ` ${problem}`);
    button.addEventListener('click', () => tree.reveal(item));
    const entry = make('li');
    entry.append(button);
    return entry;
  });
  byId('problem-list').replaceChildren(...entries);
}

function say(message: string, isWrong = false): void {
  const status = byId('status');
  status.classList.toggle('wrong', isWrong);
  status.textContent = message;
}

function clear(): void {
  clearings++;
  runs++;
  text.value = fileChooser.value = keytabChooser.value = '';
  for (const chosen of [file, keytab]) chosen?.bytes.fill(0);
  useFile(undefined);
  useKeytab(undefined);
  shown = undefined;
  byId('results').hidden = true;
  tree.show([]);
  showVerdict(undefined, '');
  showProblems([]);
  say('Cleared.');
  text.focus();
}

function useFile(chosen: File | undefined): void {
  file = chosen;
  text.disabled = chosen !== undefined;
  byId('file-note').textContent =
    chosen === undefined
      ? 'A token, ticket, keytab or credential cache'
      : `${chosen.name}, ${chosen.bytes.length} bytes, is inspected instead of the text`;
}

function useKeytab(chosen: File | undefined): void {
  keytab = chosen;
  byId('keytab-note').textContent =
    chosen === undefined
      ? 'Optional: opens the ticket. It is read here and sent nowhere'
      : `${chosen.name}, ${chosen.bytes.length} bytes`;
}

async function choose(
  { files }: HTMLInputElement,
  use: (chosen: File | undefined) => void,
): Promise<void> {
  const [chosen] = files ?? [];
  if (!(await read(chosen, use))) return;
  if (file !== undefined || text.value !== '') await run();
}

/** @returns False if the file cannot be read, or everything was cleared meanwhile. */
async function read(
  chosen: Blob | undefined,
  use: (chosen: File | undefined) => void,
): Promise<boolean> {
  if (chosen === undefined) {
    use(undefined);
    return true;
  }
  if (chosen.size > MAX_FILE) {
    say(`The file has ${chosen.size} bytes; at most ${MAX_FILE} are read.`, true);
    return false;
  }
  try {
    const before = clearings;
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    if (before !== clearings) return false;
    use({ name: 'name' in chosen ? `${chosen.name}` : 'file', bytes });
    return true;
  } catch {
    say('The file cannot be read.', true);
    return false;
  }
}

function onDrag(event: DragEvent): void {
  event.preventDefault();
  const isOver = event.type === 'dragenter' || event.type === 'dragover';
  document.body.classList.toggle('dropping', isOver);
  if (event.type === 'drop') void onDrop(event.dataTransfer);
}

/** A keytab that is dropped beside a token belongs to it; anything else is what to inspect. */
async function onDrop(dropped: DataTransfer | null): Promise<void> {
  const written = dropped?.getData('text/plain') ?? '';
  for (const each of dropped?.files ?? []) {
    await read(each, (chosen) => {
      const [first, second = 0] = chosen?.bytes ?? [];
      const isKeytab = first === 5 && (second === 1 || second === 2);
      if (isKeytab && (file !== undefined || text.value !== '')) useKeytab(chosen);
      else useFile(chosen);
    });
  }
  if (written !== '' && (dropped?.files.length ?? 0) === 0) {
    useFile(undefined);
    text.value = written;
  }
  await run();
}

async function copy(content: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(content);
  } catch {
    // Not every browser gives a file the clipboard.
    const area = document.createElement('textarea');
    area.value = content;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  say(`${what} copied.`);
}

const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;
const MAX_FILE = 16_777_216;
const MAX_PROBLEMS = 100;
