/** Values of a query, read in place: no URL objects, nothing made unless something is encoded. */

const percent = 0x25;
const plus = 0x2b;

/**
 * The first value of the parameter in a query without its `?`, decoded as forms are
 * (application/x-www-form-urlencoded); "" if there is none or it is not valid UTF-8. Encoded names
 * are understood, since the upstream would.
 */
export function queryValue(query: string, name: string): string {
  let from = 0;
  while (from < query.length) {
    const ampersand = query.indexOf("&", from);
    const end = ampersand < 0 ? query.length : ampersand;
    const equals = query.indexOf("=", from);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    if (isName(query, from, nameEnd, name)) {
      return nameEnd === end ? "" : formValue(query, nameEnd + 1, end);
    }
    from = end + 1;
  }
  return "";
}

function isName(query: string, from: number, to: number, name: string): boolean {
  if (to - from === name.length && query.startsWith(name, from)) return true;
  if (to - from <= name.length || to - from > name.length * 3) return false;
  return hasCode(query, percent, from, to) && formValue(query, from, to) === name;
}

function formValue(query: string, from: number, to: number): string {
  const text = query.slice(from, to);
  return decodedValue(hasCode(text, plus, 0, text.length) ? text.replaceAll("+", " ") : text);
}

/** Percent-decoded text; "" if the encoding or the UTF-8 in it is broken. */
export function decodedValue(text: string): string {
  if (!hasCode(text, percent, 0, text.length)) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function hasCode(text: string, code: number, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (text.charCodeAt(i) === code) return true;
  return false;
}
