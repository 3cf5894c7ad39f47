/* ticker COUNT STATUS: a line every 50 ms, so many (0: for ever), then an end with STATUS. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const int count = atoi(argv[1]);
    const struct timespec pause = {0, 50 * 1000 * 1000};
    for (int i = 0; count == 0 || i < count; i++) {
        printf("tick %d\n", i);
        fflush(stdout);
        nanosleep(&pause, NULL);
    }
    return atoi(argv[2]);
}
