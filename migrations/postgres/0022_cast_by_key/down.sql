CREATE OR REPLACE FUNCTION cast_ballots(
    locks BIGINT[], rounds BIGINT[], versions BIGINT[],
    polls BIGINT[], digests BYTEA[], boxes BYTEA[], ballots BYTEA[], ids BYTEA[], comments BYTEA[],
    OUT held BIGINT[], OUT ready BIGINT[], OUT done BIGINT[]
) LANGUAGE plpgsql AS $$
BEGIN
    held := ARRAY(
        SELECT t.round FROM unnest(locks, rounds) AS t (lock, round) WHERE pg_try_advisory_xact_lock_shared(t.lock)
    );
    -- A statement of its own: begun after the locks were given, it sees what was committed before.
    ready := ARRAY(
        SELECT poll.id FROM unnest(rounds, versions) AS t (round, version) JOIN poll ON poll.id = t.round
        WHERE t.round = ANY (held) AND poll.version = t.version AND poll.phase = 'open'
    );
    WITH spent AS (
        UPDATE slip SET state = 1
        FROM unnest(polls, digests, boxes, ballots, ids, comments) WITH ORDINALITY
            AS t (poll_id, digest, box_id, ballot, id, comment, place)
        WHERE t.poll_id = ANY (ready) AND slip.poll_id = t.poll_id AND slip.digest = t.digest AND slip.state = 0
        RETURNING t.poll_id, t.box_id, t.ballot, t.id, t.comment, t.place
    ), balloted AS (
        INSERT INTO sealed_ballot (poll_id, box_id, sealed)
        SELECT spent.poll_id, spent.box_id, spent.ballot FROM spent ORDER BY spent.poll_id, spent.box_id
    ), commented AS (
        INSERT INTO sealed_comment (poll_id, id, sealed)
        SELECT spent.poll_id, spent.id, spent.comment FROM spent
        WHERE spent.id IS NOT NULL ORDER BY spent.poll_id, spent.id
    )
    SELECT coalesce(array_agg(spent.place), '{}') INTO done FROM spent;
END
$$;
