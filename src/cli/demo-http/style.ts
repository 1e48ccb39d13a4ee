/** The style sheet and the icon of the pages. */

/** Light and dark by the reader's setting; one column on a phone. Text has a contrast of 7:1 or more. */
export const STYLE = `:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b1f24; --quiet: #4a5159; --line: #cfd5dc;
  --link: #0b4fa8; --button: #0b4fa8; --on-button: #ffffff;
  --good: #0a5c36; --good-back: #e3f4ea; --bad: #8f1d14; --bad-back: #fdeae7; --code: #eceff3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --card: #1d2126; --text: #e8eaed; --quiet: #b4bbc4; --line: #444c56;
    --link: #9cc4ff; --button: #9cc4ff; --on-button: #0c1a2e;
    --good: #8fe0b4; --good-back: #12301f; --bad: #ffb4a8; --bad-back: #3a1714; --code: #2a3037;
  }
}
* { box-sizing: border-box; }
html { font: 100%/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
body { margin: 0; background: var(--page); color: var(--text); }
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 1rem 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; align-items: center; }
header .site { font-weight: 700; margin-right: auto; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; margin: 0; padding: 0; }
a { color: var(--link); text-underline-offset: 0.15em; }
nav a { display: inline-block; padding: 0.4rem 0; }
nav a[aria-current] { font-weight: 700; text-decoration-thickness: 0.15em; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0.5rem 0 0.75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 0.5rem; }
h3 { font-size: 1rem; margin: 1rem 0 0.25rem; }
p, ul, ol { max-width: 44rem; margin: 0.5rem 0; }
main li + li { margin-top: 0.35rem; }
section, .banner { background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem; padding: 1rem 1.25rem; margin: 1rem 0; }
.banner { border-left-width: 0.4rem; }
.banner p { margin: 0.25rem 0; }
.good { border-color: var(--good); background: var(--good-back); }
.good strong { color: var(--good); }
.bad { border-color: var(--bad); background: var(--bad-back); }
.bad strong { color: var(--bad); }
.quiet { color: var(--quiet); }
footer p { max-width: none; }
dl { display: grid; grid-template-columns: minmax(9rem, 14rem) 1fr; gap: 0.4rem 1.25rem; margin: 0.5rem 0 0; }
dt { color: var(--quiet); grid-column: 1; }
dd { margin: 0; grid-column: 2; overflow-wrap: anywhere; }
code { font: 0.9em ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--code); border-radius: 0.25rem; padding: 0.1em 0.3em; overflow-wrap: anywhere; }
code.whole { white-space: nowrap; }
dd code, .wire code { background: none; padding: 0; }
details { border-top: 1px solid var(--line); padding: 0.5rem 0; }
details:last-of-type { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: 0.35rem 0; font-weight: 600; }
.tries { display: flex; flex-wrap: wrap; gap: 0.6rem; list-style: none; padding: 0; max-width: none; }
main .tries li { margin: 0; }
button, .button { display: inline-block; font: inherit; font-weight: 600; color: var(--button); background: var(--card); border: 2px solid var(--button); border-radius: 0.4rem; padding: 0.5rem 0.9rem; min-height: 2.75rem; text-decoration: none; cursor: pointer; }
.main, button[aria-current] { color: var(--on-button); background: var(--button); }
button:hover, .button:hover { text-decoration: underline; }
.actions { display: flex; flex-wrap: wrap; gap: 0.6rem; margin: 0.75rem 0; }
.actions form { margin: 0; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: 1rem; top: -4rem; background: var(--card); padding: 0.5rem 1rem; }
.skip:focus { top: 0.5rem; }
@media (max-width: 40rem) {
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { grid-column: 1; }
  dd:has(+ dt), dd:last-child { margin-bottom: 0.6rem; }
  h1 { font-size: 1.5rem; }
  .tries, .tries li, .tries button { width: 100%; }
}
@media (forced-colors: active) {
  .banner { border-left-width: 0.4rem; }
}
@media print {
  nav, .actions, .skip { display: none; }
}
`;

/** A key in the colour of the links. */
export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#0b4fa8"/><g fill="none" stroke="#fff" stroke-width="3"><circle cx="11" cy="16" r="5"/><path d="M16 16h11M22 16v5M27 16v4"/></g></svg>';
