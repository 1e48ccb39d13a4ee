/** HTML as a template tag that escapes: text from tickets, requests and files is never markup. */

/** Markup that {@link html} made; no other text counts as markup. */
export class Html {
  readonly text: string;

  /** @internal */
  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What {@link html} takes between its parts; `undefined` and `false` are nothing. */
export type HtmlValue = Html | string | number | undefined | false | readonly HtmlValue[];

/** Markup from a template: values are escaped, unless they are markup themselves. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts.map((part, i) => part + render(values[i])).join(''));
}

/** A sentence in which `backticks` mark code. */
export function prose(sentence: string): Html {
  const pieces = sentence.split('`');
  return html`${pieces.map((piece, i) => (i % 2 === 1 ? literal(piece) : piece))}`;
}

/** Short code stays on one line: `kinit -r` would break after the hyphen. */
function literal(text: string): Html {
  const whole = text.length <= SHORT && html` class="whole"`;
  return html`<code${whole}>${text}</code>`;
}

function render(value: HtmlValue): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(render).join('');
  return escapeHtml(String(value));
}

// Attributes are always in double quotes here; the single quote is escaped for those that are not.
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

// Characters.
const SHORT = 24;
