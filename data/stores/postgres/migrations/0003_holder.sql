-- Who changes what is stored: the number only grows, and whoever has an older one changes nothing more.

CREATE TABLE holder (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    fence bigint NOT NULL,
    holder text NOT NULL
);
INSERT INTO holder (fence, holder) VALUES (0, '');
