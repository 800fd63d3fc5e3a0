/** A first call in four languages, as text to be copied. */

export const languages = [
  { value: "curl", text: "curl" },
  { value: "javascript", text: "JavaScript" },
  { value: "python", text: "Python" },
  { value: "go", text: "Go" },
] as const;

export type Language = (typeof languages)[number]["value"];

export interface SnippetCall {
  readonly method: string;
  /** With scheme, without the key. */
  readonly url: string;
  readonly key: string;
  /** `bearer`, `header:<name>` or `query:<name>`. */
  readonly keyFrom: string;
}

export function snippet(language: Language, call: SnippetCall): string {
  const { method } = call;
  const { url, header } = carried(call);
  switch (language) {
    case "curl": {
      const parts = [
        "curl",
        ...(method === "GET" ? [] : [`-X ${method}`]),
        ...(header === undefined ? [] : [`-H ${shell(`${header[0]}: ${header[1]}`)}`]),
        shell(url),
      ];
      return parts.join(" ");
    }
    case "javascript": {
      const options = [
        ...(method === "GET" ? [] : [`  method: ${json(method)},`]),
        ...(header === undefined ? [] : [`  headers: { ${json(header[0])}: ${json(header[1])} },`]),
      ];
      const second = options.length === 0 ? "" : `, {\n${options.join("\n")}\n}`;
      return [
        `const response = await fetch(${json(url)}${second});`,
        "console.log(response.status, await response.text());",
      ].join("\n");
    }
    case "python":
      return [
        "from urllib.request import Request, urlopen",
        "",
        `request = Request(${json(url)}, method=${json(method)})`,
        ...(header === undefined
          ? []
          : [`request.add_header(${json(header[0])}, ${json(header[1])})`]),
        "with urlopen(request) as response:",
        "    print(response.status, response.read().decode())",
      ].join("\n");
    case "go":
      return [
        "package main",
        "",
        'import (\n\t"fmt"\n\t"io"\n\t"net/http"\n)',
        "",
        "func main() {",
        `\trequest, _ := http.NewRequest(${json(method)}, ${json(url)}, nil)`,
        ...(header === undefined
          ? []
          : [`\trequest.Header.Set(${json(header[0])}, ${json(header[1])})`]),
        "\tresponse, err := http.DefaultClient.Do(request)",
        "\tif err != nil {\n\t\tpanic(err)\n\t}",
        "\tdefer response.Body.Close()",
        "\tbody, _ := io.ReadAll(response.Body)",
        "\tfmt.Println(response.StatusCode, string(body))",
        "}",
      ].join("\n");
  }
}

function carried({ url, key, keyFrom }: SnippetCall): {
  url: string;
  header: readonly [string, string] | undefined;
} {
  const [kind, name = ""] = keyFrom.split(":");
  if (kind === "bearer") return { url, header: ["Authorization", `Bearer ${key}`] };
  if (kind === "header") return { url, header: [name, key] };
  const mark = url.includes("?") ? "&" : "?";
  return {
    url: `${url}${mark}${encodeURIComponent(name)}=${encodeURIComponent(key)}`,
    header: undefined,
  };
}

/** A string literal in all three languages: JSON's escapes are theirs too. */
function json(text: string): string {
  return JSON.stringify(text);
}

function shell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A route of the configuration as a path to call: `/api/*` → `/api/`. */
export function pathOf(route: string): string {
  return route.replace(/\*$/, "");
}
