/**
 * krb5.conf as a tree: sections, subsections and relations, read as MIT krb5's profile library
 * reads them. What the settings mean is `settings.ts`'s business.
 */
import { KerberosError } from '../errors.ts';

/** A text and where it came from, for messages. */
export interface ProfileSource {
  readonly name: string;
  readonly text: string;
}

/**
 * Reads what an `include` or `includedir` line names. The core reads no files: who calls
 * {@link parseProfile} says what an inclusion is.
 *
 * @returns The file, or the directory's files in order. It may throw to refuse.
 */
export type IncludeReader = (
  directive: 'include' | 'includedir',
  path: string,
) => readonly ProfileSource[];

/** A relation's value. `final` (`tag* = value`): files that come later add nothing to it. */
export interface ProfileValue {
  readonly value: string;
  readonly final: boolean;
}

/** A section or subsection; names are case-sensitive. */
export interface ProfileSection {
  readonly final: boolean;
  readonly relations: ReadonlyMap<string, readonly ProfileValue[]>;
  readonly sections: ReadonlyMap<string, ProfileSection>;
}

/** One or several configuration files, searched in their order. */
export class Profile {
  /** @internal */
  readonly files: readonly ProfileSection[];

  /** @internal */
  constructor(files: readonly ProfileSection[]) {
    this.files = files;
  }

  /** All values at a path, `values('realms', 'R', 'auth_to_local')`: file by file, in order. */
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

  /** The section of each file that has it; `final` if one on the way to it is marked so. */
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
 * Parses one configuration file with all that it includes.
 *
 * @param source - The text, or the text and its name.
 * @param include - Without it an `include` or `includedir` line is an error.
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT`, naming file and line, if the text is
 *   malformed or too much (16 million characters, 4096 inclusions, 10 deep, 32 nested braces).
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

  /** The subsection of that name, made if there is none: sections of one name are merged. */
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
    // Nothing follows a final one, so that the last tells for all.
    else if (!values.at(-1)!.final) values.push(value);
  }
}

/** The state of one file; an included file has its own, and shares the root. */
class FileParser {
  readonly #root: SectionNode;
  readonly #include: IncludeReader;
  readonly #used: { characters: number; inclusions: number };
  /** From the top-level section down; empty before the first. */
  #path: SectionNode[] = [];
  /** How deep we are in braces below the top-level section, discarded ones included. */
  #level = 0;
  /** The level from which on values are dropped: a section of that name was final before. */
  #discardFrom = Number.POSITIVE_INFINITY;
  #wantsBrace = false;
  #where = '';

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
    let number = 0;
    // What ends the last line begins none.
    for (const line of source.text.replace(/\n$/, '').split('\n')) {
      number++;
      this.#where = `${source.name} line ${number}`;
      const inclusion = INCLUDE_LINE.exec(line);
      if (inclusion !== null) {
        this.#includeAll(inclusion[1] as 'include' | 'includedir', trim(inclusion[2]!), depth);
      } else {
        this.#line(line);
      }
    }
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

  #line(line: string): void {
    if (this.#path.length === 0 && !line.startsWith('[')) {
      if (/^module[ \t-\r]/.test(line))
        throw badFormat(this.#where, 'asks for a module to be loaded');
      // MIT krb5: whatever stands before the first section is a comment.
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
    if (this.#level > 0) throw badFormat(this.#where, 'starts a section inside braces');
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
    // A subsection that was final before was entered, and is left here; those inside were not.
    if (this.#level <= this.#discardFrom) this.#path.pop();
    this.#level--;
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
    if (++this.#level > MAX_LEVEL) throw badFormat(this.#where, 'nests braces too deep');
    if (this.#discarding) return;
    const section = this.#current.open(name);
    this.#path.push(section);
    if (section.final) this.#discardFrom = this.#level;
    if (final) section.final = true;
  }

  get #current(): SectionNode {
    return this.#path.at(-1)!;
  }

  get #discarding(): boolean {
    return this.#level >= this.#discardFrom;
  }
}

// A value in quotes ends at the next quote; \n, \t and \b are control characters.
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
  // An expression that ends in blanks would look for its end from each of many blanks.
  while (end > start && BLANKS.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}

function refuseInclude(directive: string): never {
  throw badFormat(`${directive} line`, 'cannot be followed: nobody reads files here');
}

function badFormat(where: string, problem: string): KerberosError {
  return new KerberosError('KRB5_CONFIG_BADFORMAT', `${where} ${problem}`);
}

// isspace() of the C locale: a no-break space is as any letter.
const BLANKS_BEFORE = /^[ \t-\r]+/;
const BLANKS = ' \t\n\v\f\r';
// Only at the start of a line, and in any state: MIT krb5, prof_parse.c.
const INCLUDE_LINE = /^(include|includedir)[ \t-\r]+(.*)$/;
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b' };
// The operator's own files; a map of all users of a site may be large.
const MAX_CHARACTERS = 16_000_000;
const MAX_INCLUSIONS = 4096;
const MAX_DEPTH = 10;
const MAX_LEVEL = 32;
