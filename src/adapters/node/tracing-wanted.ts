/** Whether the standard environment variables of OpenTelemetry ask for traces. Apart from `tracing.ts`, which loads them. */

export type Environment = Readonly<Record<string, string | undefined>>;

export function wantsTraces(environment: Environment): boolean {
  if (environment["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return false;
  const exporter = environment["OTEL_TRACES_EXPORTER"] ?? "";
  if (exporter !== "") return exporter !== "none";
  const endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
  return endpoints.some((name) => (environment[name] ?? "") !== "");
}
