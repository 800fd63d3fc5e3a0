/** The Host field (RFC 9110, 7.2): a name or address, and perhaps a port. */

/** Characters at most: a name of 253, a colon and a port. */
const hostLengthMax = 259;

/** Whether `text` is a host as a server behind the gateway can only read in one way. */
export function isHost(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > hostLengthMax) return false;
  let end = length;
  if (text.charCodeAt(0) === 0x5b) {
    const close = text.indexOf("]");
    if (close < 3 || !isEvery(text, 1, close, isAddressCode)) return false;
    return close + 1 === length || isPort(text, close + 1);
  }
  const colon = text.indexOf(":");
  if (colon >= 0) {
    if (!isPort(text, colon)) return false;
    end = colon;
  }
  return end > 0 && isEvery(text, 0, end, isNameCode);
}

/** `:` and 1 to 65535. */
function isPort(text: string, from: number): boolean {
  const digits = text.length - from - 1;
  if (text.charCodeAt(from) !== 0x3a || digits < 1 || digits > 5) return false;
  if (!isEvery(text, from + 1, text.length, isDigit)) return false;
  const port = Number(text.slice(from + 1));
  return port >= 1 && port <= 65_535;
}

function isEvery(text: string, from: number, to: number, test: (code: number) => boolean): boolean {
  for (let i = from; i < to; i++) if (!test(text.charCodeAt(i))) return false;
  return true;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isAddressCode(code: number): boolean {
  const letter = code | 0x20;
  return isDigit(code) || code === 0x3a || code === 0x2e || (letter >= 0x61 && letter <= 0x66);
}

function isNameCode(code: number): boolean {
  const letter = code | 0x20;
  if (isDigit(code) || (letter >= 0x61 && letter <= 0x7a)) return true;
  return code === 0x2d || code === 0x2e || code === 0x5f;
}
