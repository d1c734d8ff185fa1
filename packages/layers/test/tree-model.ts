// SPDX-License-Identifier: Apache-2.0

/** A tree as a model: paths, bytes as characters, and what is there. Hard links share their node. */
export type Tree = Map<string, Node>;

export interface Node {
  readonly type: 'dir' | 'file' | 'symlink' | 'fifo';
  attributes: string;
  /** Content of a file, target of a symbolic link. */
  content: string;
  readonly xattrs: Map<string, string>;
}

/** What a stream says must not be done. */
export class Refused extends Error {}

/**
 * What a tree stream makes of a tree, by the rules of src/tree-stream.ts and in the simplest way.
 *
 * The tree is changed.
 */
export function applyStream(tree: Tree, stream: Buffer): void {
  const lines = parseStream(stream);
  const made = new Set<string>();
  if (lines[0]?.words.join(' ') !== 'tree 1') throw new Refused('version');
  if (lines.at(-1)?.words[0] !== 'end') throw new Refused('cut short');
  let last: Node | undefined;
  for (const { words, data } of lines.slice(1, -1)) {
    const [op = '', ...args] = words;
    if (op === 'data' && last !== undefined) setData(last, Number(args[0]), data);
    else if (op === 'xattr' && last !== undefined) last.xattrs.set(args[0] ?? '', args[1] ?? '');
    else last = applyEntry({ tree, made }, op, args);
  }
}

interface State {
  readonly tree: Tree;
  readonly made: Set<string>;
}

function applyEntry(state: State, op: string, [path = '', ...args]: readonly string[]): Node | undefined {
  const { tree, made } = state;
  if (op === 'remove') {
    if (!made.has(path)) removeBeneath(tree, path, true);
    else if (tree.get(path)?.type === 'dir') makeOpaque(state, path);
    return undefined;
  }
  if (op === 'opaque') {
    makeParents(state, `${path}/.`);
    makeOpaque(state, path);
    return undefined;
  }
  makeParents(state, path);
  if (op === 'link') {
    const target = tree.get(args[0] ?? '');
    if (isBeneath(args[0] ?? '', path)) throw new Refused('the target is in the way');
    if (target === undefined || target.type === 'dir' || crossesSymlink(tree, args[0] ?? '')) throw new Refused('link');
    put(state, path, target);
    return undefined;
  }
  const old = tree.get(path);
  const node: Node = { type: nodeType(op), attributes: '', content: '', xattrs: new Map() };
  if (op === 'symlink') {
    node.content = args[0] ?? '';
    node.attributes = args.slice(1).join(' ');
  } else {
    node.attributes = args.slice(0, 5).join(' ');
    if (op === 'file') node.content = '\0'.repeat(Number(args[5]));
  }
  if (op === 'dir' && old?.type === 'dir') {
    tree.set(path, node);
    made.add(path);
  } else put(state, path, node);
  return node;
}

function nodeType(op: string): Node['type'] {
  if (op === 'dir' || op === 'file' || op === 'symlink' || op === 'fifo') return op;
  throw new Refused(`unknown ${op}`);
}

function put({ tree, made }: State, path: string, node: Node): void {
  if (path === '.') throw new Refused('the root');
  removeBeneath(tree, path, true);
  for (const each of made) if (each.startsWith(`${path}/`)) made.delete(each);
  tree.set(path, node);
  made.add(path);
}

function makeParents(state: State, path: string): void {
  const components = path.split('/');
  for (let count = 1; count < components.length; count += 1) {
    const parent = components.slice(0, count).join('/');
    const there = state.tree.get(parent);
    if (parent !== '.' && there?.type !== 'dir') {
      if (there !== undefined && state.made.has(parent)) throw new Refused('a parent is no directory');
      put(state, parent, { type: 'dir', attributes: '0755 0 0 0 0', content: '', xattrs: new Map() });
    }
    state.made.add(parent);
  }
}

function makeOpaque({ tree, made }: State, path: string): void {
  for (const each of tree.keys()) if (isBeneath(each, path) && !made.has(each)) tree.delete(each);
}

function removeBeneath(tree: Tree, path: string, andItself: boolean): void {
  for (const each of tree.keys()) if (isBeneath(each, path)) tree.delete(each);
  if (andItself) tree.delete(path);
}

function isBeneath(path: string, directory: string): boolean {
  return directory === '.' ? path !== '.' : path.startsWith(`${directory}/`);
}

function crossesSymlink(tree: Tree, path: string): boolean {
  const components = path.split('/').slice(0, -1);
  return components.some((_, index) => tree.get(components.slice(0, index + 1).join('/'))?.type !== 'dir');
}

function setData(node: Node, offset: number, data: string): void {
  node.content = node.content.slice(0, offset) + data + node.content.slice(offset + data.length);
}

interface Line {
  readonly words: readonly string[];
  readonly data: string;
}

/** The lines of a stream, words decoded to bytes as characters. */
export function parseStream(stream: Buffer): Line[] {
  const all = stream.toString('latin1');
  const lines: Line[] = [];
  for (let at = 0; at < all.length;) {
    const end = all.indexOf('\n', at);
    const words = all.slice(at, end).split(' ').map(decode);
    const length = words[0] === 'data' ? Number(words[2]) : 0;
    lines.push({ words, data: all.slice(end + 1, end + 1 + length) });
    at = end + 1 + length;
  }
  return lines;
}

function decode(word: string): string {
  if (word === '""') return '';
  return word.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
