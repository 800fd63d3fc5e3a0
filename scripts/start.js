/**
 * Starts a task of this checkout: `node scripts/start.js <task> [arguments]`.
 *
 * Plain JavaScript for Node 20 and later without any package, because it runs before anything is
 * installed. It installs what is missing, finds a Node that is new enough (the host's own, else the
 * one that npm brings for tools/node), and hands over: signals go through, the exit code comes back.
 * It prints nothing unless it has something to install or to complain about.
 */

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const nodeMajorMin = 24;
/** Longest wait for another start that is installing. A slow install takes two minutes. */
const lockWaitMsMax = 600_000;
const lockPollMs = 200;
/** Longest install; npm itself retries a registry for about a minute and a half. */
const installMsMax = 600_000;

const parent = process.ppid;
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Task → program and leading arguments. */
const tasks = {
  demo: ["scripts/demo.ts"],
  "demo:woodytoys": ["scripts/demo-woodytoys.ts"],
  test: ["scripts/test.ts"],
  "test:long": ["scripts/test.ts", "--long"],
  bench: ["bench/run.ts"],
  "bench:latency": ["bench/latency.ts"],
  "sim:scale": ["bench/scale.ts"],
  claims: ["scripts/claims.ts"],
  claim: ["scripts/claim.ts"],
  tallygate: ["src/cli/main.ts"],
  check: ["scripts/check.ts"],
  docs: ["scripts/docs.ts"],
  web: ["scripts/web.ts"],
  images: ["scripts/page-images.ts"],
  sim: ["src/sim/main.ts"],
  "sim:campaign": ["scripts/campaign.ts"],
};

/** Tasks that serve the pages, or test them. */
const pageTasks = new Set(["demo", "demo:woodytoys", "test", "test:long", "claim"]);
/** And these commands of the `tallygate` task. */
const pageCommands = new Set(["dev", "hub"]);
/** Longest build; it takes a second. */
const buildMsMax = 120_000;

/** How often a start by npm looks whether npm is still there. */
const parentPollMs = 250;

const passedSignals = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Tasks that need packages of a folder beside the root's. */
const extraFolders = { bench: ["bench"], "bench:latency": ["bench"], claim: ["bench"] };

class StartError extends Error {}

// ---------------------------------------------------------------- what is installed

/** The lock's packages without those that npm may leave out on this platform. */
function requiredVersions(lockFile) {
  const { packages } = JSON.parse(fs.readFileSync(lockFile, "utf8"));
  return Object.entries(packages).filter(([name, entry]) => name !== "" && !entry.optional);
}

/**
 * Whether `folder/node_modules` is what `folder/package-lock.json` asks for. The stamp makes this
 * one small read; without it, npm's own record of what it installed decides, so that an install
 * made by hand counts. npm writes that record last: an interrupted install has none.
 */
function isInstalled(folder) {
  const lockFile = path.join(folder, "package-lock.json");
  const lockHash = createHash("sha256").update(fs.readFileSync(lockFile)).digest("hex");
  const stampFile = path.join(folder, "node_modules", ".tallygate-stamp");
  try {
    if (fs.readFileSync(stampFile, "utf8") === lockHash) return true;
  } catch {}
  try {
    const record = path.join(folder, "node_modules", ".package-lock.json");
    const installed = JSON.parse(fs.readFileSync(record, "utf8")).packages;
    const isSame = ([name, entry]) => installed[name]?.version === entry.version;
    if (!requiredVersions(lockFile).every(isSame)) return false;
    fs.writeFileSync(stampFile, lockHash);
    return true;
  } catch {
    return false;
  }
}

function needsOwnNode() {
  return Number.parseInt(process.versions.node, 10) < nodeMajorMin;
}

function missingFolders(task) {
  const toolsNode = path.join(root, "tools", "node");
  const extra = (extraFolders[task] ?? []).map((folder) => path.join(root, folder));
  const folders = [root, ...(needsOwnNode() ? [toolsNode] : []), ...extra];
  return folders.filter((folder) => !isInstalled(folder) || (folder === toolsNode && !ownNode()));
}

/** The Node that npm brought, or undefined. Exactly one of the platform packages gets installed. */
function ownNode() {
  const modules = path.join(root, "tools", "node", "node_modules");
  const names = fs.existsSync(modules) ? fs.readdirSync(modules) : [];
  const programs = names.flatMap((name) => [
    path.join(modules, name, "bin", "node"),
    path.join(modules, name, "bin", "node.exe"),
  ]);
  return programs.find((program) => path.dirname(program) !== modules && fs.existsSync(program));
}

// ---------------------------------------------------------------- installing

/** npm's variables of the run that started us would make the inner npm work on the outer package. */
function installEnvironment() {
  const isOfOuterRun = /^(npm_package_|npm_lifecycle_|npm_config_local_prefix$|INIT_CWD$)/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !isOfOuterRun.test(name)),
  );
}

function npmProgram() {
  const script = process.env["npm_execpath"];
  if (script?.endsWith("npm-cli.js") && fs.existsSync(script)) return [process.execPath, script];
  return process.platform === "win32" ? ["npm.cmd"] : ["npm"];
}

