// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, readSync } from 'node:fs';
import { inodeOf, logPath, openGenerations, type OpenFile } from './generations.ts';
import { parseRecord, type LogRecord } from './record.ts';

const CHUNK_BYTES = 65536;
/** No record of iomux is longer; what has no end within that is not a record. */
const LINE_MAX_BYTES = 1024 * 1024;

/** Why something of a log is not there. */
export type Trouble = 'malformed' | 'missing';

/** Reads the log of an app, over all its files, as far as it is written; and further when it is asked again. */
export class LogReader implements Disposable {
  readonly app: string;
  #files: OpenFile[] = [];
  #offset = 0;
  #rest = Buffer.alloc(0);
  #isBegun = false;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #tell: (trouble: Trouble, path: string) => void;

  constructor(app: string, tell: (trouble: Trouble, path: string) => void) {
    this.app = app;
    this.#tell = tell;
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#files.splice(0)) closeSync(fd);
  }

  /** The records that have been written since; the pod lies at this path now. */
  *records(podPath: string): Generator<LogRecord, undefined> {
    const path = logPath(podPath, this.app);
    if (path === undefined) return;
    for (;;) {
      yield* this.#ofFile(path);
      if (!this.#advance(path)) return;
    }
  }

  /** True if there has been a log at all. */
  get isFound(): boolean {
    return this.#isBegun;
  }

  *#ofFile(path: string): Generator<LogRecord, undefined> {
    for (let length = this.#read(); length > 0; length = this.#read()) {
      let bytes = Buffer.concat([this.#rest, this.#chunk.subarray(0, length)]);
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
        const record = parseRecord(bytes.subarray(0, end));
        bytes = bytes.subarray(end + 1);
        if (record === undefined) this.#tell('malformed', path);
        else yield record;
      }
      if (bytes.length > LINE_MAX_BYTES) {
        this.#tell('malformed', path);
        bytes = Buffer.alloc(0);
      }
      this.#rest = bytes;
    }
  }

  #read(): number {
    const [file] = this.#files;
    if (file === undefined) return 0;
    const length = readSync(file.fd, this.#chunk, 0, CHUNK_BYTES, this.#offset);
    // Somebody has emptied the file, instead of moving it.
    if (length === 0 && this.#offset > 0 && fstatSync(file.fd).size === 0) {
      this.#offset = 0;
      this.#rest = Buffer.alloc(0);
    }
    this.#offset += length;
    return length;
  }

  /** Goes on to the next file, if the present one has got a successor. */
  #advance(path: string): boolean {
    const [current] = this.#files;
    if (this.#files.length <= 1) {
      const newest = inodeOf(path);
      // It is being rotated, or there is no log yet.
      if (newest === undefined && (current !== undefined || this.#isBegun)) return false;
      if (newest !== undefined && newest === current?.inode) return false;
      const { files, isWhole } = openGenerations(path, current?.inode);
      if (files.length === 0) return false;
      if (!isWhole) this.#tell('missing', path);
      this.#files.push(...files);
      this.#isBegun = true;
      if (current === undefined) return true;
      // What it got between the last look and the rotation.
      const size = fstatSync(current.fd).size;
      if (size > this.#offset) return true;
    }
    this.#close();
    return true;
  }

  #close(): void {
    const closed = this.#files.shift();
    if (closed !== undefined) closeSync(closed.fd);
    this.#offset = 0;
    if (this.#rest.length > 0) this.#rest = Buffer.alloc(0);
  }
}
