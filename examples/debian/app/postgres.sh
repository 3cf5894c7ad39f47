# A database: made, filled, queried, under load, stopped. Usage: sh postgres.sh DIRECTORY PORT
set -e
port=$2
mkdir -p "$1"
initdb -D "$1/data" --no-sync --auth trust -U owner --locale C --encoding UTF8 >"$1/initdb" || { cat "$1/initdb"; exit 1; }
echo initialised
postgres -D "$1/data" -k '' -h 127.0.0.1 -p "$port" >"$1/log" 2>&1 &
server=$!
ask() { psql -h 127.0.0.1 -p "$port" -U owner -v ON_ERROR_STOP=1 -At "$@" postgres; }
until ask -c 'select 6 * 7' 2>/dev/null; do kill -0 "$server" || { cat "$1/log"; exit 1; }; sleep 0.2; done
ask -q <<SQL
create table squares (n int primary key, square int not null);
insert into squares select i, i * i from generate_series(1, 1000) i;
create index on squares (square);
begin; delete from squares; rollback;
SQL
ask -c 'select count(*), sum(square) from squares where n % 7 = 0' -c 'select n from squares where square = 144'
pgbench -h 127.0.0.1 -p "$port" -U owner -i -q postgres >"$1/out" 2>&1 || cat "$1/out"
pgbench -h 127.0.0.1 -p "$port" -U owner -c 4 -j 2 -t 25 postgres 2>&1 | grep -E 'actually processed|failed'
ask -c 'select count(*) from pgbench_history' -c 'select sum(abalance) = (select sum(delta) from pgbench_history) from pgbench_accounts'
kill -INT "$server"
wait "$server"
echo "stopped with $?"
