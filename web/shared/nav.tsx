/** The bar at the top of a page: brand, places, theme. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Brand } from "./brand.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { chooseTheme, chosenTheme, type Theme } from "./theme.ts";
import { Button } from "./ui.tsx";

export interface Place {
  readonly href: string;
  readonly text: string;
}

interface NavProps {
  readonly name: string;
  readonly logo?: string | undefined;
  readonly home?: string;
  readonly places: readonly Place[];
  /** The place that is shown. */
  readonly current: string;
  readonly end?: ComponentChildren;
}

export function Nav({ name, logo, home, places, current, end }: NavProps) {
  return (
    <header class="top">
      <a class="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <div class="top-inner">
        <Brand name={name} logo={logo} href={home} />
        {places.length > 0 && (
          <nav class="nav" aria-label="Main">
            {places.map(({ href, text }) => (
              <a key={href} href={href} aria-current={href === current ? "page" : undefined}>
                {text}
              </a>
            ))}
          </nav>
        )}
        <div class="top-end">
          {end}
          <ThemeButton />
        </div>
      </div>
    </header>
  );
}

/** The fragment of the address is the route: the target must not go there. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

const nextTheme: Readonly<Record<Theme, Theme>> = {
  system: "light",
  light: "dark",
  dark: "system",
};
const themeIcon: Readonly<Record<Theme, IconName>> = { system: "auto", light: "sun", dark: "moon" };
const themeText: Readonly<Record<Theme, string>> = {
  system: "as the system",
  light: "light",
  dark: "dark",
};

export function ThemeButton() {
  const [theme, setTheme] = useState(chosenTheme);
  const next = () => {
    const chosen = nextTheme[theme];
    chooseTheme(chosen);
    setTheme(chosen);
  };
  return (
    <Button kind="quiet" onClick={next} label={`Theme: ${themeText[theme]}`}>
      <Icon name={themeIcon[theme]} />
    </Button>
  );
}
