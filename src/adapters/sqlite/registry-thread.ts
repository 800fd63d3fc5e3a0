/** The registry's writing thread: a bulk of keys must not hold up the hub's main thread. */

import { addRegistry } from "./backup.ts";
import { openDatabase, transaction } from "./database.ts";
import type { RegistryApi, RegistryStart } from "./registry-protocol.ts";
import { registrySpec } from "./registry-schema.ts";
import { rowCrc } from "./row-crc.ts";
import { type Handlers, serveThread } from "./thread-server.ts";

/** Answers are kept for `Idempotency-Key` this long. */
const answersKeptMs = 24 * 60 * 60 * 1000;

serveThread<RegistryApi, RegistryStart, undefined>(open, ({ file }) => ({
  file,
  failed: "registry-failed",
}));

function open({ file }: RegistryStart): { handlers: Handlers<RegistryApi>; ready: undefined } {
  const db = openDatabase(registrySpec(file));
  const put = db.prepare(`INSERT INTO credentials (hash, key, owner, version, packed, crc)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (hash) DO UPDATE SET key = excluded.key, owner = excluded.owner,
      version = excluded.version, packed = excluded.packed, crc = excluded.crc`);
  const putProducer = db.prepare(
    "INSERT OR REPLACE INTO producers (producer, secret_hash, crc) VALUES (?, ?, ?)",
  );
  const putAnswer = db.prepare(
    "INSERT OR REPLACE INTO answers (idempotency_key, made_ms, answer, crc) VALUES (?, ?, ?, ?)",
  );
  const forgetAnswers = db.prepare("DELETE FROM answers WHERE made_ms <= ?");
  const handlers: Handlers<RegistryApi> = {
    put({ rows }) {
      transaction(db, () => {
        for (const { hash, keyId, owner, version, packed } of rows) {
          const crc = rowCrc(hash, keyId, owner, version, packed);
          put.run(hash, keyId, owner, version, packed, crc);
        }
      });
    },
    putProducer({ producer, secretHash }) {
      putProducer.run(producer, secretHash, rowCrc(producer, secretHash));
    },
    putIdempotent({ key, answer, nowMs }) {
      transaction(db, () => {
        forgetAnswers.run(nowMs - answersKeptMs);
        putAnswer.run(key, nowMs, answer, rowCrc(key, nowMs, answer));
      });
    },
    copyInto({ file: backup }) {
      addRegistry(db, backup);
    },
    close() {
      db.close();
    },
  };
  return { handlers, ready: undefined };
}
