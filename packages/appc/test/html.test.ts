// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultTreeAdapter, parse } from 'parse5';
import { findMetas, type Meta } from '../src/html.ts';

/** What a parser that follows the standard to the letter finds in the head. */
function metasOfHead(html: string): Meta[] {
  const adapter = defaultTreeAdapter;
  const children = (node: Parameters<typeof adapter.getChildNodes>[0], name: string) =>
    adapter.getChildNodes(node).filter((child) => adapter.isElementNode(child) && child.tagName === name);
  const [root] = children(parse(html), 'html').filter((child) => adapter.isElementNode(child));
  const [head] = root === undefined ? [] : children(root, 'head').filter((child) => adapter.isElementNode(child));
  if (head === undefined) return [];
  return children(head, 'meta').flatMap((meta) => {
    if (!adapter.isElementNode(meta)) return [];
    const attribute = (name: string) => meta.attrs.find((attr) => attr.name === name)?.value ?? '';
    return [{ name: attribute('name').trim().toLowerCase(), content: attribute('content') }];
  });
}

const tag = (content: string) => `<meta name="ac-discovery" content="${content}">`;

test('findMetas() finds the tags of the head, however they are written', () => {
  const pages = [
    `<!DOCTYPE html><html><head><title>t</title>${tag('a b')}</head><body></body></html>`,
    tag('a b'),
    `<!-- x --><HTML lang=en><HEAD>\n<META CONTENT='a b' NAME=ac-discovery />`,
    `<html><head><meta\n\tname\n=\n"ac-discovery"\ncontent="a b"data-x></head>`,
    `<meta content="a b" name=" AC-discovery " content="c d">`,
    `<script>"<meta name=ac-discovery content='c d'>"</script>${tag('a b')}`,
    `<title><meta name=x></title><style>a>b</style><base href=/><link rel=x>${tag('a b')}`,
    `<!----><!-- --!><!--> --->${tag('a b')}`.replace(' --->', ''),
    `<?xml version="1.0"?></unknown>${tag('a b')}`,
    `<noscript><meta name=ac-discovery content="c d"></noscript>${tag('a b')}`,
  ];
  for (const page of pages) {
    const found = findMetas(page).filter(({ name }) => name === 'ac-discovery');
    assert.deepEqual(found, [{ name: 'ac-discovery', content: 'a b' }], page);
    assert.deepEqual(findMetas(page), metasOfHead(page), page);
  }
});

test('findMetas() decodes what addresses need', () => {
  const [meta] = findMetas('<meta name=x content="a https://h/?a=1&amp;b=2&quot;&#x41;&#66;&nope;&#0;&#xd800;&">');
  assert.equal(meta?.content, 'a https://h/?a=1&b=2"AB&nope;&#0;&#xd800;&');
});

test('findMetas() finds nothing that is no element of the head to a browser', () => {
  const pages = [
    `<!-- ${tag('a b')} -->`,
    `<!-- --> -> <!-- ${tag('a b')}`,
    `<title>${tag('a b')}</title>`,
    `<title>${tag('a b')}`,
    `<style></styl>${tag('a b')}</style>`,
    `<script><!-- <script> </script>${tag('a b')}</script> --></script>`,
    `<template>${tag('a b')}</template>`,
    `<base data-x='${tag('a b')}'>`,
    `<base data-x="${tag('a b').replaceAll('"', "'")}">`,
    `<base data-x="${tag('a b').replaceAll('"', "'")}`,
    `<p>hello${tag('a b')}`,
    `hello${tag('a b')}`,
    `</head>${tag('a b')}`,
    `</br>${tag('a b')}`,
    `<body>${tag('a b')}`,
    `<div></div>${tag('a b')}`,
    `<textarea>${tag('a b')}</textarea>`,
    `<!doctype ${tag('a b').replace('>', '')}>`,
    `<meta name="ac-discovery" content="a b"`,
    `< meta name="ac-discovery" content="a b">`,
    `&lt;meta name="ac-discovery" content="a b">`,
  ];
  for (const page of pages) assert.deepEqual(findMetas(page), [], page);
});

test('findMetas() finds what the standard says or less, never more, and all of it in plain pages', () => {
  const piece = fc.constantFrom('<', '>', '"', "'", '=', '/', '!', '-', '--', '<!--', '-->', '--!>', '<!', '<?', '</', ' ', '\n', 'x',
    '<meta ', 'name=', 'content=', '"a b"', "'a b'", 'a', '<meta name=a content=b>', '<meta name="c" content=\'d e\'/>', '<title>', '</title>',
    '<script>', '</script>', '<style>', '</style>', '<noscript>', '</noscript>', '<template>', '</template>', '<head>', '</head>', '<html>', '</html>',
    '<body>', '</body>', '<br>', '</br>', '<p>', '<link>', '<base x=">">', '</x>', '&amp;', '\0', '\r', '\r\n', '\uFEFF', '\f', '<!DOCTYPE html>'); // prettier-ignore
  let plain = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (parts) => {
      const html = parts.join('');
      const [found, all] = [findMetas(html), metasOfHead(html)];
      const beginning = all.slice(0, found.length);
      assert.deepEqual(found, beginning, html);
      if (found.length === all.length && all.length > 0) plain += 1;
    }),
    { numRuns: 20_000 },
  );
  assert.ok(plain > 100, String(plain));
});

test('findMetas() takes time in proportion to a hostile page', () => {
  const bytes = 1_000_000;
  const pages = ['<meta a', '<!--', '<meta ', '<', '<meta a="', '<meta =', '</', '<title>', '<script><!--', ' ', '<base x=', '<base x= '].map(
    (unit) => unit.repeat(Math.ceil(bytes / unit.length)),
  ); // prettier-ignore
  pages.push(
    `<meta ${'a b=c '.repeat(bytes / 6)}>`,
    `<meta ${Array.from({ length: bytes / 8 }, (_, n) => `a${n}`).join(' ')}>`,
  );
  // Anything quadratic would take hours for one of them.
  for (const page of pages) findMetas(page);
});
