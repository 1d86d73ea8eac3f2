-- Every value of the stores is a JSON document with the columns beside it that it is found by.
-- `json`, not `jsonb`: what was written comes back letter for letter.

CREATE TABLE requests (
    id text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    source text NOT NULL,
    is_open boolean NOT NULL,
    created_at bigint NOT NULL,
    document json NOT NULL
);
CREATE INDEX requests_open ON requests (source, created_at, id) WHERE is_open;
CREATE INDEX requests_by_age ON requests (created_at, id);

CREATE TABLE holds (
    id text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    document json NOT NULL
);

CREATE TABLE marks (
    source text COLLATE "C" PRIMARY KEY,
    document json NOT NULL
);

CREATE TABLE people (
    pseudonym text COLLATE "C" PRIMARY KEY,
    document json NOT NULL
);

CREATE TABLE ticks (
    host text COLLATE "C" PRIMARY KEY,
    document json NOT NULL
);

CREATE TABLE manifests (
    request text COLLATE "C" PRIMARY KEY,
    generation bigint GENERATED ALWAYS AS IDENTITY UNIQUE
);
CREATE TABLE manifest_rows (
    generation bigint NOT NULL REFERENCES manifests (generation) ON DELETE CASCADE,
    place bigint NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (generation, place)
);

CREATE TABLE alerts (id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, document json NOT NULL);
CREATE TABLE deliveries (id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, document json NOT NULL);
CREATE TABLE conversations (id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, document json NOT NULL);
CREATE TABLE tickets (id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, document json NOT NULL);
CREATE TABLE standing_rules (id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, document json NOT NULL);

CREATE TABLE feedback (
    answer text COLLATE "C" NOT NULL,
    lang text COLLATE "C" NOT NULL,
    helpful bigint NOT NULL DEFAULT 0,
    not_helpful bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (answer, lang)
);
