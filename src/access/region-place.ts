/** Where a region is, as far as its name says: a city, or what a cloud calls its region. For the map; nothing is decided by it. */

import type { Place } from "./compiled-config.ts";

/** City → latitude, longitude; then the names that clouds give to their regions there. */
const cities: readonly (readonly [string, number, number, string?])[] = [
  ["amsterdam", 52.37, 4.9, "ams westeurope europe-west4"],
  ["ashburn", 39.04, -77.49, "iad virginia us-east-1 eastus us-east4 us-east"],
  ["atlanta", 33.75, -84.39, "atl"],
  ["auckland", -36.85, 174.76, "ap-southeast-6 newzealandnorth"],
  ["bahrain", 26.07, 50.55, "me-south-1"],
  ["bangkok", 13.76, 100.5, "ap-southeast-7"],
  ["berlin", 52.52, 13.4, "europe-west10"],
  ["bogota", 4.71, -74.07, "bog"],
  ["boston", 42.36, -71.06, "bos"],
  ["brisbane", -27.47, 153.03],
  ["brussels", 50.85, 4.35, "europe-west1"],
  ["bucharest", 44.43, 26.1, "otp"],
  ["buenosaires", -34.6, -58.38, "eze"],
  ["capetown", -33.92, 18.42, "af-south-1 southafricawest"],
  ["chennai", 13.08, 80.27, "southindia"],
  ["chicago", 41.88, -87.63, "ord northcentralus"],
  ["copenhagen", 55.68, 12.57],
  ["dallas", 32.78, -96.8, "dfw us-south1 southcentralus"],
  ["delhi", 28.61, 77.21, "asia-south2"],
  ["denver", 39.74, -104.99, "den"],
  ["doha", 25.29, 51.53, "me-central1"],
  ["dubai", 25.2, 55.27, "me-central-1 uaenorth"],
  ["dublin", 53.35, -6.26, "ireland eu-west-1 northeurope"],
  ["frankfurt", 50.11, 8.68, "fra eu-central-1 europe-west3 germanywestcentral eu-central"],
  ["helsinki", 60.17, 24.94, "hel europe-north1"],
  ["hongkong", 22.32, 114.17, "hkg ap-east-1 eastasia asia-east2"],
  ["hyderabad", 17.39, 78.49, "ap-south-2"],
  ["istanbul", 41.01, 28.98],
  ["jakarta", -6.21, 106.85, "ap-southeast-3 asia-southeast2"],
  ["johannesburg", -26.2, 28.05, "jnb southafricanorth africa-south1"],
  ["lagos", 6.52, 3.38],
  ["lima", -12.05, -77.04],
  ["lisbon", 38.72, -9.14],
  ["london", 51.51, -0.13, "lhr eu-west-2 uksouth europe-west2"],
  ["losangeles", 34.05, -118.24, "lax us-west2"],
  ["madrid", 40.42, -3.7, "mad eu-south-2 europe-southwest1 spaincentral"],
  ["melbourne", -37.81, 144.96, "ap-southeast-4 australia-southeast2 australiasoutheast"],
  ["mexico", 19.43, -99.13, "qro mx-central-1 northamerica-south1 mexicocentral"],
  ["miami", 25.76, -80.19, "mia"],
  ["milan", 45.46, 9.19, "eu-south-1 europe-west8 italynorth"],
  ["montreal", 45.5, -73.57, "yul ca-central-1 northamerica-northeast1 canadaeast"],
  ["moscow", 55.76, 37.62],
  ["mumbai", 19.08, 72.88, "bom ap-south-1 asia-south1 westindia"],
  ["nairobi", -1.29, 36.82],
  ["newyork", 40.71, -74.01, "ewr nyc"],
  ["ohio", 40.0, -83.0, "columbus us-east-2 eastus2 us-east5"],
  ["oregon", 45.6, -121.18, "portland us-west-2 westus2 us-west1"],
  ["osaka", 34.69, 135.5, "ap-northeast-3 asia-northeast2 japanwest"],
  ["oslo", 59.91, 10.75, "norwayeast"],
  ["paris", 48.86, 2.35, "cdg eu-west-3 europe-west9 francecentral"],
  ["phoenix", 33.45, -112.07, "phx westus3"],
  ["prague", 50.08, 14.44],
  ["santiago", -33.45, -70.67, "scl southamerica-west1 chilecentral"],
  ["saopaulo", -23.55, -46.63, "gru sa-east-1 southamerica-east1 brazilsouth"],
  ["seattle", 47.61, -122.33, "sea"],
  ["seoul", 37.57, 126.98, "icn ap-northeast-2 asia-northeast3 koreacentral"],
  ["shanghai", 31.23, 121.47],
  ["singapore", 1.35, 103.82, "sin ap-southeast-1 southeastasia asia-southeast1"],
  ["siliconvalley", 37.35, -121.95, "sanjose sanfrancisco california sjc us-west-1 westus us-west"],
  ["stockholm", 59.33, 18.07, "arn eu-north-1 swedencentral europe-north2"],
  ["sydney", -33.87, 151.21, "syd ap-southeast-2 australiaeast australia-southeast1"],
  ["taipei", 25.03, 121.57, "ap-east-2 asia-east1"],
  ["telaviv", 32.09, 34.78, "il-central-1 israelcentral me-west1"],
  ["tokyo", 35.68, 139.69, "nrt ap-northeast-1 asia-northeast1 japaneast"],
  ["toronto", 43.65, -79.38, "yyz canadacentral northamerica-northeast2"],
  ["vienna", 48.21, 16.37, "austriaeast"],
  ["warsaw", 52.23, 21.01, "waw europe-central2 polandcentral"],
  ["zurich", 47.37, 8.54, "zrh eu-central-2 europe-west6 switzerlandnorth"],
];

const byName = new Map<string, Place>();
for (const [city, latitude, longitude, clouds = ""] of cities) {
  for (const name of [city, ...clouds.split(" ")]) {
    if (name !== "") byName.set(name, { latitude, longitude });
  }
}

/**
 * A whole name first (`eu-west-1`), then one without hyphens (`hong-kong`), then a city among its parts
 * (`prod-sydney-2`). Undefined: nothing that is known.
 */
export function placeOf(region: string): Place | undefined {
  const parts = region.split("-");
  const candidates = [
    region,
    region.replaceAll("-", ""),
    ...parts.filter((part) => part.length > 2),
  ];
  for (const name of candidates) {
    const place = byName.get(name);
    if (place !== undefined) return place;
  }
  return undefined;
}
