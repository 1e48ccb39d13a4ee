/**
 * Parses krb5.conf into a tree of sections, subsections and relations, as MIT krb5's profile library
 * does. `settings.ts` interprets the values.
 */
import { KerberosError } from '../errors.ts';

/** The text of one file. */
export interface ProfileSource {
  /** For error messages, usually the path. */
  readonly name: string;
  /** The contents of the file. */
  readonly text: string;
}

/**
 * Reads the file or directory that an `include` or `includedir` line names. The core itself reads no
 * files.
 *
 * @returns The file, or the files of the directory in order.
 * @throws anything, to refuse the inclusion; {@link parseProfile} passes it on.
 */
export type IncludeReader = (
  directive: 'include' | 'includedir',
  path: string,
) => readonly ProfileSource[];

/** A fault of a configuration that does not prevent its use. Plain data. */
export interface ConfigProblem {
  /**
   * - `config.missing`: a file that was named does not exist.
   * - `config.unreadable`: this process may not read a file, whose settings are not used.
   * - `config.syntax`: the text is not what its writer meant: a brace that is never closed, UTF-16.
   * - `config.unknown-setting`: a name that nothing reads, and that resembles a known one.
   * - `config.bad-value`: a value that is ignored, or that MIT krb5 reads otherwise.
   */
  readonly reason:
    | 'config.missing'
    | 'config.unreadable'
    | 'config.syntax'
    | 'config.unknown-setting'
    | 'config.bad-value';
  /** One sentence without a full stop: which file or setting, and what is wrong with it. */
  readonly text: string;
  /** What the operator can do, the likeliest first. */
  readonly remedies: readonly string[];
}

/** One value of a relation. */
export interface ProfileValue {
  /** Without blanks around it and without its quotes. */
  readonly value: string;
  /** `tag* = value`: later values of this relation are ignored. */
  readonly final: boolean;
}

/** A section or subsection. Names are case-sensitive. */
export interface ProfileSection {
  /** `[section]*` or `}*`: later occurrences of this section are ignored. */
  readonly final: boolean;
  /** Name → its values, at least one, in order. */
  readonly relations: ReadonlyMap<string, readonly ProfileValue[]>;
  /** Name → subsection. */
  readonly sections: ReadonlyMap<string, ProfileSection>;
  /** Of a whole file: its faults and those of the files that it includes. */
  readonly problems?: readonly ConfigProblem[];
}

/** One or more configuration files, searched in order. */
export class Profile {
  /** @internal */
  readonly files: readonly ProfileSection[];
  /** The faults of the files, and those of files that could not be read. */
  readonly problems: readonly ConfigProblem[];

  /** @internal */
  constructor(files: readonly ProfileSection[], problems: readonly ConfigProblem[] = []) {
    this.files = files;
    this.problems = [...problems, ...files.flatMap((file) => file.problems ?? [])];
  }

  /** All values at a path, in order, as in `values('realms', 'R', 'auth_to_local')`. */
  values(...path: readonly [string, string, ...string[]]): string[] {
    const found: string[] = [];
    const name = path.at(-1)!;
    for (const { section, final } of this.#find(path.slice(0, -1))) {
      const values = section.relations.get(name) ?? [];
      for (const { value } of values) found.push(value);
      if (final || values.some((entry) => entry.final)) break;
    }
    return found;
  }

  /** The first value at a path. */
  value(...path: readonly [string, string, ...string[]]): string | undefined {
    return this.values(...path)[0];
  }

  /** The names of the sections, each once. */
  topLevelNames(): string[] {
    return this.#names([], (section) => section.sections);
  }

  /** The names of the relations in a section, each once. */
  relationNames(...path: readonly [string, ...string[]]): string[] {
    return this.#names(path, (section) => section.relations);
  }

  /** The names of the subsections of a section, each once. */
  sectionNames(...path: readonly [string, ...string[]]): string[] {
    return this.#names(path, (section) => section.sections);
  }

  #names(
    path: readonly string[],
    members: (section: ProfileSection) => ReadonlyMap<string, unknown>,
  ): string[] {
    const names = new Set<string>();
    for (const { section, final } of this.#find(path)) {
      for (const name of members(section).keys()) names.add(name);
      if (final) break;
    }
    return [...names];
  }

  /** The section of each file that has it; `final` if a section on the path to it is. */
  *#find(path: readonly string[]): Iterable<{ section: ProfileSection; final: boolean }> {
    for (const file of this.files) {
      let section: ProfileSection | undefined = file;
      let final = false;
      for (const name of path) {
        section = section.sections.get(name);
        if (section === undefined) break;
        final ||= section.final;
      }
      if (section !== undefined) yield { section, final };
    }
  }
}

