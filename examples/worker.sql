-- A worker in SQL: claims what is due, sends it, which here is to print it, and
-- says so, until nothing is due.  To go on for ever, end the last line with
-- \watch 10 in place of the semicolon.
--
--     psql -d DATABASE -f examples/worker.sql
--
-- Each step is a transaction of its own: a claim is committed before anything is
-- sent, and what was sent is completed at once.  If the worker dies in between,
-- its lease runs out and the messages are handed out again, with the same ids.
CREATE PROCEDURE pg_temp.work() LANGUAGE plpgsql AS $$
DECLARE
    claimed lt_message[];
    m lt_message;
BEGIN
    LOOP
        SELECT array_agg(c) INTO claimed
        FROM lt_claim_messages(100, '5 minutes', worker => 'worker.sql') c;
        COMMIT;
        -- No message: nothing more for this call.  There may be more behind many that were skipped.
        EXIT WHEN claimed IS NULL AND (lt_next_due() > clock_timestamp()) IS NOT FALSE;
        IF claimed IS NULL THEN
            PERFORM pg_sleep(0.1);
            CONTINUE;
        END IF;
        FOREACH m IN ARRAY claimed LOOP
            BEGIN
                RAISE NOTICE 'to %: %', m.email, m.subject;
            EXCEPTION WHEN OTHERS THEN
                -- It is tried again, at most five times.
                PERFORM lt_fail_messages(m.lease_id, ARRAY[m.message_id], SQLERRM);
            END;
        END LOOP;
        -- What has not failed.
        PERFORM lt_complete_messages(claimed[1].lease_id);
        COMMIT;
    END LOOP;
END;
$$;

CALL pg_temp.work();
