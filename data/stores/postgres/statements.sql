-- The SQL of the stores. `{table}` and `{key}` are put in by the store that uses a statement.

-- name: add
INSERT INTO {table} (id, version, document) VALUES (%(id)s, 1, %(document)s)
ON CONFLICT (id) DO NOTHING RETURNING id

-- name: add_request
INSERT INTO requests (id, version, source, is_open, created_at, document)
VALUES (%(id)s, 1, %(source)s, %(is_open)s, %(created_at)s, %(document)s)
ON CONFLICT (id) DO NOTHING RETURNING id

-- name: find
SELECT document FROM {table} WHERE {key} = %(id)s

-- name: version
SELECT version FROM {table} WHERE id = %(id)s

-- name: replace
UPDATE {table} SET version = version + 1, document = %(document)s
WHERE id = %(id)s AND version = %(version)s RETURNING id

-- name: replace_request
UPDATE requests SET version = version + 1, source = %(source)s, is_open = %(is_open)s, created_at = %(created_at)s,
    document = %(document)s
WHERE id = %(id)s AND version = %(version)s RETURNING id

-- name: remove
DELETE FROM {table} WHERE {key} = ANY(%(ids)s)

-- name: all
SELECT document FROM {table} ORDER BY {key}

-- name: open_of
SELECT document FROM requests WHERE is_open AND source = %(source)s ORDER BY created_at, id

-- name: newest
SELECT document FROM requests ORDER BY created_at DESC, id DESC LIMIT %(most)s

-- name: lock_changes
SELECT pg_advisory_xact_lock(%(lock)s)

-- name: revision
SELECT coalesce(sum(version), 0)::bigint FROM holds

-- name: put
INSERT INTO {table} ({key}, document) VALUES (%(id)s, %(document)s)
ON CONFLICT ({key}) DO UPDATE SET document = excluded.document

-- name: put_new
INSERT INTO {table} ({key}, document) VALUES (%(id)s, %(document)s) ON CONFLICT ({key}) DO NOTHING

-- name: find_locked
SELECT document FROM {table} WHERE {key} = %(id)s FOR UPDATE

-- name: count_feedback
INSERT INTO feedback (answer, lang, helpful, not_helpful) VALUES (%(answer)s, %(lang)s, %(helpful)s, %(not_helpful)s)
ON CONFLICT (answer, lang) DO UPDATE
SET helpful = feedback.helpful + excluded.helpful, not_helpful = feedback.not_helpful + excluded.not_helpful

-- name: feedback
SELECT answer, lang, helpful, not_helpful FROM feedback ORDER BY answer, lang

-- name: discard_manifest
DELETE FROM manifests WHERE request = %(request)s

-- name: begin_manifest
INSERT INTO manifests (request) VALUES (%(request)s) RETURNING generation

-- name: copy_manifest
COPY manifest_rows (generation, place, content) FROM STDIN

-- name: generation
SELECT generation FROM manifests WHERE request = %(request)s

-- name: manifest_rows
SELECT content FROM manifest_rows WHERE generation = %(generation)s AND place >= %(place)s ORDER BY place LIMIT %(most)s

-- name: audit_append
INSERT INTO audit_entries (seq, epoch, object, line) VALUES (%(seq)s, %(epoch)s, %(object)s, %(line)s)

-- name: audit_since
SELECT seq, epoch, line FROM audit_entries WHERE seq > %(seq)s ORDER BY seq LIMIT %(most)s

-- name: audit_of_epoch
SELECT seq, line FROM audit_entries WHERE epoch = %(epoch)s AND seq > %(seq)s ORDER BY seq LIMIT %(most)s

-- name: audit_about
SELECT seq, line FROM audit_entries WHERE object = %(object)s AND seq > %(seq)s ORDER BY seq LIMIT %(most)s

-- name: audit_epochs
WITH RECURSIVE epochs (epoch) AS (
    (SELECT epoch FROM audit_entries ORDER BY epoch LIMIT 1)
    UNION ALL
    SELECT (SELECT epoch FROM audit_entries WHERE epoch > epochs.epoch ORDER BY epoch LIMIT 1) FROM epochs
    WHERE epochs.epoch IS NOT NULL
)
SELECT epoch FROM epochs WHERE epoch IS NOT NULL

-- name: audit_size
SELECT coalesce(max(seq), 0)::bigint FROM audit_entries

-- name: seal
INSERT INTO audit_checkpoints (line) VALUES (%(line)s)

-- name: last_seal
SELECT line FROM audit_checkpoints ORDER BY number DESC LIMIT 1

-- name: seals_since
SELECT number, line FROM audit_checkpoints WHERE number > %(number)s ORDER BY number LIMIT %(most)s

-- name: lock_session
SELECT pg_advisory_lock(%(lock)s)

-- name: make_schema_migrations
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    digest text NOT NULL,
    serves_from integer NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: has_schema
SELECT to_regclass('schema_migrations') IS NOT NULL

-- name: schema_migrations
SELECT number, digest, serves_from FROM schema_migrations ORDER BY number

-- name: note_migration
INSERT INTO schema_migrations (number, name, digest, serves_from)
VALUES (%(number)s, %(name)s, %(digest)s, %(serves_from)s)

-- name: grant
GRANT SELECT ON schema_migrations TO {role};
GRANT SELECT, UPDATE ON holder TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON requests, holds, marks, people, ticks, manifests, manifest_rows, alerts,
    deliveries, conversations, tickets, standing_rules, feedback TO {role};
GRANT SELECT, INSERT ON audit_entries, audit_checkpoints TO {role}

-- name: try_hold
SELECT pg_try_advisory_lock(%(lock)s)

-- name: next_fence
UPDATE holder SET fence = fence + 1, holder = %(holder)s RETURNING fence

-- name: check_fence
SELECT fence FROM holder WHERE fence = %(fence)s FOR SHARE

-- name: clock
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint

-- name: may_change_audit
SELECT has_table_privilege('audit_entries', 'UPDATE, DELETE, TRUNCATE')
    OR pg_catalog.pg_get_userbyid((SELECT relowner FROM pg_class WHERE oid = 'audit_entries'::regclass)) = current_user

-- name: take
INSERT INTO {table} (id, version, document) VALUES (%(id)s, %(version)s, %(document)s)

-- name: take_request
INSERT INTO requests (id, version, source, is_open, created_at, document)
VALUES (%(id)s, %(version)s, %(source)s, %(is_open)s, %(created_at)s, %(document)s)

-- name: count
SELECT count(*) FROM {table}

-- name: take_feedback
INSERT INTO feedback (answer, lang, helpful, not_helpful) VALUES (%(answer)s, %(lang)s, %(helpful)s, %(not_helpful)s)