/**
 * Parses one configuration file together with everything that it includes.
 *
 * @param source - The text, or the text and its name.
 * @param include - If absent, an `include` or `includedir` line is an error.
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT`, naming file and line, if the text is
 *   malformed or exceeds a limit: 16 million characters and 4096 inclusions in all, inclusions 10
 *   deep, braces 32 deep.
 */
export function parseProfile(
  source: string | ProfileSource,
  include: IncludeReader = refuseInclude,
): ProfileSection {
  const root = new SectionNode();
  const parser = new FileParser(root, include, { characters: 0, inclusions: 0 });
  parser.parse(typeof source === 'string' ? { name: 'krb5.conf', text: source } : source, 0);
  return root;
}

class SectionNode implements ProfileSection {
  final = false;
  readonly relations: Map<string, ProfileValue[]> = new Map();
  readonly sections: Map<string, SectionNode> = new Map();
  readonly problems: ConfigProblem[] = [];

  /** The subsection of that name, created if needed: sections of the same name are merged. */
  open(name: string): SectionNode {
    let section = this.sections.get(name);
    if (section === undefined) {
      section = new SectionNode();
      this.sections.set(name, section);
    }
    return section;
  }

  add(name: string, value: ProfileValue): void {
    const values = this.relations.get(name);
    if (values === undefined) this.relations.set(name, [value]);
    // Nothing is added after a final value, so it is enough to look at the last one.
    else if (!values.at(-1)!.final) values.push(value);
  }
}

/** The parser's state for one file. An included file has its own state and shares the root. */
class FileParser {
  readonly #root: SectionNode;
  readonly #include: IncludeReader;
  readonly #used: { characters: number; inclusions: number };
  /** The open sections, from the top-level one down; empty before the first header. */
  #path: SectionNode[] = [];
  /** The line of each open brace, those of discarded subsections included. */
  readonly #braces: number[] = [];
  /** From this depth on values are discarded, because an earlier section of that name was final. */
  #discardFrom = Number.POSITIVE_INFINITY;
  #wantsBrace = false;
  #line = 0;
  #name = '';

  constructor(
    root: SectionNode,
    include: IncludeReader,
    used: { characters: number; inclusions: number },
  ) {
    this.#root = root;
    this.#include = include;
    this.#used = used;
  }

  parse(source: ProfileSource, depth: number): void {
    this.#used.characters += source.text.length;
    if (this.#used.characters > MAX_CHARACTERS) throw badFormat(source.name, 'is too long');
    this.#name = source.name;
    if (source.text.includes('\0')) this.#report('is not text in UTF-8 or ASCII', SAVE_AS_UTF8);
    // A newline at the end of the text does not begin another line.
    for (const line of source.text.replace(/\n$/, '').split('\n')) {
      this.#line++;
      const inclusion = INCLUDE_LINE.exec(line);
      if (inclusion !== null) {
        this.#includeAll(inclusion[1] as 'include' | 'includedir', trim(inclusion[2]!), depth);
      } else {
        this.#read(line);
      }
    }
    // MIT krb5 says nothing about it, and about text without a section.
    if (this.#braces.length > 0) {
      this.#report(
        `line ${this.#braces.at(-1)} opens a brace that is never closed`,
        'write a line with } where the subsection ends',
      );
    } else if (this.#path.length === 0 && SETTING.test(source.text)) {
      this.#report('has no section, so nothing in it is used', 'begin it with [libdefaults]');
    }
  }

