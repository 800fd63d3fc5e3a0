/** Files that Vite takes care of. */

declare module "*.css";

declare module "*.svg" {
  const address: string;
  export default address;
}
