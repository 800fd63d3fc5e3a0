import { Nav } from "../shared/nav.tsx";
import { start } from "../shared/start.tsx";
import { Empty, Page } from "../shared/ui.tsx";

start(
  <>
    <Nav name="Tallygate" places={[{ href: "#/", text: "Overview" }]} current="#/" />
    <Page title="Overview">
      <Empty title="Nothing here yet" />
    </Page>
  </>,
);