  #report(problem: string, remedy: string): void {
    const text = `${this.#name} ${problem}`;
    this.#root.problems.push({ reason: 'config.syntax', text, remedies: [remedy] });
  }

  get #where(): string {
    return `${this.#name} line ${this.#line}`;
  }

  #includeAll(directive: 'include' | 'includedir', path: string, depth: number): void {
    if (depth === MAX_DEPTH) throw badFormat(this.#where, 'includes too deep');
    for (const source of this.#include(directive, path)) {
      if (++this.#used.inclusions > MAX_INCLUSIONS) {
        throw badFormat(this.#where, 'includes too many files');
      }
      new FileParser(this.#root, this.#include, this.#used).parse(source, depth + 1);
    }
  }

  #read(line: string): void {
    if (this.#path.length === 0 && !line.startsWith('[')) {
      if (/^module[ \t-\r]/.test(line)) {
        throw badFormat(this.#where, 'asks for a module to be loaded');
      }
      // MIT krb5: everything before the first section is a comment.
      return;
    }
    const text = line.replace(BLANKS_BEFORE, '');
    if (this.#wantsBrace) {
      if (!text.startsWith('{')) throw badFormat(this.#where, 'should be an opening brace');
      this.#wantsBrace = false;
    } else if (text.startsWith('[')) {
      this.#openSection(text);
    } else if (text.startsWith('}')) {
      this.#closeSubsection(text);
    } else if (text !== '' && !text.startsWith('#') && !text.startsWith(';')) {
      this.#relation(text);
    }
  }

  #openSection(text: string): void {
    if (this.#level > 0) {
      const opened = this.#braces.at(-1);
      throw badFormat(this.#where, `starts a section inside braces (opened in line ${opened})`);
    }
    const header = /^\[([^\]]*)\](\*?)[ \t-\r]*$/.exec(text);
    if (header === null) throw badFormat(this.#where, 'is not a section header');
    const section = this.#root.open(header[1]!);
    this.#path = [section];
    this.#discardFrom = section.final ? 0 : Number.POSITIVE_INFINITY;
    if (header[2] === '*') section.final = true;
  }

  #closeSubsection(text: string): void {
    if (this.#level === 0) throw badFormat(this.#where, 'has a brace that closes nothing');
    if (text.startsWith('}*') && !this.#discarding) this.#current.final = true;
    // The subsection that was final is itself on the path; those inside it are not.
    if (this.#level <= this.#discardFrom) this.#path.pop();
    this.#braces.pop();
    if (this.#level < this.#discardFrom) this.#discardFrom = Number.POSITIVE_INFINITY;
  }

  #relation(text: string): void {
    const equals = text.indexOf('=');
    const tag = /^([^ \t-\r*]*)(?:(\*)[^ \t-\r]*)?[ \t-\r]*$/.exec(
      text.slice(0, Math.max(equals, 0)),
    );
    if (equals <= 0 || tag === null) {
      throw badFormat(this.#where, 'is not of the form "name = value"');
    }
    const name = tag[1]!;
    const final = tag[2] === '*';
    const value = trim(text.slice(equals + 1));
    if (value === '' || value === '{') {
      this.#wantsBrace = value === '';
      this.#openSubsection(name, final);
    } else if (!this.#discarding) {
      this.#current.add(name, { value: value.startsWith('"') ? unquote(value) : value, final });
    }
  }

  #openSubsection(name: string, final: boolean): void {
    this.#braces.push(this.#line);
    if (this.#level > MAX_LEVEL) throw badFormat(this.#where, 'nests braces too deep');
    if (this.#discarding) return;
    const section = this.#current.open(name);
    this.#path.push(section);
    if (section.final) this.#discardFrom = this.#level;
    if (final) section.final = true;
  }

  get #current(): SectionNode {
    return this.#path.at(-1)!;
  }

  /** Depth of open braces. */
  get #level(): number {
    return this.#braces.length;
  }

  get #discarding(): boolean {
    return this.#level >= this.#discardFrom;
  }
}

// A quoted value ends at the next quote that no backslash precedes; \n, \t, \b are control characters.
function unquote(value: string): string {
  let text = '';
  for (let i = 1; i < value.length && value[i] !== '"'; i++) {
    if (value[i] === '\\' && i + 1 < value.length) {
      i++;
      text += CONTROLS[value[i]!] ?? value[i]!;
    } else {
      text += value[i]!;
    }
  }
  return text;
}

function trim(text: string): string {
  const start = text.length - text.replace(BLANKS_BEFORE, '').length;
  let end = text.length;
  // A loop: a regular expression for trailing blanks takes quadratic time on a long run of them.
  while (end > start && BLANKS.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}

function refuseInclude(directive: string): never {
  throw badFormat(`${directive} line`, 'cannot be followed: no reader of files was given');
}

function badFormat(where: string, problem: string): KerberosError {
  return new KerberosError('KRB5_CONFIG_BADFORMAT', {
    reason: 'config.syntax',
    detail: { path: where.replace(/ line \d+$/, ''), problem: `${where} ${problem}` },
    message: `${where} ${problem}`,
  });
}

const SAVE_AS_UTF8 =
  'save it as UTF-8 (in PowerShell: Set-Content -Encoding utf8), or copy it as bytes';
// isspace() of the C locale: a no-break space is an ordinary character.
const BLANKS_BEFORE = /^[ \t-\r]+/;
const BLANKS = ' \t\n\v\f\r';
// MIT krb5, prof_parse.c: only at the start of a line, but in any state.
const INCLUDE_LINE = /^(include|includedir)[ \t-\r]+(.*)$/;
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b' };
// Stops at each end of a line that `^` knows: otherwise many empty lines take long.
const SETTING = /^[^#;\0\n\r\u2028\u2029]*=/m;
// These are the operator's own files; a map of all users of a site may be large.
const MAX_CHARACTERS = 16_000_000;
const MAX_INCLUSIONS = 4096;
const MAX_DEPTH = 10;
const MAX_LEVEL = 32;
