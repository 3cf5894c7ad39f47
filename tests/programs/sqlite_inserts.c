// 100,000 rows into a database file, in batches, with an index; then queries.
// Usage: sqlite_inserts DATABASE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static sqlite3* database;

static void execute(const char* sql) {
    char* message = NULL;
    if (sqlite3_exec(database, sql, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, message);
        exit(1);
    }
}

static long long number(const char* sql) {
    sqlite3_stmt* statement;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(database));
        exit(1);
    }
    long long value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

int main(int argc, char** argv) {
    if (argc != 2 || sqlite3_open(argv[1], &database) != SQLITE_OK) {
        fprintf(stderr, "cannot open the database\n");
        return 2;
    }
    printf("SQLite %s\n", sqlite3_libversion());
    execute("CREATE TABLE measurements (id INTEGER PRIMARY KEY, sensor INTEGER, value REAL, note TEXT)");
    execute("CREATE INDEX by_sensor ON measurements (sensor, value)");
    sqlite3_stmt* insert;
    sqlite3_prepare_v2(database, "INSERT INTO measurements (sensor, value, note) VALUES (?, ?, ?)", -1,
                       &insert, NULL);
    unsigned state = 1;
    for (int batch = 0; batch < 100; batch++) {
        execute("BEGIN");
        for (int i = 0; i < 1000; i++) {
            state = state * 1664525u + 1013904223u;
            char note[32];
            int length = snprintf(note, sizeof note, "row %d-%d", batch, i);
            sqlite3_bind_int(insert, 1, (int)(state >> 24));
            sqlite3_bind_double(insert, 2, (double)(state & 0xffff) / 16);
            sqlite3_bind_text(insert, 3, note, length, SQLITE_TRANSIENT);
            if (sqlite3_step(insert) != SQLITE_DONE) {
                fprintf(stderr, "insert: %s\n", sqlite3_errmsg(database));
                return 1;
            }
            sqlite3_reset(insert);
        }
        execute("COMMIT");
    }
    sqlite3_finalize(insert);
    printf("rows %lld\n", number("SELECT count(*) FROM measurements"));
    printf("sensors %lld\n", number("SELECT count(DISTINCT sensor) FROM measurements"));
    printf("sum %lld\n", number("SELECT CAST(sum(value) * 16 AS INTEGER) FROM measurements"));
    execute("BEGIN");
    execute("DELETE FROM measurements WHERE sensor = 7");
    printf("inside the transaction %lld\n", number("SELECT count(*) FROM measurements WHERE sensor = 7"));
    execute("ROLLBACK");
    printf("after the rollback more than 0: %d\n",
           number("SELECT count(*) FROM measurements WHERE sensor = 7") > 0);
    execute("UPDATE measurements SET note = note || '!' WHERE id % 10 = 0");
    printf("changed %lld\n", number("SELECT count(*) FROM measurements WHERE note LIKE '%!'"));
    printf("indexed maximum %lld\n",
           number("SELECT CAST(max(value) AS INTEGER) FROM measurements WHERE sensor = 42"));
    sqlite3_close(database);
    return 0;
}
