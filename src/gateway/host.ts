/** The Host field (RFC 9110, 7.2): a name or address, and perhaps a port. */

import { parseAddressAt } from "../access/ip-address.ts";

/** Characters at most: a name of 253, a colon and a port. */
const hostLengthMax = 259;

const address = new Uint32Array(4);

/** Whether `text` is a host as a server behind the gateway can only read in one way. */
export function isHost(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > hostLengthMax) return false;
  if (text.charCodeAt(0) === 0x5b) {
    const close = text.indexOf("]");
    // In brackets stands IPv6 only, without a zone.
    const colon = text.indexOf(":");
    if (colon < 0 || colon > close) return false;
    if (!parseAddressAt(text, 1, close, address)) return false;
    return close + 1 === length || isPort(text, close + 1);
  }
  const colon = text.indexOf(":");
  if (colon >= 0 && !isPort(text, colon)) return false;
  return isName(text, colon >= 0 ? colon : length);
}

/** Labels between single dots, none of them empty but one behind the last dot. */
function isName(text: string, end: number): boolean {
  let isLabelStart = true;
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    const isDot = code === 0x2e;
    if (isDot ? isLabelStart : !isNameCode(code)) return false;
    isLabelStart = isDot;
  }
  return end > 0;
}

/** `:` and 1 to 65535. */
function isPort(text: string, from: number): boolean {
  const digits = text.length - from - 1;
  if (text.charCodeAt(from) !== 0x3a || digits < 1 || digits > 5) return false;
  for (let i = from + 1; i < text.length; i++) if (!isDigit(text.charCodeAt(i))) return false;
  const port = Number(text.slice(from + 1));
  return port >= 1 && port <= 65_535;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isNameCode(code: number): boolean {
  const letter = code | 0x20;
  if (isDigit(code) || (letter >= 0x61 && letter <= 0x7a)) return true;
  return code === 0x2d || code === 0x5f;
}