function install(folder) {
  const [program, ...leading] = npmProgram();
  const flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const child = spawn(program, [...leading, ...flags], {
    cwd: folder,
    env: installEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: installMsMax,
    shell: process.platform === "win32",
  });
  // Ended while installing: an npm left behind would work against the next start's.
  const stop = () => child.kill("SIGTERM");
  process.once("exit", stop);
  child.once("close", () => process.removeListener("exit", stop));
  let output = "";
  const keep = (chunk) => {
    output = (output + chunk).slice(0, 4000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((resolve, reject) => {
    const where = path.relative(root, folder) || "this folder";
    const fail = (why) =>
      reject(new StartError(`npm could not install the packages of ${where}: ${why}`));
    child.once("error", (error) => fail(error.message));
    child.once("close", (code, signal) => {
      if (code === 0) return resolve();
      // npm's first lines say why; what follows are its help and its log file.
      const reasons = output.match(/(?<=^npm (error|ERR!) )\S.*$/gm) ?? [];
      fail(reasons.slice(0, 3).join("; ") || `it ended with ${code ?? signal}`);
    });
  });
}

// ---------------------------------------------------------------- one install at a time

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Takes the lock file, or says who holds it. A holder that is gone loses it. */
function tryLock(lockFile) {
  try {
    fs.writeFileSync(lockFile, String(process.pid), { flag: "wx" });
    return undefined;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  let holder;
  try {
    holder = Number(fs.readFileSync(lockFile, "utf8"));
    // Between its creation and its first byte a lock has no pid: give its owner a second.
    const isYoung = Date.now() - fs.statSync(lockFile).mtimeMs < 1_000;
    if (holder > 0 ? isAlive(holder) : isYoung) return holder || "another start";
    // Renamed first: of several that find it stale, one gets it, and the others find it gone.
    const stale = `${lockFile}.${process.pid}`;
    fs.renameSync(lockFile, stale);
    fs.rmSync(stale);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  return holder || "another start";
}

async function withInstallLock(work) {
  const folder = path.join(root, ".tallygate");
  fs.mkdirSync(folder, { recursive: true });
  const lockFile = path.join(folder, "install.lock");
  const deadline = Date.now() + lockWaitMsMax;
  for (let holder = tryLock(lockFile); holder !== undefined; holder = tryLock(lockFile)) {
    if (Date.now() > deadline) {
      throw new StartError(`process ${holder} has been installing for too long (${lockFile})`);
    }
    await sleep(lockPollMs);
  }
  const release = () => fs.rmSync(lockFile, { force: true });
  const stop = (_signal, number) => process.exit(128 + number);
  process.once("exit", release);
  for (const signal of passedSignals) process.on(signal, stop);
  try {
    return await work();
  } finally {
    for (const signal of passedSignals) process.removeListener(signal, stop);
    process.removeListener("exit", release);
    release();
  }
}

async function installMissing(task) {
  if (missingFolders(task).length === 0) return;
  await withInstallLock(async () => {
    // Again under the lock: another start may just have done it.
    const folders = missingFolders(task);
    if (folders.length === 0) return;
    process.stderr.write("Installing packages (only needed once) …\n");
    await Promise.all(folders.map(install));
    const broken = folders.find((folder) => !isInstalled(folder));
    if (broken) throw new StartError(`npm installed something else than ${broken} asks for`);
    checkOwnNode();
  });
}

/** The platform package is for glibc; elsewhere it is there and does not run. */
function checkOwnNode() {
  if (!needsOwnNode()) return;
  const program = ownNode();
  const answer = program ? spawnSync(program, ["--version"], { encoding: "utf8" }).stdout : "";
  if (!(Number.parseInt(answer?.slice(1) ?? "", 10) >= nodeMajorMin)) {
    throw new StartError(
      `Node ${nodeMajorMin} or later is needed, this is ${process.version}, and npm has none for this platform`,
    );
  }
}

// ---------------------------------------------------------------- handing over

/** Builds the pages if they are not, or have changed since. Without them everything else works: it goes on. */
function buildPages(node) {
  const { status } = spawnSync(node, [path.join(root, "scripts", "web.ts")], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: buildMsMax,
  });
  if (status !== 0) process.stderr.write("The pages could not be built; the rest works without.\n");
}

function run(node, taskArguments) {
  const binFolder = path.dirname(node);
  const child = spawn(node, taskArguments, {
    stdio: "inherit",
    env: {
      // Compiled code is kept between starts: it halves the time that a process takes to load.
      NODE_COMPILE_CACHE: path.join(root, "node_modules", ".cache", "compile"),
      ...process.env,
      PATH: `${binFolder}${path.delimiter}${process.env["PATH"] ?? ""}`,
    },
  });
  for (const signal of passedSignals) {
    process.on(signal, () => {
      // Ctrl-C on a terminal reaches the child by itself; twice would mean "at once".
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  // The scripts of package.json say `exec`, so that npm's signals come here and not to its shell.
  // A killed npm sends none: without this, its `npm run demo` would go on running.
  if (process.env["npm_lifecycle_event"]) {
    const poll = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(poll);
      child.kill("SIGTERM");
    }, parentPollMs).unref();
  }
  child.once("error", (error) => {
    process.stderr.write(`${node} does not start: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.once("exit", (code, signal) => {
    if (signal === null) {
      process.exitCode = code;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

async function main([task, ...rest]) {
  const program = Object.hasOwn(tasks, task ?? "") ? tasks[task] : undefined;
  if (program === undefined) {
    process.stderr.write(
      `usage: node scripts/start.js ${Object.keys(tasks).join("|")} [arguments]\n`,
    );
    process.exitCode = 2;
    return;
  }
  await installMissing(task);
  const node = needsOwnNode() ? ownNode() : process.execPath;
  if (pageTasks.has(task) || (task === "tallygate" && pageCommands.has(rest[0]))) buildPages(node);
  const [file, ...leading] = program;
  run(node, [path.join(root, file), ...leading, ...rest]);
}

main(process.argv.slice(2)).catch((error) => {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
