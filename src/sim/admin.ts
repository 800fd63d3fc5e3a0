/** The admin's side of the keys: what was made of them, and which plan a call of one can be under at a gateway. */

import { unpackRecords } from "../hub/registry-records.ts";
import type { GatewayMessage, HubMessage } from "../ports/link.ts";
import type { CallRecord } from "./calls.ts";
import { limitsAt, type PlanName, type Quotas } from "./config.ts";
import type { SimGateway } from "./gateway.ts";
import type { SimHub } from "./hub.ts";
import type { World } from "./world.ts";

export interface AdminKey {
  readonly id: string;
  readonly owner: string;
  /** All that it ever had, or may have: the last one is what was asked for last. */
  readonly plans: PlanName[];
  /** Registry version from which on it is under the last of its plans; infinite while that is not certain. */
  movedVersion: number;
  /** When it was moved last, by the hub's time. */
  movedAtMs: number;
  /** Windows that begin by then, by the hub's time, may be those in which it was moved. */
  movedUntilMs: number;
  secrets: string[];
  isRevoked: boolean;
}

const owners = ["acme", "globex", "initech"];
const unrestricted = { referers: [], addresses: [], routes: [] };
/** A window that begins so soon after a move is still the one that the key was moved in. */
const movedAheadMs = 11_000;

export class Admin {
  readonly keys: AdminKey[] = [];
  /** Owners of all keys that were made, by id. */
  readonly made = new Map<string, string>();
  readonly #world: World;
  readonly #hub: SimHub;
  /** Registry versions that starts of gateways were sent, and that disks of gateways have saved. */
  readonly #heard = new Map<string, number>();

  readonly #onRevoked: (keyId: string) => void;

  /** `onRevoked`: told that the admin was told so. */
  constructor(world: World, hub: SimHub, onRevoked: (keyId: string) => void) {
    this.#world = world;
    this.#hub = hub;
    this.#onRevoked = onRevoked;
  }

  async create(plan: PlanName): Promise<void> {
    const owner = owners[this.made.size % owners.length] as string;
    const request = { plan, name: "", owner, expiresAtMs: 0, mode: "live" } as const;
    const registry = this.#hub.hub?.api.registry;
    const made = await registry?.create({ ...request, restrict: unrestricted });
    if (made === undefined) return;
    this.made.set(made.id, owner);
    const never = Number.NEGATIVE_INFINITY;
    const move = { movedVersion: 0, movedAtMs: never, movedUntilMs: never };
    this.keys.push({
      ...{ id: made.id, owner, plans: [plan], ...move },
      ...{ secrets: [made.key], isRevoked: false },
    });
  }

  async rotate(key: AdminKey): Promise<void> {
    const made = await this.#hub.hub?.api.registry.rotate(key.id, 1_000_000);
    if (made === undefined) return;
    this.#world.count("operation: key rotated");
    key.secrets = [made.key];
  }

  async revoke(key: AdminKey): Promise<void> {
    const view = await this.#hub.hub?.api.registry.revoke(key.id);
    if (view === undefined) return;
    this.#world.count("operation: key revoked");
    key.isRevoked = true;
    this.#onRevoked(key.id);
  }

  async move(key: AdminKey, plan: PlanName): Promise<void> {
    key.plans.push(plan);
    // Until there is an answer nobody knows whether it was moved.
    unsettle(key);
    const moves = key.plans.length;
    const view = await this.#hub.hub?.api.registry.update(key.id, { plan });
    if (view === undefined || key.plans.length !== moves) return;
    this.#world.count("operation: key moved to another plan");
    this.#world.trace(() => `${key.id} is under ${plan} from version ${view.version} on`);
    key.movedVersion = view.version;
    key.movedAtMs = this.#hub.presentMs;
    key.movedUntilMs = this.#hub.latestMs + movedAheadMs;
  }

  /** The hub was restored: which moves it has forgotten is not known. */
  restored(): void {
    this.#heard.clear();
    for (const key of this.keys) {
      if (key.plans.length === 1) continue;
      unsettle(key);
    }
  }

  /** A message arrives at a gateway, or from it at the hub. */
  message(gateway: SimGateway, message: GatewayMessage | HubMessage, payload: Uint8Array): void {
    if (message.kind === "registry-return") this.#givenBack(payload);
    if (message.kind === "registry") this.#hears(gateway.startName, message.version);
    else if (message.kind === "registry-ack") this.#hears(gateway.disksName, message.version);
  }

  /**
   * A move that the hub made before it was restored, by a clock that was ahead, looks later than one that it made since: what was
   * lost and what came after it are told apart by nothing but the hub's time.
   */
  #givenBack(packed: Uint8Array): void {
    for (const { keyId, plan, changedAtMs } of unpackRecords(packed) ?? []) {
      const key = this.keys.find(({ id }) => id === keyId);
      if (key === undefined || plan === key.plans.at(-1)) continue;
      if (changedAtMs >= key.movedAtMs) unsettle(key);
    }
  }

  /** By what a gateway, which has read these quotas, may decide a call. */
  limitsOf(
    key: AdminKey | undefined,
    gateway: SimGateway,
    quotas: Quotas,
  ): Pick<CallRecord, "limits" | "least" | "isStrict" | "softUntilMs"> {
    const names = key === undefined ? (["anonymous"] as const) : this.#plansAt(key, gateway);
    const softUntilMs = key?.movedUntilMs ?? Number.NEGATIVE_INFINITY;
    return { ...limitsAt(quotas, names), softUntilMs };
  }

  /** Plans that a call of the key can be under at a gateway. */
  #plansAt(key: AdminKey, gateway: SimGateway): readonly PlanName[] {
    const { plans, movedVersion } = key;
    if (plans.length === 1) return plans;
    const version = Math.max(
      this.#heard.get(gateway.startName) ?? 0,
      this.#heard.get(gateway.disksName) ?? 0,
    );
    return version >= movedVersion ? plans.slice(-1) : plans;
  }

  #hears(name: string, version: number): void {
    this.#heard.set(name, Math.max(version, this.#heard.get(name) ?? 0));
  }
}

/** Which of its plans it is under, and since when, is not known. */
function unsettle(key: AdminKey): void {
  key.movedVersion = Number.POSITIVE_INFINITY;
  key.movedUntilMs = Number.POSITIVE_INFINITY;
}
