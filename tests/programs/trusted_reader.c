// Reads a file to its end in small pieces and says how far it came and why no further.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char** arguments) {
    static char buffer[5000];
    const int fd = open(arguments[count - 1], O_RDONLY);
    if (fd < 0) {
        printf("cannot open: %s\n", strerror(errno));
        return 0;
    }
    long total = 0;
    ssize_t got;
    while ((got = read(fd, buffer, sizeof(buffer))) > 0) total += got;
    if (got < 0) {
        printf("%ld bytes, then %s\n", total, strerror(errno));
    } else {
        printf("%ld bytes\n", total);
    }
}
