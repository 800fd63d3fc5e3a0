/** The registry's writing thread: a bulk of keys must not hold up the hub's main thread. */

import { archiveSegment } from "./audit-archive.ts";
import { AuditWriter } from "./audit-rows.ts";
import { addRegistry } from "./backup.ts";
import { ConfigWriter } from "./config-rows.ts";
import { openDatabase, transaction } from "./database.ts";
import { EventWriter } from "./event-rows.ts";
import { PortalWriter } from "./portal-rows.ts";
import {
  hashBytes,
  type PortalChange,
  type RegistryApi,
  type RegistryStart,
} from "./registry-protocol.ts";
import { registrySpec } from "./registry-schema.ts";
import { rowCrc } from "./row-crc.ts";
import { type Handlers, serveThread } from "./thread-server.ts";
import { TokenWriter } from "./token-rows.ts";

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
  const log = new AuditWriter(db);
  const tokens = new TokenWriter(db);
  const events = new EventWriter(db);
  const configs = new ConfigWriter(db);
  const portal = new PortalWriter(db);
  const handlers: Handlers<RegistryApi> = {
    put({ keyIds, owners, versions, hashes, packed, lengths, audit }) {
      transaction(db, () => {
        let at = 0;
        for (const [i, length] of lengths.entries()) {
          const hash = hashes.subarray(i * hashBytes, (i + 1) * hashBytes);
          const record = packed.subarray(at, at + length);
          const [keyId = "", owner = "", version = 0] = [keyIds[i], owners[i], versions[i]];
          const crc = rowCrc(hash, keyId, owner, version, record);
          put.run(hash, keyId, owner, version, record, crc);
          at += length;
        }
        if (audit !== undefined) log.append(audit);
      });
    },
    appendAudit: (draft) => log.append(draft),
    archiveAudit: ({ folder }) => archiveSegment(db, folder),
    addEvents: (drafts) => transaction(db, () => events.add(drafts)),
    addToken({ token, audit }) {
      transaction(db, () => {
        tokens.add(token);
        log.append(audit);
      });
    },
    removeToken({ id, audit }) {
      transaction(db, () => {
        tokens.remove(id);
        log.append(audit);
      });
    },
    addConfig: ({ draft, audit }) =>
      transaction(db, () => {
        const stored = configs.add(draft);
        log.append({ ...audit, target: String(stored.number) });
        return stored;
      }),
    portal: (change) => transaction(db, () => changePortal(portal, change)),
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

function changePortal(portal: PortalWriter, change: PortalChange): void {
  switch (change.kind) {
    case "add-person":
      return portal.addPerson(change.person);
    case "remove-person":
      return portal.removePerson(change.id);
    case "add-link":
      return portal.addLink(change.link, change.nowMs);
    case "remove-link":
      return portal.removeLink(change.hash);
    case "put-session":
      return portal.putSession(change.session);
    case "remove-session":
      return portal.removeSession(change.hash);
  }
}
