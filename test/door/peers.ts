/** nginx and HAProxy as second readers: each reads bytes as a server behind the gateway would, and sends on what it understood. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureDebian } from "../../scripts/debian.ts";
import { until } from "../support/cluster.ts";
import { callRaw, Recorder, readMessages } from "../support/raw-http.ts";

export type PeerName = "nginx" | "haproxy";

/** Why the peers cannot be had here; undefined: they can. */
export async function peersMissing(): Promise<string | undefined> {
  const packages = await ensureDebian(["nginx", "haproxy"]);
  return packages.state === "installed" ? undefined : packages.why;
}

const bodyTextMax = "16m";

function nginxConfig(folder: string, port: number, upstream: number): string {
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events { worker_connections 256; }
http {
  access_log off; ignore_invalid_headers off; merge_slashes off; keepalive_requests 1000000;
  large_client_header_buffers 4 64k; client_max_body_size ${bodyTextMax};
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${upstream}; proxy_http_version 1.1;
      proxy_set_header Host $http_host; proxy_set_header Connection "";
    }
  }
}
`;
}

function haproxyConfig(port: number, upstream: number): string {
  return `global
  tune.bufsize 131072
  tune.http.maxhdr 256
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server only 127.0.0.1:${upstream}
`;
}

export class Peer {
  readonly name: PeerName;
  readonly recorder: Recorder;
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;
  output = "";

  private constructor(name: PeerName, recorder: Recorder, port: number) {
    this.name = name;
    this.recorder = recorder;
    this.port = port;
    this.#folder = mkdtempSync(join(tmpdir(), "tallygate-test-"));
  }

  static async start(name: PeerName): Promise<Peer> {
    const recorder = await Recorder.start();
    const holder = await Recorder.start();
    const { port } = holder;
    await holder.stop();
    const peer = new Peer(name, recorder, port);
    await peer.#start();
    return peer;
  }

  async #start(): Promise<void> {
    const file = join(this.#folder, "conf");
    const { port } = this.recorder;
    const isNginx = this.name === "nginx";
    writeFileSync(
      file,
      isNginx ? nginxConfig(this.#folder, this.port, port) : haproxyConfig(this.port, port),
    );
    const args = isNginx ? ["-c", file, "-p", this.#folder] : ["-db", "-f", file];
    const child = spawn(`/usr/sbin/${this.name}`, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-20_000);
      });
    }
    const isUp = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = connect(this.port, "127.0.0.1");
        socket.once("connect", () => {
          socket.destroy();
          resolve(true);
        });
        socket.once("error", () => resolve(false));
      });
    await until(isUp, 10_000, `${this.name} listens`);
  }

  /** Gives it `bytes` of so many requests on one connection; what it understood is in its recorder. */
  async read(bytes: string, requests: number): Promise<string> {
    const isEnough = (text: string) => readMessages(text).messages.length >= requests;
    const answer = await callRaw({ port: this.port, steps: [bytes], isEnough, withinMs: 20_000 });
    return answer.text;
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    await this.recorder.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
