/** The operator's word that batches will never come, as a durable record in the stream. */

import { TallygateError } from "../base/errors.ts";
import { type Incarnation, type ProducerId, producerKey } from "../base/words.ts";
import { encodeLost } from "../metering/stream-record.ts";
import type { HubParts } from "./hub-parts.ts";

/** Fails if nothing of the incarnation waits for a missing batch, or if its gateway is connected and will send it. */
export async function declareLost(
  hub: Pick<HubParts, "state" | "log" | "stream"> & {
    readonly isConnected: (producer: ProducerId) => boolean;
  },
  producer: ProducerId,
  incarnation: Incarnation,
): Promise<void> {
  const known = hub.state.fold.producers.get(producerKey(producer, incarnation));
  if (known === undefined) throw new TallygateError("not-found", "no such producer");
  if (known.parked.size === 0) {
    throw new TallygateError("request-invalid", "nothing of that producer is missing");
  }
  if (hub.isConnected(producer)) {
    throw new TallygateError("request-invalid", "the gateway is connected and will send it");
  }
  const from = known.last + 1;
  const to = Math.min(...known.parked.keys()) - 1;
  hub.log.warn("the operator declared batches lost", { producer, incarnation, from, to });
  await hub.stream.append(encodeLost({ producer, incarnation, from, to }));
}
