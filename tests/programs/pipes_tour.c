// Pipes, in many small steps whose results are printed: run natively and in an
// enclave, the outputs must be equal.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/programs/objects.h"

static volatile sig_atomic_t broken_pipes, alarms;
static void count_broken_pipe(int number) {
    (void)number;
    broken_pipes++;
}
static void count_alarm(int number) {
    (void)number;
    alarms++;
}

static void basics(void) {
    int fds[2], bytes = -1;
    char buffer[256];
    struct stat info;
    SHOW(pipe2(fds, O_DIRECT << 3));
    SHOW(pipe2(NULL, 0));
    SHOW(pipe2(fds, O_CLOEXEC));
    SHOW(fcntl(fds[0], F_GETFD));
    SHOW(fcntl(fds[0], F_GETFL));
    SHOW(fcntl(fds[1], F_GETFL));
    SHOW(fstat(fds[0], &info));
    printf("mode %o, links %ld, size %ld, block %ld\n", info.st_mode, (long)info.st_nlink, (long)info.st_size,
           (long)info.st_blksize);
    struct stat other;
    fstat(fds[1], &other);
    printf("one inode: %d\n", info.st_ino == other.st_ino && info.st_dev == other.st_dev);
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
    SHOW(readlink(path, target, sizeof target - 1) > 0);
    printf("named pipe:[number]: %d\n",
           strncmp(target, "pipe:[", 6) == 0 && strtoull(target + 6, NULL, 10) == info.st_ino);
    SHOW(read(fds[1], buffer, 1));
    SHOW(write(fds[0], "x", 1));
    SHOW(lseek(fds[0], 0, SEEK_CUR));
    SHOW(pread(fds[0], buffer, 1, 0));
    SHOW(pwrite(fds[1], "x", 1, 0));
    SHOW(read(fds[0], buffer, 0));
    SHOW(write(fds[1], buffer, 0));
    SHOW(ftruncate(fds[1], 1));
    SHOW(fsync(fds[1]));
    SHOW(ioctl(fds[0], FIONREAD, &bytes));
    printf("bytes %d\n", bytes);
    struct iovec out[3] = {{"scattered ", 10}, {"", 0}, {"words", 5}};
    SHOW(writev(fds[1], out, 3));
    SHOW(ioctl(fds[1], FIONREAD, &bytes));
    printf("bytes %d\n", bytes);
    struct iovec in[2] = {{buffer, 4}, {buffer + 100, 100}};
    SHOW(readv(fds[0], in, 2));
    printf("'%.4s' '%.11s'\n", buffer, buffer + 100);
    SHOW(write(fds[1], nowhere, 4));
    SHOW(write(fds[1], "kept", 4));
    SHOW(read(fds[0], nowhere, 4));
    SHOW(read(fds[0], buffer, 100));
    SHOW(polled(fds[0], POLLIN | POLLOUT));
    SHOW(polled(fds[1], POLLIN | POLLOUT));
    SHOW(write(fds[1], "last", 4));
    SHOW(polled(fds[0], POLLIN));
    SHOW(polled(fds[0], POLLRDNORM | POLLPRI));
    SHOW(close(fds[1]));
    SHOW(polled(fds[0], POLLIN));
    SHOW(read(fds[0], buffer, 2));
    SHOW(read(fds[0], buffer, 100));
    SHOW(polled(fds[0], POLLIN));
    SHOW(read(fds[0], buffer, 100));
    SHOW(close(fds[0]));
}

static void nobody_reads(void) {
    int fds[2];
    signal(SIGPIPE, count_broken_pipe);
    pipe(fds);
    close(fds[0]);
    SHOW(polled(fds[1], POLLOUT));
    SHOW(polled(fds[1], 0));
    SHOW(write(fds[1], "x", 1));
    printf("signals %d\n", broken_pipes);
    signal(SIGPIPE, SIG_IGN);
    struct iovec out = {"y", 1};
    SHOW(writev(fds[1], &out, 1));
    close(fds[1]);
}

static long fill(int fd, size_t step) {
    static char bytes[8192];
    long total = 0, count;
    while ((count = write(fd, bytes, step)) > 0) total += count;
    return errno == EAGAIN ? total : -1;
}

