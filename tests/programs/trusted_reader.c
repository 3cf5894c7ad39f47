// Reads a file to its end in small pieces, or maps it, and says how far it came and why no
// further. Usage: trusted_reader [map] FILE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static sigjmp_buf fault;
static volatile long total;

static void on_fault(int number) {
    siglongjmp(fault, number);
}

static void map(int fd) {
    struct stat info;
    fstat(fd, &info);
    const volatile char* at = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    signal(SIGBUS, on_fault);
    if (sigsetjmp(fault, 1) != 0) {
        printf("%ld bytes, then %s\n", total, strerror(EIO));
        return;
    }
    for (total = 0; total < info.st_size; total++) (void)at[total];
    printf("%ld bytes\n", total);
}

int main(int count, char** arguments) {
    static char buffer[5000];
    const int fd = open(arguments[count - 1], O_RDONLY);
    if (fd < 0) {
        printf("cannot open: %s\n", strerror(errno));
        return 0;
    }
    if (count > 2) {
        map(fd);
        return 0;
    }
    ssize_t got;
    while ((got = read(fd, buffer, sizeof(buffer))) > 0) total += got;
    if (got < 0) {
        printf("%ld bytes, then %s\n", total, strerror(errno));
    } else {
        printf("%ld bytes\n", total);
    }
}
