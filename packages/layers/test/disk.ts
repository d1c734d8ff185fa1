// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Node, Tree } from './tree-model.ts';

/** The program that makes the files; another build of it, such as one with sanitizers, by the environment. */
export const UNPACK = process.env['UNPACK'] ?? join(import.meta.dirname, '../../stage1/build/unpack');

/** Why a test of it cannot run here; false if it can. */
export const skip: string | false = !existsSync(UNPACK)
  ? 'stage1 is not built'
  : process.getuid?.() === 0
    ? false
    : 'needs root, to give files to other users';

/** A file as it lies on disk. */
export interface DiskNode extends Record<'path' | 'type' | 'mtime' | 'ctime' | 'inode' | 'content', string> {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly blocks: number;
  readonly xattrs: Readonly<Record<string, string>>;
}

/** A directory that goes when the test ends. */
export function scratch(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'rkt-layers-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

/** An empty tree with something beside it that nobody may touch. */
export function treeBesideCanary(path: string): { root: string; canary: string } {
  const [root, canary] = [join(path, 'root'), join(path, 'CANARY')];
  mkdirSync(root, { recursive: true });
  mkdirSync(canary, { recursive: true });
  writeFileSync(join(canary, 'canary'), 'sings');
  return { root, canary };
}

/** Makes the files of a stream below the directory. */
export function unpack(root: string, stream: Buffer): { status: number | null; stderr: string } {
  const { status, stderr, signal } = spawnSync(UNPACK, { cwd: root, input: stream, encoding: 'utf8' });
  assert.equal(signal, null);
  if (status !== 0) assert.match(stderr, /^unpack: cannot [ -~]+\n$/);
  else assert.equal(stderr, '');
  return { status, stderr };
}

/** What lies below each of the directories. */
export function listTrees(roots: readonly string[], prefix: readonly string[] = []): DiskNode[][] {
  const [program, ...args] = [...prefix, 'python3', join(import.meta.dirname, 'list-trees.py')];
  assert.ok(program !== undefined);
  const { stdout, stderr } = spawnSync(program, args, {
    input: roots.join('\n'),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const trees: DiskNode[][] = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  assert.equal(trees.length, roots.length, stderr);
  return trees;
}

/** Files on disk and files of the model in the same words: attributes, content, and which names are one file. */
export function describeDisk(nodes: readonly DiskNode[], links = true): string[] {
  const files = nodes.map((node) => {
    const seconds = BigInt(node.mtime) / 1_000_000_000n;
    const nanoseconds = BigInt(node.mtime) % 1_000_000_000n;
    const mode = node.type === 'symlink' ? [] : [node.mode.toString(8).padStart(4, '0')];
    const attributes = [...mode, node.uid, node.gid, seconds, nanoseconds].join(' ');
    return { ...node, attributes, xattrs: new Map(Object.entries(node.xattrs)), key: node.inode };
  });
  return describe(files, links);
}

/** As `describeDisk`, of a model. */
export function describeTree(tree: Tree, links = true): string[] {
  const keys = new Map<Node, string>();
  for (const node of tree.values()) keys.set(node, keys.get(node) ?? String(keys.size));
  return describe(
    [...tree].map(([path, node]) => ({ path, ...node, key: keys.get(node) ?? '' })),
    links,
  );
}

/** A description without the root of the tree, which the test makes and not the layer. */
export function withoutRoot(lines: readonly string[]): string[] {
  return lines.filter((line) => !line.startsWith('[".",'));
}

interface Described extends Pick<Node, 'attributes' | 'content' | 'xattrs'> {
  readonly path: string;
  readonly type: string;
  readonly key: string;
}

function describe(files: readonly Described[], links: boolean): string[] {
  const sorted = files.toSorted((a, b) => compare(a.path, b.path));
  const first = new Map<string, string>();
  return sorted.map(({ path, type, attributes, content, xattrs, key }) => {
    const same = first.get(key) ?? path;
    first.set(key, same);
    const pairs = [...xattrs].map((pair) => pair.join('=')).toSorted(compare);
    return JSON.stringify([path, type, attributes, content, pairs, links && type !== 'dir' ? same : '']);
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
