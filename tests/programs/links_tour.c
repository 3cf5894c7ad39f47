// Says of each path what a program can see of it: through links and as a link.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char* kind(const struct stat* info) {
    return S_ISDIR(info->st_mode)   ? "directory"
           : S_ISLNK(info->st_mode) ? "link"
           : S_ISREG(info->st_mode) ? "file"
                                    : "other";
}

static int by_name(const void* a, const void* b) {
    return strcmp(*(char* const*)a, *(char* const*)b);
}

static void list(const char* path) {
    DIR* directory = opendir(path);
    if (directory == NULL) {
        printf("  opendir: %s\n", strerror(errno));
        return;
    }
    char* names[64];
    size_t count = 0;
    for (struct dirent* entry; (entry = readdir(directory)) != NULL && count < 64;) {
        char text[300];
        snprintf(text, sizeof(text), "%s:%d", entry->d_name, entry->d_type);
        names[count++] = strdup(text);
    }
    closedir(directory);
    qsort(names, count, sizeof(*names), by_name);
    printf("  entries:");
    for (size_t i = 0; i < count; i++) printf(" %s", names[i]);
    printf("\n");
}

static void visit(const char* path) {
    struct stat info;
    char text[PATH_MAX];
    printf("%s\n", path);
    if (lstat(path, &info) != 0)
        printf("  lstat: %s\n", strerror(errno));
    else
        printf("  lstat: %s, size %ld\n", kind(&info), S_ISDIR(info.st_mode) ? 0L : (long)info.st_size);
    if (stat(path, &info) != 0)
        printf("  stat: %s\n", strerror(errno));
    else
        printf("  stat: %s, size %ld\n", kind(&info), S_ISDIR(info.st_mode) ? 0L : (long)info.st_size);
    const ssize_t size = readlink(path, text, sizeof(text) - 1);
    if (size < 0)
        printf("  readlink: %s\n", strerror(errno));
    else
        printf("  readlink: %.*s\n", (int)size, text);
    printf("  realpath: %s\n", realpath(path, text) != NULL ? text : strerror(errno));
    printf("  access: %s\n", access(path, R_OK) == 0 ? "yes" : strerror(errno));
    const int fd = open(path, O_RDONLY);
    const ssize_t got = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    if (got < 0)
        printf("  open and read: %s\n", strerror(errno));
    else
        printf("  open and read: %.*s\n", (int)got, text);
    const int no_follow = open(path, O_RDONLY | O_NOFOLLOW);
    printf("  without following: %s\n", no_follow >= 0 ? "open" : strerror(errno));
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        list(path);
        char before[PATH_MAX];
        if (getcwd(before, sizeof(before)) == NULL) strcpy(before, "/");
        printf("  chdir: %s\n",
               chdir(path) == 0 && getcwd(text, sizeof(text)) != NULL ? text : strerror(errno));
        printf("  ..: %s\n", chdir("..") == 0 && getcwd(text, sizeof(text)) != NULL ? text : strerror(errno));
        if (chdir(before) != 0) printf("  no way back: %s\n", strerror(errno));
    }
    if (fd >= 0) close(fd);
    if (no_follow >= 0) close(no_follow);
}

int main(int count, char** paths) {
    for (int i = 1; i < count; i++) visit(paths[i]);
}
