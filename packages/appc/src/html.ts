// SPDX-License-Identifier: Apache-2.0
// Finds the meta elements in the head of a page of HTML, by the rules of https://html.spec.whatwg.org/#tokenization.

/** A meta element with the two attributes that matter. */
export interface Meta {
  readonly name: string;
  readonly content: string;
}

/** Elements that may stand in the head and are looked into or passed over; at any other the search ends. */
const HEAD_ELEMENTS = new Set(['html', 'head', 'base', 'link', 'meta', 'script', 'style', 'title', 'noscript']);

/** Those whose content is text, whatever it looks like. */
const TEXT_ELEMENTS = new Set(['script', 'style', 'title', 'noscript']);

/** End tags at which the head ends; others mean nothing in it. */
const HEAD_ENDS = new Set(['head', 'body', 'html', 'br']);

const SPACE = /[\t\n\f ]*/y;
const COMMENT_END = /--!?>/g;
const TAG_NAME = /<(\/?)([a-zA-Z][^\t\n\f />]*)/y;
const ATTRIBUTE_NAME = /[\t\n\f /]*(=?[^\t\n\f />=]*)/y;
const EQUALS = /[\t\n\f ]*=[\t\n\f ]*/y;
const UNQUOTED = /[^\t\n\f >]*/y;

/**
 * The meta elements of a page, up to where its head ends.
 *
 * What is text or comment to a browser is none to us: nobody who can only write some text into a page can add an element.
 * Where this and a browser could disagree, the search ends. It takes time in proportion to the length of the page.
 */
export function findMetas(page: string): Meta[] {
  const metas: Meta[] = [];
  // A NUL means different things at different places; no page has one.
  const html = page.replace(/\0.*$/s, '').replace(/\r\n?/g, '\n');
  for (let at = skip(html, 0); at < html.length; at = skip(html, at)) {
    const comment = endOfComment(html, at);
    if (comment !== undefined) {
      at = comment;
      continue;
    }
    const tag = readTag(html, at);
    if (tag === undefined) break;
    const { name, isEnd, attributes } = tag;
    if (isEnd ? HEAD_ENDS.has(name) : !HEAD_ELEMENTS.has(name)) break;
    if (!isEnd && name === 'meta') metas.push(metaOf(attributes));
    const end = !isEnd && TEXT_ELEMENTS.has(name) ? endOfText(html, { from: tag.end, name }) : tag.end;
    if (end === undefined) break;
    at = end;
  }
  return metas;
}

function skip(html: string, from: number): number {
  match(SPACE, html, from);
  return SPACE.lastIndex;
}

/** Where a comment, a document type or a processing instruction ends; undefined if none begins here. */
function endOfComment(html: string, at: number): number | undefined {
  if (html.startsWith('<!--', at)) {
    // `<!-->` and `<!--->` are comments already.
    const short = /<!---?>/y;
    short.lastIndex = at;
    if (short.test(html)) return short.lastIndex;
    COMMENT_END.lastIndex = at + 4;
    return COMMENT_END.test(html) ? COMMENT_END.lastIndex : html.length;
  }
  if (!/^<[!?]|^<\/[^a-zA-Z]/.test(html.slice(at, at + 3))) return undefined;
  const end = html.indexOf('>', at);
  return end < 0 ? html.length : end + 1;
}

interface Tag {
  readonly name: string;
  readonly isEnd: boolean;
  readonly attributes: ReadonlyMap<string, string>;
  readonly end: number;
}

/** The tag that begins here; undefined if it is none, or has no end. */
function readTag(html: string, at: number): Tag | undefined {
  const [, slash, name = ''] = match(TAG_NAME, html, at);
  if (slash === undefined) return undefined;
  const attributes = new Map<string, string>();
  for (let place = TAG_NAME.lastIndex; place < html.length;) {
    const [, key = ''] = match(ATTRIBUTE_NAME, html, place);
    const { value, end } = readValue(html, ATTRIBUTE_NAME.lastIndex);
    // The first of two attributes of one name counts.
    if (key !== '' && !attributes.has(key.toLowerCase())) attributes.set(key.toLowerCase(), value);
    if (html[end] === '>') return { name: name.toLowerCase(), isEnd: slash === '/', attributes, end: end + 1 };
    place = end;
  }
  return undefined;
}

/** The value of an attribute behind its name, and where it ends; at the end of the page if a quote is not closed. */
function readValue(html: string, at: number): { readonly value: string; readonly end: number } {
  if (match(EQUALS, html, at).length === 0) return { value: '', end: at };
  const start = EQUALS.lastIndex;
  const quote = html[start];
  if (quote !== '"' && quote !== "'") {
    const [value = ''] = match(UNQUOTED, html, start);
    return { value, end: start + value.length };
  }
  const end = html.indexOf(quote, start + 1);
  return end < 0 ? { value: '', end: html.length } : { value: html.slice(start + 1, end), end: end + 1 };
}

/** What a sticky expression finds at a place, which it is then behind. */
function match(expression: RegExp, html: string, at: number): readonly (string | undefined)[] {
  expression.lastIndex = at;
  return expression.exec(html) ?? [];
}

/** Where the content and the end tag of an element of text end; undefined if that is a matter of opinion. */
function endOfText(html: string, { from, name }: { readonly from: number; readonly name: string }): number | undefined {
  const endTag = new RegExp(`</${name}(?=[\\t\\n\\f />])`, 'gi');
  endTag.lastIndex = from;
  const found = endTag.exec(html);
  if (found === null) return undefined;
  // Within a comment in a script, a script can hide the end of the script.
  if (name === 'script' && html.slice(from, found.index).includes('<!--')) return undefined;
  return readTag(html, found.index)?.end;
}

function metaOf(attributes: ReadonlyMap<string, string>): Meta {
  const text = (name: string) => decode(attributes.get(name) ?? '');
  return { name: text('name').trim().toLowerCase(), content: text('content') };
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** Replaces the character references that addresses need; others stay as they are. */
function decode(text: string): string {
  return text.replace(
    /&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g,
    (whole: string, ...groups: readonly (string | undefined)[]) => {
      const [decimal, hex, name] = groups;
      if (name !== undefined) return NAMED.get(name) ?? whole;
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
      return code > 0 && code <= 0x10_ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : whole;
    },
  );
}
