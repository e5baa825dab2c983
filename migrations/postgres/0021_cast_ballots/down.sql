DROP FUNCTION cast_ballots;
