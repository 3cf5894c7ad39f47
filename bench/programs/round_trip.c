/* How long a round trip to the host takes, in nanoseconds, the best of many runs.
   round_trip FILE: writes of no byte and of one to FILE, or to /dev/null.
   round_trip --serial: measures nothing, but sends back what the serial port brings,
   byte by byte, until there is a 'q'. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "bench/programs/measure.h"

enum { kRuns = 300, kTimes = 100 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

static int echo(void) {
    const int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
    if (fd < 0) give_up("/dev/ttyS0");
    /* An interrupt for each byte: the port would wait for more of them otherwise. */
    mkdir("/sys", 0755);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    const int trigger = open("/sys/class/tty/ttyS0/rx_trig_bytes", O_WRONLY);
    if (trigger < 0 || write(trigger, "1", 1) != 1) give_up("rx_trig_bytes");
    struct termios raw;
    tcgetattr(fd, &raw);
    cfmakeraw(&raw);
    cfsetspeed(&raw, B115200);
    if (tcsetattr(fd, TCSANOW, &raw) != 0) give_up("tcsetattr");
    char byte = '!'; /* ready */
    do {
        if (write(fd, &byte, 1) != 1) give_up("write");
        if (read(fd, &byte, 1) != 1) give_up("read");
    } while (byte != 'q');
    return 0;
}

static void writes(const char* name, int fd, size_t size) {
    double best = 1e18;
    for (int run = 0; run < kRuns; run++) {
        const double begin = now();
        for (int i = 0; i < kTimes; i++) {
            if (pwrite(fd, "x", size, 0) != (ssize_t)size) give_up("pwrite");
        }
        const double each = (now() - begin) / kTimes;
        if (each < best) best = each;
    }
    report(name, best);
}

int main(int argc, char** argv) {
    if (argc > 1 && strcmp(argv[1], "--serial") == 0) return echo();
    const int fd = open(argc > 1 ? argv[1] : "/dev/null", O_WRONLY | O_CREAT, 0600);
    if (fd < 0) give_up("open");
    writes("pwrite_nothing", fd, 0);
    writes("pwrite_1_byte", fd, 1);
    return 0;
}
