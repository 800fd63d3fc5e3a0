/** All planted bugs. Production code names none. */

import { gatewayPlants } from "./gateway-plants.ts";
import { hubPlants } from "./hub-plants.ts";
import { keyPlants } from "./key-plants.ts";
import { leasePlants } from "./lease-plants.ts";
import { operatorPlants } from "./operator-plants.ts";
import type { Plant } from "./plant.ts";
import { storagePlants } from "./storage-plants.ts";
import { usagePlants } from "./usage-plants.ts";

export const allPlants: readonly Plant[] = [
  ...gatewayPlants,
  ...storagePlants,
  ...hubPlants,
  ...leasePlants,
  ...keyPlants,
  ...usagePlants,
  ...operatorPlants,
];
