/** Configurations of whole-system tests. */

export interface Variation {
  readonly plans?: string;
  readonly routes?: string;
  /** Further fields of the top level. */
  readonly top?: string;
  /** The hub's port, regions and their operations above it as `dev` has them; default 8080. */
  readonly base?: number;
  /** Default: all three. */
  readonly regions?: readonly RegionName[];
  /** Of each region, on one port; default 1. */
  readonly processes?: number;
}

/** The three regions of the contract, with a handler that answers at once. */
export function threeRegions(more: Variation = {}): string {
  const port = (offset: number): string => `127.0.0.1:${(more.base ?? 8080) + offset}`;
  const processes = more.processes === undefined ? "" : `, processes: ${more.processes}`;
  const regions = (more.regions ?? regionNames).map((name) => {
    const place = regionNames.indexOf(name);
    return `  ${name}: { listen: "${port(1 + place)}", operations: "${port(101 + place)}"${processes} }`;
  });
  const plans =
    more.plans ?? "pro: { limits: [{ name: month, per: key, quota: 100000, window: month }] }";
  return `version: 1
hub: { listen: "${port(0)}" }
regions:
${regions.join("\n")}
keys: { prefix: ipd, from: ["header:x-api-key", "bearer", "query:api-key"] }
${more.top ?? ""}
plans:
  ${plans}
routes:
  ${more.routes ?? '- { path: "/", handler: ./hello.mjs }'}
`;
}

/** Files that the configurations name. Plain JavaScript: in a folder of its own each time, types would be taken out of it at every start. */
export const handlers = {
  "hello.mjs": `export default () => new Response("hello");\n`,
};

export type RegionName = (typeof regionNames)[number];
export const regionNames = ["sydney", "seoul", "frankfurt"] as const;
