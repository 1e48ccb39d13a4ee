/** Small helpers for the document. Text becomes part of it only as text, never as markup. */

/** The element of an id, which the page has. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** A new element with a class and a text. */
export function make(tag: string, className = '', text = ''): HTMLElement {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== '') element.textContent = text;
  return element;
}

/** A list, one element for each text. */
export function makeList(
  tag: 'ul' | 'ol',
  className: string,
  texts: readonly string[],
): HTMLElement {
  const list = make(tag, className);
  list.append(...texts.map((text) => make('li', '', text)));
  return list;
}
