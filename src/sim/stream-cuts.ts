/**
 * The usage stream loses its end, or all of it: a disk that lied, a file that was deleted, an older copy that somebody put
 * back. Beyond what the ledger holds the gateways send it again; a hub whose ledger holds more than its stream does not start.
 */

import { decodeStreamRecord } from "../metering/stream-record.ts";
import type { StreamRecord } from "../ports/usage-stream.ts";
import type { Cluster } from "./cluster.ts";
import { batchName } from "./lost-charges.ts";
import type { StreamImage } from "./storage/usage-stream.ts";

/** What it was before, for an operator who finds the file again. */
type Aside = Pick<StreamImage, "records" | "last">;

export class StreamCuts {
  readonly #cluster: Cluster;
  /** Batches that were stored and are not, by name. */
  readonly #lost = new Map<string, Uint8Array>();
  #aside: Aside | undefined;
  /** Times that records were lost of which the ledger knows nothing. */
  count = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** The stream ends before what the ledger holds. */
  get isShort(): boolean {
    return this.#aside !== undefined;
  }

  /** The hub is down. Its stream ends before what the ledger holds, or has nothing. */
  replace(): void {
    const { hub, world } = this.#cluster;
    const image = hub.streamImage;
    const { position = 0 } = hub.ledger.fold?.version ?? {};
    if (position === 0 || this.#aside !== undefined) return;
    this.#aside = { records: image.records, last: image.last };
    // It comes back: what gateways let go of meanwhile is in it.
    hub.model.readBatches(image.records);
    const last = world.chance(0.5) ? 0 : world.random.below(position);
    image.records = image.records.filter((record) => record.position <= last);
    image.last = last;
    world.count("fault: stream older than the ledger");
  }

  /** The hub did not start. If it was for this, its operator does something about it. */
  async mend(): Promise<void> {
    const { world } = this.#cluster;
    if (this.#aside === undefined) return;
    world.count("recovery: hub refused a stream that is too short");
    this.putBack();
    if (world.chance(0.5)) await this.#cluster.restoreHub();
  }

  /** The hub has started. */
  started(): void {
    if (this.#aside === undefined) return;
    const { hub, report } = this.#cluster;
    report(
      "I5",
      `the hub runs on a stream that ends at ${hub.streamImage.last}, before its ledger`,
    );
  }

  /** The file has been found again; before a restore, too, since what led to the backup is in it. */
  putBack(): void {
    if (this.#aside !== undefined) Object.assign(this.#cluster.hub.streamImage, this.#aside);
    this.#aside = undefined;
  }

  /** The hub is down. Its stream has lost some records that the ledger does not hold and the gateways do. */
  cut(): void {
    const { hub, world } = this.#cluster;
    const image = hub.streamImage;
    const { position = 0 } = hub.ledger.fold?.version ?? {};
    if (this.#aside !== undefined) return;
    let kept = image.records.length;
    const losable = (record: StreamRecord | undefined): boolean =>
      record !== undefined && record.position > position && this.#isHeld(record);
    while (losable(image.records[kept - 1])) kept--;
    const most = image.records.length - kept;
    if (most === 0) return;
    const lost = image.records.splice(-1 - world.random.below(most));
    image.last -= lost.length;
    this.gone(lost);
    this.count++;
    this.#cluster.streamLost(lost);
    world.count("fault: stream lost its end");
  }

  /** Records that gateways may take for stored, since they were. */
  gone(records: readonly StreamRecord[]): void {
    for (const { bytes } of records) {
      const entry = decodeStreamRecord(bytes);
      if (entry.kind === "batch") this.#lost.set(batchName(entry.batch), bytes);
    }
  }

  /** A gateway lets a batch go that was stored once and is not, after the retention. */
  trimmed(name: string): Uint8Array | undefined {
    return this.#lost.get(name);
  }

  /** A grant, or a batch that its gateway has still. */
  #isHeld({ bytes }: StreamRecord): boolean {
    const entry = decodeStreamRecord(bytes);
    if (entry.kind === "grant") return true;
    if (entry.kind !== "batch") return false;
    const { producer, incarnation, seq } = entry.batch;
    const gateway = this.#cluster.gateways.find((each) => each.producer === producer);
    return gateway?.journalImage.has(incarnation, seq) === true;
  }
}
