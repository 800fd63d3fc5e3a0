import { Nav } from "../shared/nav.tsx";
import { start } from "../shared/start.tsx";
import { Empty, Page } from "../shared/ui.tsx";

start(
  <>
    <Nav name="Tallygate" places={[]} current="" />
    <Page title="Status">
      <Empty title="Nothing here yet" />
    </Page>
  </>,
);
