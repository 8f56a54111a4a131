// Files of comma-separated values: read in slices, so that none is too large, and written.

import Papa from './vendor/papaparse.mjs';

const slice = 1 << 20;
// A row that is longer is none: a quote was not closed.
const longest = 1 << 23;

// How the bytes of a file are to be read, and where its text begins.
export async function guessEncoding(file) {
  const head = new Uint8Array(await file.slice(0, slice).arrayBuffer());
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  try {
    // The slice may end within a character.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return 'utf-8';
  } catch {
    return 'windows-1252';
  }
}

// A digest of all of a file, by slices: to tell whether it is the one from before.
export async function digest(file, signal) {
  const sums = [];
  for (let at = 0; at < file.size; at += slice) {
    signal?.throwIfAborted();
    sums.push(await crypto.subtle.digest('SHA-256',
      await file.slice(at, at + slice).arrayBuffer()));
  }
  const sum = await crypto.subtle.digest('SHA-256', await new Blob(sums).arrayBuffer());
  return [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const isBlank = (row) => row.every((cell) => cell.trim() === '');

// Gives the rows of a file slice by slice, with how many of its bytes were read.  Blank rows are
// left out.
export async function* readRows(file, { encoding, delimiter }, signal) {
  const decoder = new TextDecoder(encoding);
  const parser = new Papa.Parser({ delimiter, newline: '\n' });
  let rest = '';
  for (let at = 0; ; at += slice) {
    signal?.throwIfAborted();
    const isLast = at + slice >= file.size;
    const bytes = await file.slice(at, at + slice).arrayBuffer();
    let text = rest + decoder.decode(bytes, { stream: !isLast });
    // Half a line break may come with the next slice.
    const held = !isLast && text.endsWith('\r') ? '\r' : '';
    text = (held ? text.slice(0, -1) : text).replace(/\r\n?/g, '\n');
    const { data, meta } = parser.parse(text, 0, !isLast);
    rest = (isLast ? '' : text.slice(meta.cursor)) + held;
    yield { rows: data.filter((row) => !isBlank(row)), read: Math.min(at + slice, file.size) };
    if (isLast) return;
    if (rest.length > longest) {
      throw new Error('a quote in the file is not closed, so that its rows have no end');
    }
  }
}

// What separates the cells of a file, and its first rows.
export async function look(file) {
  const encoding = await guessEncoding(file);
  const head = new TextDecoder(encoding).decode(await file.slice(0, slice).arrayBuffer());
  const { meta } = Papa.parse(head, { preview: 20, skipEmptyLines: 'greedy' });
  const format = { encoding, delimiter: meta.delimiter };
  const rows = [];
  for await (const part of readRows(file, format)) {
    rows.push(...part.rows.slice(0, 11));
    if (rows.length >= 11 || part.read >= file.size) break;
  }
  return { format, rows: rows.slice(0, 11) };
}

// Rows as a file for programs that show tables: a cell that would be taken for a formula is
// text there.
export const write = (rows) =>
  new Blob(['\ufeff', Papa.unparse(rows, { escapeFormulae: true, newline: '\r\n' })],
    { type: 'text/csv;charset=utf-8' });

export function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