static void room(void) {
    int fds[2], bytes;
    static char buffer[1 << 20];
    SHOW(pipe2(fds, O_NONBLOCK));
    SHOW(read(fds[0], buffer, 1));
    SHOW(fcntl(fds[0], F_GETPIPE_SZ));
    SHOW(fill(fds[1], 1));
    SHOW(polled(fds[1], POLLOUT));
    SHOW(read(fds[0], buffer, 4095));
    SHOW(write(fds[1], "x", 1));
    SHOW(polled(fds[1], POLLOUT));
    SHOW(read(fds[0], buffer, 1));
    SHOW(polled(fds[1], POLLOUT));
    SHOW(write(fds[1], buffer, 4096));
    SHOW(fcntl(fds[1], F_SETPIPE_SZ, 4096));
    SHOW(fcntl(fds[1], F_SETPIPE_SZ, 1 << 17));
    SHOW(fill(fds[1], 4096));
    SHOW(ioctl(fds[0], FIONREAD, &bytes));
    printf("bytes %d\n", bytes);
    SHOW(read(fds[0], buffer, sizeof buffer));
    SHOW(fcntl(fds[1], F_SETPIPE_SZ, 5000));
    SHOW(fcntl(fds[1], F_GETPIPE_SZ));
    SHOW(fcntl(fds[1], F_SETPIPE_SZ, -1));
    SHOW(fcntl(0, F_GETPIPE_SZ) == 1);
    SHOW(write(fds[1], buffer, 20000));  // more than fits
    SHOW(read(fds[0], buffer, 1));
    // Blocking is a flag of the open file.
    SHOW(fcntl(fds[1], F_SETFL, 0));
    SHOW(fcntl(fds[1], F_GETFL));
    SHOW(fcntl(fds[0], F_GETFL));
    int on = 1;
    SHOW(ioctl(fds[1], FIONBIO, &on));
    SHOW(fcntl(fds[1], F_GETFL));
    SHOW(sendfile(fds[1], fds[0], NULL, 10));
    const int null = open("/dev/null", O_WRONLY);
    SHOW(sendfile(null, fds[0], NULL, 10));
    close(null);
    close(fds[0]);
    close(fds[1]);
}

