/** A snippet with a choice of language and region, and a button that copies it. */

import { useState } from "preact/hooks";
import type { BrandJson } from "../../src/control/portal/portal-schemas.ts";
import { Icon } from "../shared/icon.tsx";
import { Segments } from "../shared/segments.tsx";
import { Button } from "../shared/ui.tsx";
import { type Language, languages, pathOf, snippet } from "./snippets.ts";

interface SnippetBoxProps {
  readonly brand: BrandJson;
  readonly secret: string;
  readonly route?: { readonly method: string; readonly path: string } | undefined;
}

export function SnippetBox({ brand, secret, route = brand.routes[0] }: SnippetBoxProps) {
  const [language, setLanguage] = useState<Language>("curl");
  const [region, setRegion] = useState(brand.regions[0]?.name ?? "");
  const [copied, setCopied] = useState("");
  const base = brand.regions.find(({ name }) => name === region)?.url ?? "";
  const { method, path } = route ?? { method: "GET", path: "/" };
  const text = snippet(language, {
    ...{ method, url: `${base}${pathOf(path)}`, key: secret, keyFrom: brand.keyFrom },
  });
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(text),
      () => setCopied(""),
    );
  };
  return (
    <div class="snippet">
      <div class="snippet-head">
        <Segments label="Language" options={languages} value={language} onChange={setLanguage} />
        {brand.regions.length > 1 && (
          <Segments
            label="Region"
            options={brand.regions.map(({ name }) => ({ value: name, text: name }))}
            value={region}
            onChange={setRegion}
          />
        )}
      </div>
      {/* It scrolls: it must be reachable by keyboard. */}
      <section class="snippet-code" tabIndex={0} aria-label={`A call in ${language}`}>
        <pre>
          <code>{text}</code>
        </pre>
      </section>
      <div class="snippet-copy">
        <Button onClick={copy}>
          <Icon name={copied === text ? "check" : "copy"} />
          <span aria-live="polite">{copied === text ? "Copied" : "Copy"}</span>
        </Button>
      </div>
    </div>
  );
}
