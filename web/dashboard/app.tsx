/** The dashboard: who has logged in, where they are, what is live. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, onSignedOut } from "../shared/api.ts";
import { Icon } from "../shared/icon.tsx";
import { Nav } from "../shared/nav.tsx";
import type { Route } from "../shared/route.ts";
import { Badge, Button, Empty, ErrorBox, Page, type Tone } from "../shared/ui.tsx";
import type { StreamState } from "../shared/use-events.ts";
import { useRoute } from "../shared/use-route.ts";
import { ConfigPage } from "./config-page.tsx";
import { Events } from "./events.tsx";
import { KeyPage } from "./key-page.tsx";
import { Keys } from "./keys.tsx";
import { LiveContext, useLiveStream } from "./live.ts";
import { Login } from "./login.tsx";
import { OutcomesPage } from "./outcomes-page.tsx";
import { Overview } from "./overview.tsx";
import { Plans } from "./plans.tsx";
import { RegionPage } from "./region-page.tsx";
import { forget, logOut, mayHaveSession, type Operator, whoAmI } from "./session.ts";
import { System } from "./system.tsx";
import { Usage } from "./usage.tsx";

const places = [
  { href: "#/", text: "Overview" },
  { href: "#/usage", text: "Usage" },
  { href: "#/keys", text: "Keys" },
  { href: "#/plans", text: "Plans" },
  { href: "#/system", text: "System" },
  { href: "#/events", text: "Events" },
] as const;

type Who = Operator | "nobody" | "unknown";

export function App() {
  const [who, setWho] = useState<Who>("unknown");
  const [error, setError] = useState<unknown>();
  const ask = (): void => {
    setError(undefined);
    whoAmI().then(setWho, (cause: unknown) => {
      if (cause instanceof ApiError && cause.status === 401) setWho("nobody");
      else setError(cause);
    });
  };
  useEffect(() => {
    onSignedOut(() => {
      forget();
      setWho("nobody");
    });
    if (mayHaveSession()) ask();
    else setWho("nobody");
  }, []);
  if (error !== undefined) {
    return (
      <>
        <Nav name="Tallygate" places={[]} current="" />
        <Page title="Dashboard">
          <ErrorBox error={error} onRetry={ask} />
        </Page>
      </>
    );
  }
  if (who === "unknown") return null;
  if (who === "nobody") return <Login onDone={setWho} />;
  return <Inside operator={who} onOut={() => setWho("nobody")} />;
}

interface InsideProps {
  readonly operator: Operator;
  readonly onOut: () => void;
}

function Inside({ operator, onOut }: InsideProps) {
  const route = useRoute();
  const live = useLiveStream();
  const current = `#/${placeOf(route)}`;
  const place = places.find(({ href }) => href === current);
  useEffect(() => {
    document.title = place === undefined ? "Tallygate" : `${place.text} · Tallygate`;
  }, [place]);
  const leave = (): void => {
    logOut().then(onOut, onOut);
  };
  const end = (
    <>
      <LiveBadge state={live?.state ?? "connecting"} />
      <Button kind="quiet" onClick={leave} label={`Log out ${operator.name}`}>
        <Icon name="out" />
      </Button>
    </>
  );
  return (
    <LiveContext.Provider value={live}>
      <Nav name="Tallygate" places={places} current={place?.href ?? "#/"} end={end} />
      <Routed route={route} canChange={operator.role === "admin"} />
    </LiveContext.Provider>
  );
}

const streamText: Readonly<Record<StreamState, readonly [string, Tone]>> = {
  connecting: ["Connecting", "plain"],
  live: ["Live", "good"],
  away: ["Reconnecting", "warn"],
};

function LiveBadge({ state }: { readonly state: StreamState }) {
  const [text, tone] = streamText[state];
  return (
    <span role="status">
      <Badge tone={tone} dot>
        {text}
      </Badge>
    </span>
  );
}

interface RoutedProps {
  readonly route: Route;
  /** Whether this operator may change anything. */
  readonly canChange: boolean;
}

function Routed({ route, canChange }: RoutedProps) {
  const [, place = "", name] = route.path.split("/").map(decoded);
  if (place === "") return <Overview query={route.query} />;
  if (place === "usage") return <Usage query={route.query} />;
  if (place === "outcomes") return <OutcomesPage query={route.query} />;
  if (place === "keys" && name !== undefined) return <KeyPage id={name} canChange={canChange} />;
  if (place === "keys") return <Keys query={route.query} canChange={canChange} />;
  if (place === "plans") return <Plans canChange={canChange} />;
  if (place === "config") return <ConfigPage canChange={canChange} />;
  if (place === "regions" && name !== undefined) return <RegionPage name={name} />;
  if (place === "system") return <System />;
  if (place === "events") return <Events />;
  return (
    <Page title="Nothing here">
      <Empty title="There is no such page.">
        <a href="#/">Overview</a>
      </Empty>
    </Page>
  );
}

/** Pages without a tab of their own stand under that of their subject. */
function placeOf({ path }: Route): string {
  const [, place = ""] = path.split("/");
  if (place === "config") return "plans";
  return place === "outcomes" ? "usage" : place;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
