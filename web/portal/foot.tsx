/** The operator's links. */

import type { BrandJson } from "../../src/control/portal/portal-schemas.ts";

export function Foot({ brand }: { readonly brand: BrandJson }) {
  const links = [...brand.links, { label: "Status", url: "/status" }];
  return (
    <footer class="foot">
      <ul>
        {links.map(({ label, url }) => (
          <li key={url}>
            <a href={url} rel="noreferrer">
              {label}
            </a>
          </li>
        ))}
      </ul>
    </footer>
  );
}
