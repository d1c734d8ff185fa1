// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { layOut, printAge, printJson, printSize, printTime } from '@rkt/human';
import { hexOf, printable } from '@rkt/names';
import { shownName, type Store, type StoredImage } from '@rkt/store';
import { idOf, storeOf } from './images.ts';
import { FIELDS, listOptions } from './options.ts';

/** An image as a row of the list. */
interface Row {
  readonly id: string;
  readonly name: string | undefined;
  readonly size: number;
  readonly importedMs: number | undefined;
  readonly usedMs: number | undefined;
}

type Field = (typeof FIELDS)[number];

const LEGEND: Readonly<Record<Field, string>> = {
  id: 'ID',
  name: 'NAME',
  size: 'SIZE',
  importtime: 'IMPORT TIME',
  lastused: 'LAST USED',
};

const SHORT_LENGTH = 'sha256:'.length + 12;

/** rkt-image list: the images of the store. */
export const list: Command<typeof listOptions> = {
  name: 'rkt-image',
  synopsis:
    'rkt-image list [--fields=FIELD,...] [--sort=FIELD] [--order=ORDER] [--no-legend] [--full] [--format=FORMAT]',
  summary: 'list the images of the store',
  options: listOptions,
  main: (given, operands, context) => {
    if (operands.length > 0) throw new Failure(EXIT.usage, 'cannot list single images: wanted no operands');
    const fields = given.fields.split(',').map(parseField);
    const store = storeOf(context);
    const rows = store === undefined ? [] : store.images().map((image) => rowOf(store, image));
    sort(rows, given.sort, given.order === 'desc');
    if (given.format !== undefined) {
      context.print(printJson(rows.map(objectOf), given.format === 'json' ? 'json' : 'json-pretty'));
      return EXIT.ok;
    }
    const cells = rows.map((row) => fields.map((field) => cell(row, field, given.full ? undefined : Date.now())));
    const lines = layOut(given['no-legend'] ? cells : [fields.map((field) => LEGEND[field]), ...cells]);
    if (lines.length > 0) context.print(lines.join('\n'));
    return EXIT.ok;
  },
};

function parseField(text: string): Field {
  const field = FIELDS.find((name) => name === text);
  if (field !== undefined) return field;
  throw new Failure(EXIT.usage, `cannot print column "${printable(text)}": wanted one of ${FIELDS.join(', ')}`);
}

function rowOf(store: Store, image: StoredImage): Row {
  const { digest, name, size, fetched } = image;
  // The time of the manifest's blob is renewed whenever somebody asks for the image.
  const used = lstatSync(join(store.dir, 'blobs', 'sha256', hexOf(digest)), { throwIfNoEntry: false })?.mtimeMs;
  const imported = fetched === undefined ? Number.NaN : Date.parse(fetched);
  const shown = name === undefined ? undefined : shownName(name);
  return { id: idOf(image), name: shown, size, importedMs: Number.isNaN(imported) ? used : imported, usedMs: used };
}

function sort(rows: Row[], by: string, downwards: boolean): void {
  const compare = (a: Row, b: Row): number => {
    if (by === 'name') return (a.name ?? '') < (b.name ?? '') ? -1 : 1;
    const value = (row: Row) => (by === 'size' ? row.size : by === 'lastused' ? row.usedMs : row.importedMs) ?? 0;
    return value(a) - value(b);
  };
  rows.sort((a, b) => (downwards ? compare(b, a) : compare(a, b)));
}

/** A cell; `nowMs` asks for the short form. */
function cell(row: Row, field: Field, nowMs: number | undefined): string {
  const time = (ms: number | undefined): string => {
    if (ms === undefined) return '-';
    return nowMs === undefined ? printTime(ms) : printAge(ms, nowMs);
  };
  switch (field) {
    case 'id':
      return nowMs === undefined ? row.id : row.id.slice(0, SHORT_LENGTH);
    case 'name':
      return row.name ?? '-';
    case 'size':
      return nowMs === undefined ? String(row.size) : printSize(row.size);
    case 'importtime':
      return time(row.importedMs);
    case 'lastused':
      return time(row.usedMs);
  }
}

function objectOf({ id, name, size, importedMs, usedMs }: Row): object {
  return { id, name, import_time: nanoseconds(importedMs), last_used_time: nanoseconds(usedMs), size };
}

function nanoseconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms) * 1_000_000;
}
