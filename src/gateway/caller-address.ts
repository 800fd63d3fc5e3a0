/**
 * Where a call comes from: the peer's address, or the one that a trusted proxy tells; and whether any call may come from there. What
 * is found out about a peer is noted on its connection, so that its other calls need not.
 */

import { clientAddress } from "../access/client-address.ts";
import type { ClientsConfig } from "../access/compiled-config.ts";
import { isInCidr, maskAddress } from "../access/ip-address.ts";
import type { Connection, Exchange, HeaderList } from "../ports/listener.ts";
import { AddressText } from "./caller.ts";

interface Found {
  /** The whole address; not to be written to. */
  readonly words: Uint32Array;
  /** As it is counted: cut by the prefixes of `clients`. */
  readonly counted: Uint32Array;
  readonly countedBits: number;
  /** Of the whole address. */
  readonly text: AddressText;
  /** By the lists of addresses. */
  readonly isDenied: boolean;
}

interface PeerNotes {
  /** By whose prefixes, proxies and lists they are. */
  readonly of: CallerAddress;
  readonly peer: Found;
  readonly isTrusted: boolean;
}

/** One configuration's. */
export class CallerAddress {
  /** Of the call read last; shared by the calls of a connection where it is the peer's. */
  found: Found;
  readonly #clients: ClientsConfig;

  constructor(clients: ClientsConfig) {
    this.#clients = clients;
    this.found = this.#find("", []);
  }

  /** A trusted proxy is not the caller, and may be in no list. */
  read({ connection, headers }: Exchange): void {
    const { peer, isTrusted } = this.#notesOf(connection);
    this.found = isTrusted ? this.#find(connection.peerAddress, headers) : peer;
  }

  #notesOf(connection: Connection): PeerNotes {
    const known = connection.scratch as PeerNotes | undefined;
    if (known?.of === this) return known;
    const peer = this.#find(connection.peerAddress, []);
    const isTrusted = this.#clients.trustedProxies.some((block) => isInCidr(peer.words, block));
    const notes: PeerNotes = { of: this, peer, isTrusted };
    connection.scratch = notes;
    return notes;
  }

  /** Without header fields it is the peer's own address. */
  #find(peer: string, rawHeaders: HeaderList): Found {
    const { trustedProxies, ipv4Prefix, ipv6Prefix, lists } = this.#clients;
    const words = new Uint32Array(4);
    clientAddress({ peer, rawHeaders, trustedProxies }, words);
    const counted = words.slice();
    const countedBits = maskAddress(counted, ipv4Prefix, ipv6Prefix);
    const isDenied = lists?.isDenied(words) === true;
    return { words, counted, countedBits, text: new AddressText(words), isDenied };
  }
}
