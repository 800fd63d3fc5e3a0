/** PROXY protocol headers, version 2, right or wrong in one place. */

export interface ProxyHeaderParts {
  /** IPv4 with dots, or IPv6 in all of its eight groups. */
  readonly address: string;
  /** 1: on behalf of somebody (default); 0: the proxy itself. */
  readonly command?: number;
  /** Family and transport; default TCP over what the address is. */
  readonly family?: number;
  /** Behind the addresses. */
  readonly extra?: Buffer;
}

export function proxyHeader(parts: ProxyHeaderParts): Buffer {
  const { address, command = 1, extra = Buffer.alloc(0) } = parts;
  const isIpv6 = address.includes(":");
  const { family = isIpv6 ? 0x21 : 0x11 } = parts;
  const source = isIpv6 ? ipv6Bytes(address) : Buffer.from(address.split(".").map(Number));
  const ports = Buffer.from([0xd4, 0x31, 0x01, 0xbb]);
  const body = Buffer.concat([source, Buffer.alloc(source.length), ports, extra]);
  const head = Buffer.from("\r\n\r\n\0\r\nQUIT\n\0\0\0\0", "latin1");
  head[12] = 0x20 | command;
  head[13] = family;
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}

function ipv6Bytes(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  for (const [i, group] of address.split(":").entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  }
  return bytes;
}
