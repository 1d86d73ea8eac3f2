-- The audit: inserted, never changed (security.md 4.2). The triggers stop whoever has the right to change rows;
-- whoever may drop a trigger is found by the chain and its signed checkpoints.

CREATE TABLE audit_entries (
    seq bigint PRIMARY KEY,
    epoch integer NOT NULL,
    object text NOT NULL,
    line bytea NOT NULL
);
CREATE INDEX audit_entries_about ON audit_entries (object, seq) WHERE object <> '';
CREATE INDEX audit_entries_epoch ON audit_entries (epoch, seq);

CREATE TABLE audit_checkpoints (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    line bytea NOT NULL
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the audit is only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_stay;
ALTER TABLE audit_checkpoints ENABLE ALWAYS TRIGGER audit_checkpoints_stay;
