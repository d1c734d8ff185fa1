// SPDX-License-Identifier: Apache-2.0
import { printable } from '@rkt/names';

/** Remembers secrets and takes them, and what looks like one, out of text that people will read. */
export interface Redactor {
  readonly add: (secret: string) => void;
  readonly redact: (text: string) => string;
}

/** Makes a redactor that knows no secret yet. */
export function makeRedactor(): Redactor {
  const secrets = new Set<string>();
  return {
    add: (secret) => {
      // A short one would blank half of every message, and hide nothing that way.
      for (const form of [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)]) {
        if (form.length >= 4) secrets.add(form);
      }
    },
    redact: (text) => {
      let clean = text;
      for (const secret of [...secrets].toSorted((a, b) => b.length - a.length))
        clean = clean.replaceAll(secret, '***');
      return printable(
        clean
          // JSON web tokens, by their two first parts.
          .replace(/eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?/g, '***')
          .replace(/\b(bearer|basic)\s+[^\s"',]+/gi, '$1 ***')
          .replace(/(https?:\/\/)[^/@\s"]*@/gi, '$1')
          .replace(/(https?:\/\/[^\s"?]*)\?[^\s"]*/gi, '$1'),
      );
    },
  };
}

/** An address without what may be secret in it: user, password, query and fragment. */
export function printUrl(url: URL): string {
  return printable(`${url.origin}${url.pathname}`);
}
