// An ordinary Linux program: reads a greeting, writes a draft, then the result.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_file(const char* path, const char* text) {
    FILE* file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int count, char** arguments) {
    char greeting[100] = "";
    FILE* config = fopen("/etc/greeting.conf", "r");
    if (config == NULL || fgets(greeting, sizeof greeting, config) == NULL) {
        perror("/etc/greeting.conf");
        return 1;
    }
    fclose(config);
    greeting[strcspn(greeting, "\n")] = '\0';

    char line[200];
    const char* language = getenv("LANG");
    snprintf(line, sizeof line, "%s, %s! (LANG is %s)\n", greeting, count > 1 ? arguments[1] : "nobody",
             language != NULL ? language : "not set");
    write_file("/tmp/draft", line);
    write_file("/data/result.txt", line);
    fputs(line, stdout);
    return 0;
}
