-- typeid: the examples of the specification, and what is none.
BEGIN;
SELECT plan(55);

SELECT t FROM (VALUES
    ('', '00000000-0000-0000-0000-000000000000', '00000000000000000000000000'),
    ('', '00000000-0000-0000-0000-000000000001', '00000000000000000000000001'),
    ('', '00000000-0000-0000-0000-00000000000a', '0000000000000000000000000a'),
    ('', '00000000-0000-0000-0000-000000000010', '0000000000000000000000000g'),
    ('', '00000000-0000-0000-0000-000000000020', '00000000000000000000000010'),
    ('', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '7zzzzzzzzzzzzzzzzzzzzzzzzz'),
    ('prefix', '0110c853-1d09-52d8-d73e-1194e95b5f19', 'prefix_0123456789abcdefghjkmnpqrs'),
    ('prefix', '01890a5d-ac96-774b-bcce-b302099a8057', 'prefix_01h455vb4pex5vsknk084sn02q'),
    ('pre_fix', '00000000-0000-0000-0000-000000000000', 'pre_fix_00000000000000000000000000'),
    (repeat('a', 63), '01890a5d-ac96-774b-bcce-b302099a8057', repeat('a', 63) || '_01h455vb4pex5vsknk084sn02q')
) AS valid (prefix, id, typeid), LATERAL (VALUES
    (is(lt_typeid(prefix, id::uuid), typeid, 'to ' || typeid)), (is(lt_from_typeid(typeid), id::uuid, 'and back'))) AS tests (t);
SELECT is(lt_from_typeid('01890A5D-AC96-774b-bcce-b302099a8057'), '01890a5d-ac96-774b-bcce-b302099a8057', 'a UUID is taken as it is');
SELECT is((SELECT count(*) FROM (SELECT lt_uuidv7() AS id FROM generate_series(1, 1000)) g WHERE lt_from_typeid(lt_typeid('x', id)) <> id), 0::bigint, 'a thousand ids come back');
CREATE TEMP TABLE ids AS SELECT lt_uuidv7() AS id FROM generate_series(1, 100);
SELECT is((SELECT array_agg(id ORDER BY lt_typeid('x', id) COLLATE "C") FROM ids), (SELECT array_agg(id ORDER BY id) FROM ids), 'they sort as UUIDs do');

SELECT throws_ok(format('SELECT lt_from_typeid(%L)', id), 'PT400', format('"%s" is neither a TypeID nor a UUID', id)) FROM unnest(ARRAY[
    'PREFIX_00000000000000000000000000', '12345_00000000000000000000000000', 'pre.fix_00000000000000000000000000', 'préfix_00000000000000000000000000',
    '  prefix_00000000000000000000000000', '_00000000000000000000000000', '_', '', 'prefix_', 'prefix',
    'prefix_1234567890123456789012345', 'prefix_123456789012345678901234567', 'prefix_1234567890123456789012345 ', 'prefix_0123456789ABCDEFGHJKMNPQRS',
    'prefix_123456789-123456789-123456', 'prefix_ooooooiiiiiiuuuuuuulllllll', 'prefix_i23456789ol23456789oi23456', 'prefix_123456789-0123456789-0123456',
    'prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz', '_prefix_00000000000000000000000000', 'prefix__00000000000000000000000000', '01890a5d-ac96-774b-bcce-b302099a805']) id;
SELECT throws_ok(format('SELECT lt_from_typeid(%L)', repeat('a', 64) || '_00000000000000000000000000'), 'PT400', NULL, 'a prefix of 64 letters is none');
SELECT throws_ok(format('SELECT lt_typeid(%L, lt_uuidv7())', prefix), 'PT400', format('prefix "%s" must be at most 63 lower-case letters, and underscores between them', prefix)) FROM unnest('{_,a_,_a,A,1,"a b",é}'::text[]) prefix;
SELECT is(lt_typeid('x', NULL), NULL, 'null is null');
SELECT is(lt_from_typeid(NULL), NULL, 'either way');

SELECT * FROM finish();
ROLLBACK;
