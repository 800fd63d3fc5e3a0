/** Files that Vite takes care of. */

declare module "*.css";

declare module "*.svg" {
  const address: string;
  export default address;
}

declare module "virtual:land" {
  /** Path of an SVG, in tenths of `projection.ts`'s units. */
  export const land: string;
}
