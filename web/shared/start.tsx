/** The beginning of every page. */

import "./tokens.css";
import "./base.css";
import "./ui.css";
import { type ComponentChild, render } from "preact";
import { applyTheme } from "./theme.ts";

export function start(page: ComponentChild): void {
  applyTheme();
  const place = document.getElementById("app");
  if (place !== null) render(page, place);
}
