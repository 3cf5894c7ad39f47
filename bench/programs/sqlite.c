/* SQLite in memory: inserts, an index, selects, updates, a join, deletes. */
#include <sqlite3.h>

#include "bench/programs/measure.h"

enum { kRows = 60000, kSensors = 500, kLookups = 20000 };

static sqlite3* database;

static _Noreturn void fail(const char* sql) {
    fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(database));
    exit(1);
}

static void execute(const char* sql) {
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) fail(sql);
}

static sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) fail(sql);
    return statement;
}

/* Runs a statement to its end; the sum of its first column. */
static int64_t run(sqlite3_stmt* statement) {
    int64_t sum = 0;
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) sum += sqlite3_column_int64(statement, 0);
    if (step != SQLITE_DONE) fail(sqlite3_sql(statement));
    sqlite3_reset(statement);
    return sum;
}

static int64_t query(const char* sql) {
    sqlite3_stmt* statement = prepare(sql);
    const int64_t sum = run(statement);
    sqlite3_finalize(statement);
    return sum;
}

static uint32_t random_number(void) {
    static uint32_t state = 1;
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    return state;
}

static void insert_rows(void) {
    execute("BEGIN");
    sqlite3_stmt* sensor = prepare("INSERT INTO sensors VALUES (?, 'sensor ' || ?)");
    for (int i = 0; i < kSensors; i++) {
        sqlite3_bind_int(sensor, 1, i);
        sqlite3_bind_int(sensor, 2, i % 20);
        run(sensor);
    }
    sqlite3_finalize(sensor);
    sqlite3_stmt* reading = prepare("INSERT INTO readings (sensor, value, note) VALUES (?, ?, ?)");
    for (int i = 0; i < kRows; i++) {
        char note[64];
        snprintf(note, sizeof note, "reading %d with %u in its note", i, random_number() % 1000);
        sqlite3_bind_int(reading, 1, (int)(random_number() % kSensors));
        sqlite3_bind_int(reading, 2, (int)(random_number() % 100000));
        sqlite3_bind_text(reading, 3, note, -1, SQLITE_TRANSIENT);
        run(reading);
    }
    sqlite3_finalize(reading);
    execute("COMMIT");
}

static int64_t look_up(const char* sql, uint32_t below) {
    sqlite3_stmt* statement = prepare(sql);
    int64_t sum = 0;
    for (int i = 0; i < kLookups; i++) {
        sqlite3_bind_int(statement, 1, (int)(random_number() % below));
        sum += run(statement);
    }
    sqlite3_finalize(statement);
    return sum;
}

int main(void) {
    const uint64_t begin = ticks();
    if (sqlite3_open(":memory:", &database) != SQLITE_OK) fail("open");
    execute("CREATE TABLE sensors (id INTEGER PRIMARY KEY, name TEXT)");
    execute("CREATE TABLE readings (id INTEGER PRIMARY KEY, sensor INTEGER, value INTEGER, note TEXT)");
    insert_rows();
    int64_t check = query("SELECT count(*) FROM readings WHERE note LIKE '%with 7%'");
    execute("CREATE INDEX by_sensor ON readings (sensor, value)");
    check += look_up("SELECT value FROM readings WHERE id = ?", kRows);
    check += look_up("SELECT max(value) FROM readings WHERE sensor = ?", kSensors);
    execute("UPDATE readings SET value = value + 1 WHERE sensor % 3 = 0");
    execute("UPDATE readings SET note = 'changed ' || note WHERE value < 20000");
    check += query(
        "SELECT sum(value) FROM readings JOIN sensors ON sensors.id = sensor "
        "GROUP BY sensors.name ORDER BY 1 DESC");
    check += query("SELECT count(DISTINCT substr(note, 1, 12)) FROM readings");
    execute("DELETE FROM readings WHERE value > 80000");
    execute("DELETE FROM readings WHERE id % 5 = 0");
    check += query("SELECT count(*) FROM readings");
    sqlite3_close(database);
    report("total", (double)(ticks() - begin));
    report("check", (double)check); /* the same in both worlds, or the comparison is void */
    return 0;
}
