import { describe, expect, it } from 'vitest';
import { html, prose } from '../../../src/cli/demo-http/html.ts';

const HOSTILE = `<script>alert("1" & '2')</script>`;
const ESCAPED = '&#60;script&#62;alert(&#34;1&#34; &#38; &#39;2&#39;)&#60;/script&#62;';

describe('html', () => {
  it('escapes every text, in markup, in attributes and in lists', () => {
    expect(html`<p title="${HOSTILE}">${HOSTILE}</p>`.text).toBe(
      `<p title="${ESCAPED}">${ESCAPED}</p>`,
    );
    expect(html`${[HOSTILE, [HOSTILE]]}`.text).toBe(ESCAPED + ESCAPED);
  });

  it('takes markup of its own as it is, and nothing for undefined and false', () => {
    expect(html`<b>${html`<i>${1}</i>`}${undefined}${false}</b>`.text).toBe('<b><i>1</i></b>');
  });

  it('does not take objects of another kind for markup', () => {
    const forged = { text: HOSTILE } as never;
    expect(() => html`${forged}`).toThrow(TypeError);
  });

  it('marks code in prose, and escapes it too', () => {
    expect(prose('Run `a<b`, then `c`.').text).toBe(
      'Run <code class="whole">a&#60;b</code>, then <code class="whole">c</code>.',
    );
    expect(prose(`\`${'x'.repeat(25)}\``).text).toBe(`<code>${'x'.repeat(25)}</code>`);
  });
});
