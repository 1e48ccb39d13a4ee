/** Mutations of DER that know where its elements are; the lengths around them mostly stay right. */
import type { Prng } from '../prng.ts';
import { mutateBinary } from './binary.ts';
import { NUMBERS, TAGS, TOKENS } from './dictionary.ts';
import type { Tlv } from './tlv.ts';
import { encodeTlv, encodeTlvs, joinBytes, lengthOctets, parseTlvs } from './tlv.ts';

/** @param other - Another input, to take elements from. */
export function mutateDer(bytes: Uint8Array, other: Uint8Array, prng: Prng): Uint8Array {
  const elements = parseTlvs(bytes);
  if (elements === undefined || elements.length === 0 || prng.chance(0.15)) {
    return mutateBinary(bytes, other, prng);
  }
  for (let left = 1 + prng.below(3); left > 0; left--) {
    const places = placesIn(elements);
    if (places.length === 0) break;
    prng.pick(MUTATIONS)(prng.pick(places), prng, other);
  }
  return encodeTlvs(elements);
}

/** An element and where it stands. */
interface Place {
  readonly element: Tlv;
  readonly siblings: Tlv[];
  readonly index: number;
}

function placesIn(elements: Tlv[]): Place[] {
  const places: Place[] = [];
  const pending = [elements];
  for (let siblings = pending.pop(); siblings !== undefined; siblings = pending.pop()) {
    siblings.forEach((element, index) => {
      places.push({ element, siblings, index });
      if (element.children !== undefined) pending.push(element.children);
    });
  }
  return places;
}

type Mutation = (place: Place, prng: Prng, other: Uint8Array) => void;

const MUTATIONS: readonly Mutation[] = [
  function otherTag({ element }, prng) {
    element.tag = prng.chance(0.5) ? prng.pick(TAGS) : element.tag ^ (1 << prng.below(8));
  },
  function otherLength({ element }, prng) {
    const length = contentsOf(element).length;
    element.length = prng.pick<() => Uint8Array>([
      () => Uint8Array.of(0x80),
      () => Uint8Array.of(0x81, length),
      () => Uint8Array.of(0x82, length >>> 8, length),
      () => Uint8Array.of(0x84, 0, length >>> 16, length >>> 8, length),
      () => Uint8Array.of(0x85, 0, 0, length >>> 16, length >>> 8, length),
      () => Uint8Array.of(0x84, 0xff, 0xff, 0xff, 0xff),
      () => Uint8Array.of(0xff),
      () => lengthOctets(prng.pick(NUMBERS)),
      () => lengthOctets(Math.max(0, length - 3 + prng.below(7))),
    ])();
  },
  function indefinite({ element }) {
    const contents = contentsOf(element);
    element.length = Uint8Array.of(0x80);
    setContents(element, joinBytes([contents, Uint8Array.of(0, 0)]));
  },
  function remove({ siblings, index }) {
    siblings.splice(index, 1);
  },
  function duplicate({ siblings, index, element }, prng) {
    siblings.splice(prng.below(siblings.length + 1), 0, cloneOf(element));
    void index;
  },
  function swap({ siblings, index }, prng) {
    const to = prng.below(siblings.length);
    [siblings[index], siblings[to]] = [siblings[to]!, siblings[index]!];
  },
  function repeat({ siblings, index, element }, prng) {
    const encoded = encodeTlv(element);
    const most = Math.max(1, Math.floor(MAX_GROWTH / Math.max(1, encoded.length)));
    const count = Math.min(most, 1 + prng.pick(NUMBERS.filter((number) => number < 5000)));
    const copies = Array.from({ length: count }, () => encoded);
    const all = joinBytes(copies);
    siblings.splice(index, 0, { tag: element.tag, contents: all, ...rawOf(all) });
  },
  function empty({ element }) {
    setContents(element, new Uint8Array(0));
  },
  function wrap({ element }, prng) {
    let inner = encodeTlv(element);
    const tag = prng.pick([element.tag, 0x30, 0xa0, 0x24, 0x60]);
    for (let left = prng.pick([1, 2, 30, 300]); left > 0; left--) {
      inner = joinBytes([Uint8Array.of(tag), lengthOctets(inner.length), inner]);
    }
    const [outer] = parseTlvs(inner) ?? [];
    if (outer !== undefined) replace(element, outer);
  },
  function unwrap({ siblings, index, element }) {
    if (element.children !== undefined) siblings.splice(index, 1, ...element.children);
  },
  function dictionary({ element }, prng) {
    setContents(element, prng.pick(TOKENS));
  },
  function number({ element }, prng) {
    const value = prng.pick(NUMBERS);
    const octets = [value >>> 24, value >>> 16, value >>> 8, value];
    setContents(element, Uint8Array.from(octets.slice(prng.below(4))));
  },
  function insert({ siblings, index }, prng) {
    const [element] = parseTlvs(prng.pick(TOKENS)) ?? [];
    if (element !== undefined) siblings.splice(index, 0, element);
  },
  function splice({ element }, prng, other) {
    const donors = placesIn(parseTlvs(other) ?? []);
    if (donors.length === 0) return;
    const alike = donors.filter((donor) => donor.element.tag === element.tag);
    const { element: donor } = prng.pick(alike.length > 0 && prng.chance(0.7) ? alike : donors);
    replace(element, cloneOf(donor));
  },
  function contents({ element }, prng, other) {
    setContents(element, mutateBinary(contentsOf(element), other, prng));
  },
  function longContents({ element }, prng) {
    const filler = new Uint8Array(prng.pick([127, 128, 255, 256, 1024, 65_535 - 1024]));
    filler.fill(prng.pick([0x00, 0x41, 0x80, 0xff]));
    setContents(element, filler);
  },
];

function contentsOf({ children, contents }: Tlv): Uint8Array {
  return children === undefined ? contents : encodeTlvs(children);
}

function setContents(element: Tlv, contents: Uint8Array): void {
  delete element.children;
  element.contents = contents;
}

function replace(element: Tlv, by: Tlv): void {
  delete element.length;
  delete element.children;
  Object.assign(element, by);
}

function cloneOf(element: Tlv): Tlv {
  return parseTlvs(encodeTlv({ ...element, length: undefined as never }))?.[0] ?? { ...element };
}

/** Elements that follow one another without a header of their own around them. */
function rawOf(all: Uint8Array): Partial<Tlv> {
  // The first element's header is written by the tree; what follows hides in its contents.
  const [first] = parseTlvs(all) ?? [];
  if (first === undefined) return {};
  const header = all.length === 0 ? 0 : 1 + lengthOctets(contentsOf(first).length).length;
  return { length: all.slice(1, header), contents: all.slice(header) };
}

const MAX_GROWTH = 60_000;
