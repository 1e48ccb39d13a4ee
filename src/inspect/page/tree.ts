/**
 * The tree of an inspection, after the pattern of ARIA: one item is in the order of tabulation, and keys
 * move among the visible ones. Parts of an item are made when it is opened first.
 */
import type { Item } from '../item.ts';
import { walk } from '../item.ts';
import { make } from './dom.ts';

/** A tree in an element with the role `tree`. */
export class Tree {
  readonly #root: HTMLElement;
  readonly #items = new WeakMap<Element, Item>();
  #current: HTMLElement | undefined;
  #typed = '';
  #typedAt = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
    root.addEventListener('keydown', (event) => this.#onKey(event));
    root.addEventListener('click', (event) => this.#onClick(event));
    root.addEventListener('focusin', (event) => {
      const item = (event.target as Element).closest<HTMLElement>('[role=treeitem]');
      if (item !== null) this.#makeCurrent(item);
    });
  }

  /** Replaces the contents. Small trees are open but for long lists, of large ones the first levels. */
  show(items: readonly Item[]): void {
    this.#root.replaceChildren(...items.map((item, i) => this.#element(item, 1, i, items.length)));
    this.#current = undefined;
    const first = this.#root.querySelector<HTMLElement>('[role=treeitem]');
    if (first !== null) this.#makeCurrent(first);
    let count = 0;
    for (const item of items) walk(item, () => count++);
    this.setAll(true, count > LARGE ? 3 : Number.POSITIVE_INFINITY, LONG);
  }

  /** Opens or closes all items, down to a level; items with more than `most` parts stay as they are. */
  setAll(
    open: boolean,
    levels: number = Number.POSITIVE_INFINITY,
    most: number = Number.POSITIVE_INFINITY,
  ): void {
    let level = topItems(this.#root);
    for (let i = 0; i < levels && level.length > 0; i++) {
      const chosen = level.filter((element) => this.#sizeOf(element) <= most);
      for (const element of chosen) this.#set(element, open);
      level = open ? chosen.flatMap((element) => partsOf(element)) : [];
    }
    if (!open && this.#current !== undefined) {
      this.#makeCurrent(outermost(this.#current, this.#root));
    }
  }

  /** Opens the way to an item, and moves the focus to it. */
  reveal(item: Item): void {
    const path = pathTo(item, topItems(this.#root), (element) => this.#items.get(element));
    let element: HTMLElement | undefined;
    for (const step of path) {
      if (element !== undefined) this.#set(element, true);
      const level: HTMLElement[] = element === undefined ? topItems(this.#root) : partsOf(element);
      element = level.find((each) => this.#items.get(each) === step);
    }
    element?.focus();
    element?.scrollIntoView({ block: 'center' });
  }

  #element(item: Item, level: number, index: number, size: number): HTMLElement {
    const element = make('div');
    element.setAttribute('role', 'treeitem');
    element.setAttribute('aria-level', `${level}`);
    element.setAttribute('aria-posinset', `${index + 1}`);
    element.setAttribute('aria-setsize', `${size}`);
    element.tabIndex = -1;
    const row = rowOf(item);
    element.append(row);
    // The name of an item is its row, without its parts.
    row.id = `row-${nextId++}`;
    element.setAttribute('aria-labelledby', row.id);
    if (item.parts !== undefined && item.parts.length > 0) {
      element.setAttribute('aria-expanded', 'false');
    }
    this.#items.set(element, item);
    return element;
  }

  #set(element: HTMLElement, open: boolean): void {
    if (!element.hasAttribute('aria-expanded')) return;
    element.setAttribute('aria-expanded', `${open}`);
    let group = groupOf(element);
    if (group === null && open) {
      const parts = this.#items.get(element)?.parts ?? [];
      const level = Number(element.getAttribute('aria-level')) + 1;
      group = make('div');
      group.setAttribute('role', 'group');
      group.append(...parts.map((part, i) => this.#element(part, level, i, parts.length)));
      element.append(group);
    }
    if (group !== null) group.hidden = !open;
  }

  #sizeOf(element: HTMLElement): number {
    return this.#items.get(element)?.parts?.length ?? 0;
  }

  #makeCurrent(element: HTMLElement): void {
    if (this.#current !== undefined) this.#current.tabIndex = -1;
    element.tabIndex = 0;
    this.#current = element;
  }

  #onClick(event: MouseEvent): void {
    const row = (event.target as Element).closest('.row');
    const element = row?.parentElement;
    // Who selects text does not want to close it.
    if (element == null || `${getSelection() ?? ''}` !== '') return;
    this.#set(element, element.getAttribute('aria-expanded') === 'false');
    element.focus();
  }

  #onKey(event: KeyboardEvent): void {
    const element = this.#current;
    if (element === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    const next = this.#move(element, event.key);
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }

  /** @returns The item to go to, which may be the same; undefined for a key without a meaning. */
  #move(element: HTMLElement, key: string): HTMLElement | undefined {
    const visible = visibleItems(this.#root);
    const at = visible.indexOf(element);
    const state = element.getAttribute('aria-expanded');
    switch (key) {
      case 'ArrowDown':
        return visible[at + 1] ?? element;
      case 'ArrowUp':
        return visible[at - 1] ?? element;
      case 'Home':
        return visible[0];
      case 'End':
        return visible[visible.length - 1];
      case 'ArrowRight':
        if (state === 'true') return partsOf(element)[0] ?? element;
        this.#set(element, true);
        return element;
      case 'ArrowLeft':
        if (state !== 'true') return parentOf(element) ?? element;
        this.#set(element, false);
        return element;
      case 'Enter':
      case ' ':
        this.#set(element, state === 'false');
        return element;
      case '*':
        for (const sibling of siblingsOf(element)) this.#set(sibling, true);
        return element;
      default:
        return key.length === 1 ? this.#search(visible, at, key) : undefined;
    }
  }

  /** The next item whose label begins with the letters typed without a pause. */
  #search(visible: readonly HTMLElement[], at: number, key: string): HTMLElement {
    const now = performance.now();
    this.#typed = now - this.#typedAt > PAUSE ? key : this.#typed + key;
    this.#typedAt = now;
    const wanted = this.#typed.toLowerCase();
    // A single letter goes on to the next item, more letters may keep the one that is found.
    const first = wanted.length === 1 ? at + 1 : at;
    for (let i = 0; i < visible.length; i++) {
      const candidate = visible[(first + i) % visible.length]!;
      if (this.#items.get(candidate)?.label.toLowerCase().startsWith(wanted)) return candidate;
    }
    return visible[at]!;
  }
}

function rowOf(item: Item): HTMLElement {
  const { label, value, clause, offset, length, space, problems = [], secret } = item;
  const row = make('div', 'row');
  const twisty = make('span', 'twisty');
  twisty.setAttribute('aria-hidden', 'true');
  const what = make('span', 'what');
  what.append(make('span', 'label', value === undefined ? label : `${label}: `));
  if (value !== undefined) what.append(make('span', secret ? 'value secret' : 'value', value));
  if (clause !== undefined) what.append(' ', make('span', 'clause', clause));
  row.append(twisty, what);
  if (offset !== undefined && length !== undefined) {
    row.append(' ', make('span', 'place', `byte ${offset}, ${length} long`));
  }
  if (space !== undefined) row.append(' ', make('span', 'space', `in ${space}`));
  for (const problem of problems) row.append(' ', make('span', 'problem', `Problem: ${problem}`));
  return row;
}

function topItems(root: HTMLElement): HTMLElement[] {
  return [...root.children] as HTMLElement[];
}

function groupOf(element: HTMLElement): HTMLElement | null {
  const last = element.lastElementChild;
  return last?.getAttribute('role') === 'group' ? (last as HTMLElement) : null;
}

function partsOf(element: HTMLElement): HTMLElement[] {
  return [...(groupOf(element)?.children ?? [])] as HTMLElement[];
}

function siblingsOf(element: HTMLElement): HTMLElement[] {
  return [...(element.parentElement?.children ?? [])] as HTMLElement[];
}

function parentOf(element: HTMLElement): HTMLElement | undefined {
  const parent = element.parentElement?.closest<HTMLElement>('[role=treeitem]');
  return parent ?? undefined;
}

function outermost(element: HTMLElement, root: HTMLElement): HTMLElement {
  let at = element;
  while (at.parentElement !== root && at.parentElement !== null) at = parentOf(at) ?? root;
  return at;
}

function visibleItems(root: HTMLElement): HTMLElement[] {
  const items = [...root.querySelectorAll<HTMLElement>('[role=treeitem]')];
  return items.filter((element) => element.parentElement?.closest('[role=group][hidden]') == null);
}

function pathTo(
  wanted: Item,
  tops: readonly Element[],
  itemOf: (element: Element) => Item | undefined,
): readonly Item[] {
  const search = (item: Item): readonly Item[] | undefined => {
    if (item === wanted) return [item];
    for (const part of item.parts ?? []) {
      const rest = search(part);
      if (rest !== undefined) return [item, ...rest];
    }
    return undefined;
  };
  for (const top of tops) {
    const item = itemOf(top);
    const path = item && search(item);
    if (path !== undefined) return path;
  }
  return [];
}

let nextId = 0;
const LARGE = 400;
// A list of groups, for example.
const LONG = 20;
// Milliseconds.
const PAUSE = 600;
