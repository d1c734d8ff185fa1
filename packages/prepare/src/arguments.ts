// SPDX-License-Identifier: Apache-2.0
import type { App } from '@rkt/appc';
import { globalOptions, parseOptions, type Given, type Option, type OptionTable } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { notesOf, type Notes } from './notes.ts';
import { appOptions, podOptions } from './options.ts';

/** What the user said of one image: options behind it and arguments behind `--`. */
export interface ImageArguments {
  readonly image: string;
  readonly given: Given<typeof appOptions>;
  readonly args: readonly string[];
  /** How a pod manifest wants it run: then nothing counts of what the image says of that. */
  readonly app?: App | undefined;
  /** What was noted of the app. */
  readonly notes: Notes;
}

/** The whole command line of rkt-prepare. */
export interface PrepareArguments {
  readonly pod: Given<typeof podOptions & typeof globalOptions>;
  /** `--mount` before the first image: mounts of every app. */
  readonly mounts: readonly string[];
  /** What was noted before the first image: of the pod itself. */
  readonly notes: Notes;
  readonly images: readonly ImageArguments[];
}

/** Options that before the first image say something of the pod, or of every app. */
const BEFORE_IMAGES: ReadonlySet<string> = new Set(['--mount', '--annotation', '--user-annotation', '--user-label']);

/** The words of one image before they are parsed. */
interface Section {
  image: string | undefined;
  flags: string[];
  args: string[];
}

const all: OptionTable = { ...globalOptions, ...podOptions, ...appOptions };

/**
 * Parses rkt's grammar: `[POD-OPTION]... IMAGE [APP-OPTION]... [-- ARG... [---]] ...`.
 *
 * Options of the pod may stand anywhere, options of an app behind its image; between `--` and `---` everything
 * is an argument of the app, word for word.
 */
export function parseArguments(argv: readonly string[]): PrepareArguments {
  const sections = sectionsOf(argv);
  const [before = { image: undefined, flags: [], args: [] }, ...rest] = sections;
  const pod: string[] = [];
  const beforeImage = splitFlags(before.flags, pod);
  const stray = beforeImage.find((word) => !BEFORE_IMAGES.has(nameOf(word)));
  if (stray !== undefined) throw new Failure(EXIT.usage, `${nameOf(stray)} must follow an image`);
  const images = rest.map(({ image = '', flags, args }) => {
    const { given } = parseOptions(appOptions, splitFlags(flags, pod));
    return { image, given, args, notes: notesOf(given) };
  });
  const ofPod = parseOptions({ ...globalOptions, ...podOptions }, pod).given;
  if (ofPod['store-only'] && ofPod['no-store']) {
    throw new Failure(EXIT.usage, 'cannot use both --store-only and --no-store');
  }
  const early = parseOptions(appOptions, beforeImage).given;
  return { pod: ofPod, mounts: early.mount, notes: notesOf(early), images };
}

function sectionsOf(argv: readonly string[]): Section[] {
  let current: Section = { image: undefined, flags: [], args: [] };
  const sections = [current];
  let verbatim = false;
  for (let i = 0; i < argv.length; i++) {
    const word = verbatim ? (argv[i] ?? '') : todaysName(argv[i] ?? '');
    if (verbatim) {
      if (word === '---') verbatim = false;
      else current.args.push(word);
    } else if (word === '--') {
      if (current.image === undefined) throw new Failure(EXIT.usage, 'an image is required before any app arguments');
      verbatim = true;
    } else if (word.startsWith('-') && word !== '-' && word !== '---') {
      const takesNext = needsValue(word);
      current.flags.push(takesNext ? joined(word, argv[i + 1]) : withImplied(word));
      if (takesNext) i++;
    } else if (word !== '' && word !== '---') {
      current = { image: word, flags: [], args: [] };
      sections.push(current);
    }
  }
  return sections;
}

/** rkt once called two options otherwise. */
function todaysName(word: string): string {
  return word.replace(/^--cap-(?=(retain|remove)(=|$))/, '--caps-');
}

/** True for an option whose value is the next word. */
function needsValue(word: string): boolean {
  const option = optionOf(word);
  return option !== undefined && option.type !== 'boolean' && option.implied === undefined;
}

/** An option with its value in one word: `--user USER` becomes `--user=USER`. */
function joined(word: string, next: string | undefined): string {
  if (next !== undefined) return `${word}=${next}`;
  throw new Failure(EXIT.usage, `option ${word} needs a value: ${optionOf(word)?.value ?? 'VALUE'}`);
}

function withImplied(word: string): string {
  const implied = optionOf(word)?.implied;
  return implied === undefined ? word : `${word}=${implied}`;
}

function optionOf(word: string): Option | undefined {
  return word.startsWith('--') ? all[word.slice(2)] : undefined;
}

const SHORT: ReadonlySet<string> = new Set(Object.values(all).flatMap(({ alias }) => (alias ? [`-${alias}`] : [])));

/** Moves the pod's options to `pod` and returns the others. */
function splitFlags(flags: readonly string[], pod: string[]): string[] {
  const own: string[] = [];
  for (const flag of flags) {
    const name = nameOf(flag).slice(2);
    if (!(name in all) && !SHORT.has(flag))
      throw new Failure(EXIT.usage, `unknown option ${printable(nameOf(flag))}: try --help`);
    (name in appOptions ? own : pod).push(flag);
  }
  return own;
}

function nameOf(flag: string): string {
  return flag.replace(/=.*$/s, '');
}
