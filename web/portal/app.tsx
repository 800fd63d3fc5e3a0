/** The portal: sign-up for who is nobody yet; keys, usage and a quick start for who is somebody. */

import { useEffect, useState } from "preact/hooks";
import type {
  BrandJson,
  EnteredJson,
  PersonJson,
} from "../../src/control/portal/portal-schemas.ts";
import { api, onSignedOut, setCsrfToken } from "../shared/api.ts";
import { Icon } from "../shared/icon.tsx";
import { Nav, type Place } from "../shared/nav.tsx";
import { routeTo } from "../shared/route.ts";
import { Button, Empty, ErrorBox, Loading, Page } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { useRoute } from "../shared/use-route.ts";
import { Account } from "./account.tsx";
import { Enter } from "./enter.tsx";
import { Foot } from "./foot.tsx";
import { Keys } from "./keys.tsx";
import { Overview } from "./overview.tsx";
import { QuickStart } from "./quick-start.tsx";
import { Reference } from "./reference.tsx";
import { forgetSecrets, keepSecret } from "./secrets.ts";
import { SignUp } from "./sign-up.tsx";

export function App() {
  const brand = useApi<BrandJson>("/portal/api/brand");
  const [entered, setEntered] = useState<PersonJson | null>();
  const { path, query } = useRoute();
  const person = entered === undefined ? (brand.data?.person ?? null) : entered;
  if (person !== null) setCsrfToken(person.csrfToken);

  useEffect(() => {
    onSignedOut(() => setEntered((now) => (now === undefined ? now : null)));
  }, []);
  useEffect(() => {
    if (brand.data !== undefined) document.title = `${brand.data.name} – API keys`;
  }, [brand.data]);

  if (brand.data === undefined) {
    return (
      <main class="narrow">
        <h1 class="visually-hidden">API keys</h1>
        {brand.error === undefined ? (
          <Loading />
        ) : (
          <ErrorBox error={brand.error} onRetry={brand.reload} />
        )}
      </main>
    );
  }
  const onEntered = (who: EnteredJson): void => {
    if (who.firstKey !== null) keepSecret(who.firstKey);
    setCsrfToken(who.csrfToken);
    setEntered(who);
    location.hash = "#/";
  };
  const logOut = async (): Promise<void> => {
    await api("/portal/api/session", { method: "DELETE" });
    forgetSecrets();
    setEntered(null);
  };
  const places = person === null ? [] : placesOf(brand.data);
  const current = routeTo(path);
  return (
    <>
      <Nav
        name={brand.data.name}
        logo={brand.data.logo ? "/portal/api/logo.svg" : undefined}
        places={places}
        current={current}
        end={
          person !== null && (
            <Button kind="quiet" label="Log out" onClick={() => void logOut()}>
              <Icon name="out" />
            </Button>
          )
        }
      />
      <Content
        {...{ brand: brand.data, person, path, onEntered }}
        token={path === "/enter" ? (query["token"] ?? "") : undefined}
        onLeft={() => setEntered(null)}
      />
      <Foot brand={brand.data} />
    </>
  );
}

function placesOf({ reference }: BrandJson): Place[] {
  return [
    { href: "#/", text: "Usage" },
    { href: "#/keys", text: "Keys" },
    { href: "#/start", text: "Quick start" },
    ...(reference ? [{ href: "#/reference", text: "Reference" }] : []),
    { href: "#/account", text: "Account" },
  ];
}

interface ContentProps {
  readonly brand: BrandJson;
  readonly person: PersonJson | null;
  readonly path: string;
  /** Of the link that was opened. */
  readonly token: string | undefined;
  readonly onEntered: (who: EnteredJson) => void;
  readonly onLeft: () => void;
}

function Content({ brand, person, path, token, onEntered, onLeft }: ContentProps) {
  if (token !== undefined) return <Enter brand={brand} token={token} onEntered={onEntered} />;
  if (path === "/reference" && brand.reference) return <Reference brand={brand} />;
  if (person === null) return <SignUp brand={brand} />;
  switch (path) {
    case "/":
      return <Overview brand={brand} />;
    case "/keys":
      return <Keys brand={brand} />;
    case "/start":
      return <QuickStart brand={brand} />;
    case "/account":
      return <Account person={person} onLeft={onLeft} />;
    default:
      return (
        <Page title="Not found">
          <Empty title="There is nothing here">
            <a href="#/">To your usage</a>
          </Empty>
        </Page>
      );
  }
}