// splice, tee and vmsplice.
static void spliced(void) {
    int a[2], b[2], pair[2];
    char buffer[256];
    long offset;
    pipe(a);
    pipe(b);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    const int file = open("spliced", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink("spliced");
    SHOW(splice(a[0], NULL, b[1], NULL, 0, 99));
    SHOW(splice(a[0], NULL, b[1], NULL, 1, 99));
    SHOW(splice(file, NULL, pair[0], NULL, 1, 0));
    SHOW(splice(a[0], NULL, a[1], NULL, 1, 0));
    SHOW(splice(a[1], NULL, b[1], NULL, 1, 0));
    SHOW(splice(a[0], &offset, file, NULL, 1, 0));
    SHOW(splice(a[0], NULL, b[1], NULL, 10, SPLICE_F_NONBLOCK));
    SHOW(tee(a[0], b[1], 10, SPLICE_F_NONBLOCK));
    SHOW(tee(a[0], file, 10, 0));
    write(a[1], "from pipe to pipe", 17);
    SHOW(tee(a[0], b[1], 9, 0));
    SHOW(splice(a[0], NULL, b[1], NULL, 100, 0));
    SHOW(read(b[0], buffer, sizeof buffer));
    printf("'%.26s'\n", buffer);
    write(a[1], "to a file at an offset", 22);
    offset = 5;
    SHOW(splice(a[0], NULL, file, &offset, 9, 0));
    printf("offset %ld\n", offset);
    SHOW(splice(a[0], NULL, file, NULL, 100, 0));
    SHOW(lseek(file, 0, SEEK_CUR));
    offset = 2;
    SHOW(splice(file, &offset, b[1], NULL, 8, 0));
    printf("offset %ld\n", offset);
    SHOW(splice(file, NULL, b[1], NULL, 100, 0));
    SHOW(read(b[0], buffer, sizeof buffer));
    printf("'%.8s'\n", buffer);
    write(pair[0], "through a socket", 16);
    SHOW(splice(pair[1], NULL, a[1], NULL, 100, 0));
    SHOW(splice(a[0], NULL, pair[1], NULL, 100, 0));
    SHOW(read(pair[0], buffer, sizeof buffer));
    struct iovec parts[2] = {{"of the ", 7}, {"memory", 6}};
    SHOW(vmsplice(a[1], parts, 2, 0));
    SHOW(vmsplice(file, parts, 2, 0));
    SHOW(read(a[0], buffer, sizeof buffer));
    close(a[1]);
    SHOW(splice(a[0], NULL, b[1], NULL, 10, 0));
    close(b[0]);
    const int all[] = {a[0], b[1], pair[0], pair[1], file};
    for (int i = 0; i < 5; i++) close(all[i]);
}

// --- Threads ------------------------------------------------------------------

enum { kProducers = 4, kConsumers = 3, kRecords = 3000 };
struct record {
    unsigned producer, number;
    char filler[56];
};
static int stream[2];

static void* produce(void* argument) {
    const unsigned self = (unsigned)(size_t)argument;
    for (unsigned i = 0; i < kRecords; i++) {
        struct record r = {self, i, {0}};
        memset(r.filler, (int)('a' + i % 26), sizeof r.filler);
        if (write(stream[1], &r, sizeof r) != sizeof r) abort();
    }
    return NULL;
}

// Writes of up to PIPE_BUF arrive whole, those of each producer in its order.
static unsigned long received[kConsumers], sums[kConsumers];
static void* consume(void* argument) {
    const size_t self = (size_t)argument;
    struct record r;
    long count;
    while ((count = read(stream[0], &r, sizeof r)) > 0) {
        if (count != sizeof r || r.producer >= kProducers) abort();
        for (size_t i = 0; i < sizeof r.filler; i++) {
            if (r.filler[i] != (char)('a' + r.number % 26)) abort();
        }
        received[self]++;
        sums[self] += r.number + 7 * r.producer;
    }
    return NULL;
}

static void threads(void) {
    pthread_t producers[kProducers], consumers[kConsumers];
    unsigned long all = 0, sum = 0;
    pipe(stream);
    for (size_t i = 0; i < kConsumers; i++) pthread_create(&consumers[i], NULL, consume, (void*)i);
    for (size_t i = 0; i < kProducers; i++) pthread_create(&producers[i], NULL, produce, (void*)i);
    for (size_t i = 0; i < kProducers; i++) pthread_join(producers[i], NULL);
    close(stream[1]);
    for (size_t i = 0; i < kConsumers; i++) {
        pthread_join(consumers[i], NULL);
        all += received[i];
        sum += sums[i];
    }
    close(stream[0]);
    printf("records %lu, sum %lu\n", all, sum);
}

// One large blocking write, taken in odd pieces.
static void* write_much(void* argument) {
    const size_t size = 1000003;
    unsigned char* bytes = malloc(size);
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(i * 31 >> 3);
    *(long*)argument = write(stream[1], bytes, size);
    close(stream[1]);
    free(bytes);
    return NULL;
}

static void large_write(void) {
    pthread_t writer;
    long written = 0;
    unsigned char buffer[7001];
    size_t at = 0, wrong = 0;
    long count;
    pipe(stream);
    pthread_create(&writer, NULL, write_much, &written);
    while ((count = read(stream[0], buffer, 1 + at % sizeof buffer)) > 0) {
        for (long i = 0; i < count; i++, at++) wrong += buffer[i] != (unsigned char)(at * 31 >> 3);
    }
    pthread_join(writer, NULL);
    close(stream[0]);
    printf("large write %ld, read %zu, wrong %zu\n", written, at, wrong);
}

// --- Signals ------------------------------------------------------------------

static pthread_t reader;
static volatile int asleep;
static void* disturb(void* argument) {
    while (!asleep) usleep(1000);
    for (int i = 0; i < 3; i++) {
        usleep(20000);
        pthread_kill(reader, SIGUSR1);
    }
    usleep(20000);
    if (argument != NULL) write(stream[1], "late", 4);
    return NULL;
}

static void interrupted(int flags) {
    struct sigaction action = {.sa_handler = count_alarm, .sa_flags = flags};
    pthread_t disturber;
    char buffer[8];
    pipe(stream);
    sigaction(SIGUSR1, &action, NULL);
    alarms = 0;
    reader = pthread_self();
    asleep = 1;
    pthread_create(&disturber, NULL, disturb, flags & SA_RESTART ? stream : NULL);
    SHOW(read(stream[0], buffer, sizeof buffer));
    pthread_join(disturber, NULL);
    printf("signals %d\n", alarms);
    close(stream[0]);
    close(stream[1]);
}

// A write that was cut short says how far it came.
static void* interrupt_writer(void* argument) {
    (void)argument;
    usleep(50000);
    pthread_kill(reader, SIGUSR1);
    return NULL;
}
static void interrupted_write(void) {
    static char bytes[100000];
    pthread_t disturber;
    pipe(stream);
    reader = pthread_self();
    pthread_create(&disturber, NULL, interrupt_writer, NULL);
    SHOW(write(stream[1], bytes, sizeof bytes));
    pthread_join(disturber, NULL);
    close(stream[0]);
    close(stream[1]);
}

// Closing wakes who waits.
static void* read_to_end(void* argument) {
    char buffer[16];
    *(long*)argument = read(stream[0], buffer, sizeof buffer);
    return NULL;
}
static void closed_meanwhile(void) {
    pthread_t waiter;
    long result = -2;
    pipe(stream);
    pthread_create(&waiter, NULL, read_to_end, &result);
    usleep(20000);
    close(stream[1]);
    pthread_join(waiter, NULL);
    printf("end after close: %ld\n", result);
    close(stream[0]);
}

int main(void) {
    basics();
    nobody_reads();
    room();
    spliced();
    threads();
    large_write();
    interrupted(SA_RESTART);
    interrupted(0);
    interrupted_write();
    closed_meanwhile();
    return 0;
}
