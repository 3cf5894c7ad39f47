/* Transactions of one row each on a file, every one kept by fsync: SQLite's default journal,
   synchronous=FULL. The last argument is a directory. */
#include <sqlite3.h>
#include <time.h>

#include "bench/programs/measure.h"

enum { kTransactions = 300 };

static sqlite3* database;

static void execute(const char* sql) {
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK) return;
    fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(database));
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int argc, char** argv) {
    char path[4096];
    if (argc < 2) return 1;
    snprintf(path, sizeof path, "%s/durable.db", argv[1]);
    remove(path);
    if (sqlite3_open(path, &database) != SQLITE_OK) give_up(path);
    execute("PRAGMA synchronous = FULL");
    execute("CREATE TABLE readings (id INTEGER PRIMARY KEY, value INTEGER, note TEXT)");
    const double begin = now();
    for (int i = 0; i < kTransactions; i++) {
        execute("INSERT INTO readings (value, note) VALUES (random(), hex(randomblob(100)))");
    }
    report("transactions", kTransactions / (now() - begin));
    sqlite3_close(database);
    remove(path);
    return 0;
}
