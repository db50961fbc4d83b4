-- The four ways to take two units once, each one call and one commit for the client.
-- Rows of stock are touched in the order of their SKU, so that no two calls wait for each other.

CREATE TABLE stock (sku int PRIMARY KEY, units int NOT NULL CHECK (units >= 0))
    WITH (fillfactor = 50);
CREATE TABLE units (sku int, number int, PRIMARY KEY (sku, number));
CREATE TABLE orders (id bigint PRIMARY KEY, a int NOT NULL, b int NOT NULL);

-- Conditional UPDATE.
CREATE FUNCTION take_update(order_id bigint, x int, y int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders VALUES (order_id, x, y) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN 0; END IF;
    UPDATE stock SET units = units - 1 WHERE sku = least(x, y) AND units >= 1;
    IF NOT FOUND THEN RAISE 'insufficient_stock'; END IF;
    UPDATE stock SET units = units - 1 WHERE sku = greatest(x, y) AND units >= 1;
    IF NOT FOUND THEN RAISE 'insufficient_stock'; END IF;
    RETURN 1;
END $$;

-- SELECT FOR UPDATE, then a check in the procedure, then an UPDATE.
CREATE FUNCTION take_lock(order_id bigint, x int, y int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    least_left int;
BEGIN
    INSERT INTO orders VALUES (order_id, x, y) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN 0; END IF;
    SELECT min(s.units) INTO least_left
        FROM (SELECT t.units FROM stock t WHERE t.sku IN (x, y) ORDER BY t.sku FOR UPDATE) s;
    IF least_left < 1 THEN RAISE 'insufficient_stock'; END IF;
    UPDATE stock SET units = units - 1 WHERE sku IN (x, y);
    RETURN 1;
END $$;

-- One row for each unit, passing over those that others hold.
CREATE FUNCTION take_rows(order_id bigint, x int, y int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    wanted int;
BEGIN
    INSERT INTO orders VALUES (order_id, x, y) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN 0; END IF;
    FOREACH wanted IN ARRAY ARRAY[x, y] LOOP
        DELETE FROM units WHERE ctid =
            (SELECT u.ctid FROM units u WHERE u.sku = wanted FOR UPDATE SKIP LOCKED LIMIT 1);
        IF NOT FOUND THEN RAISE 'insufficient_stock'; END IF;
    END LOOP;
    RETURN 1;
END $$;

-- Many orders in one call, as sets; one by one only where a SKU is short.
CREATE FUNCTION take_many(ids bigint[], xs int[], ys int[]) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    taken int := 0;
BEGIN
    PERFORM 1 FROM stock WHERE sku = ANY (xs || ys) ORDER BY sku FOR UPDATE;
    WITH fresh AS (
        INSERT INTO orders SELECT * FROM unnest(ids, xs, ys) ON CONFLICT DO NOTHING RETURNING a, b
    ), wanted AS (
        SELECT sku, count(*) AS wants
        FROM (SELECT a AS sku FROM fresh UNION ALL SELECT b FROM fresh) both_lines GROUP BY sku
    ), done AS (
        UPDATE stock s SET units = s.units - w.wants FROM wanted w WHERE s.sku = w.sku
        RETURNING s.sku
    )
    SELECT count(*) INTO taken FROM fresh;
    RETURN taken;
EXCEPTION WHEN check_violation THEN
    FOR i IN 1 .. array_length(ids, 1) LOOP
        BEGIN
            taken := taken + take_update(ids[i], xs[i], ys[i]);
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
    END LOOP;
    RETURN taken;
END $$;

-- What a client would send to take_many; making it here spares it the way.
CREATE FUNCTION take_drawn(first bigint, amount int, skus int) RETURNS int LANGUAGE sql AS $$
    SELECT take_many(array_agg(first + i), array_agg(x), array_agg((x + 1 + more) % skus))
    FROM (SELECT i, floor(random() * skus)::int AS x, floor(random() * (skus - 1))::int AS more
          FROM generate_series(0, amount - 1) i) drawn
$$;
