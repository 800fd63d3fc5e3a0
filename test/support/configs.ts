/** Configurations of whole-system tests. */

/** The three regions of the contract, with a handler that answers at once. */
export function threeRegions(more: { plans?: string; routes?: string; top?: string } = {}): string {
  const plans =
    more.plans ?? "pro: { limits: [{ name: month, per: key, quota: 100000, window: month }] }";
  return `version: 1
hub: { listen: 127.0.0.1:8080 }
regions:
  sydney: { listen: 127.0.0.1:8081, operations: 127.0.0.1:8181 }
  seoul: { listen: 127.0.0.1:8082, operations: 127.0.0.1:8182 }
  frankfurt: { listen: 127.0.0.1:8083, operations: 127.0.0.1:8183 }
keys: { prefix: ipd, from: ["header:x-api-key", "bearer", "query:api-key"] }
${more.top ?? ""}
plans:
  ${plans}
routes:
  ${more.routes ?? '- { path: "/", handler: ./hello.ts }'}
`;
}

/** Files that the configurations name. */
export const handlers = {
  "hello.ts": `export default () => new Response("hello");\n`,
};

export const regionNames = ["sydney", "seoul", "frankfurt"] as const;
