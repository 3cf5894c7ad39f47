/* What invented exceptions would disturb: threads that compute, whose answers are known,
   and handlers of all faults. One thread raises faults of its own, each with the
   registers and the siginfo that it must have; a handler that runs for anything else says
   "invented" and ends the process. Prints a line a round until SIGTERM comes, or one if its
   argument is "once"; at last the same natively and in an enclave. With "no-faults" it raises
   none. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static void end(int status, const char* format, long a, long b, long c) {
    char text[160];
    const int length = snprintf(text, sizeof text, format, a, b, c);
    if (write(1, text, (size_t)length) != length) _exit(99);
    _exit(status);
}

/* --- Faults of our own ----------------------------------------------------- */

static _Thread_local volatile struct {
    uintptr_t at, next; /* RIP as it is told, and where to go on; at 0: none is expected */
    int number, code;
    uintptr_t address;
} expected;

static void on_fault(int number, siginfo_t* info, void* context) {
    mcontext_t* machine = &((ucontext_t*)context)->uc_mcontext;
    const uintptr_t rip = (uintptr_t)machine->gregs[REG_RIP];
    const uintptr_t address = expected.address == 1 ? rip : expected.address;
    if (expected.at == 0 || rip != expected.at || number != expected.number ||
        info->si_code != expected.code || (uintptr_t)info->si_addr != address)
        end(90, "invented signal %ld code %ld at %lx\n", number, info->si_code, (long)rip);
    expected.at = 0;
    machine->gregs[REG_RIP] = (greg_t)expected.next;
    machine->gregs[REG_EFL] &= ~0x100; /* single steps */
    machine->fpregs->swd &= 0x7f00;    /* what of the x87 is pending */
    machine->fpregs->cwd |= 0x3f;
}

/* RIP is told to be between `before` and `instruction`. */
#define RAISE(before, instruction)                                                \
    asm volatile(                                                                 \
        "leaq -256(%%rsp), %%rsp\n\tleaq 1f(%%rip), %%rax\n\tmovq %%rax, %0\n\t"  \
        "leaq 2f(%%rip), %%rax\n\tmovq %%rax, %1\n\t" before "\n1:\t" instruction \
        "\n2:\t"                                                                  \
        "leaq 256(%%rsp), %%rsp"                                                  \
        : "=m"(expected.at), "=m"(expected.next)                                  \
        : "S"(operand), "m"(control)                                              \
        : "rax", "rcx", "rdx", "cc", "memory")

enum { kAtRip = 1, kFaults = 12 };

static void raise_fault(int which, char* page) {
    static const struct {
        int number, code;
        uintptr_t address;
    } kinds[kFaults] = {
        {SIGFPE, FPE_INTDIV, kAtRip},  {SIGFPE, FPE_INTDIV, kAtRip}, {SIGILL, ILL_ILLOPN, kAtRip},
        {SIGILL, ILL_ILLOPN, kAtRip},  {SIGTRAP, SI_KERNEL, 0},      {SIGSEGV, SI_KERNEL, 0},
        {SIGTRAP, TRAP_TRACE, kAtRip}, {SIGSEGV, SEGV_MAPERR, 0},    {SIGSEGV, SEGV_ACCERR, 0},
        {SIGSEGV, SI_KERNEL, 0},       {SIGSEGV, SI_KERNEL, 0},      {SIGFPE, FPE_FLTDIV, kAtRip}};
    static const uint16_t control = 0x37b; /* division by zero is not masked */
    const uintptr_t operand = which == 8 ? (uintptr_t)page : which == 9 ? 1ul << 60 : 0;
    expected.number = kinds[which].number;
    expected.code = kinds[which].code;
    expected.address = which == 8 ? operand : kinds[which].address;
    switch (which) {
        case 0:
            RAISE("movl $7, %%eax\n\txorl %%edx, %%edx\n\txorl %%ecx, %%ecx", "divl %%ecx");
            break;
        case 1:
            RAISE("movl $0x80000000, %%eax\n\tcltd\n\tmovl $-1, %%ecx", "idivl %%ecx");
            break;
        case 2:
            RAISE("", "ud2");
            break;
        case 3: /* vzeroupper with a register */
            RAISE("", ".byte 0xc5, 0xf0, 0x77");
            break;
        case 4:
            RAISE("int3", "");
            break;
        case 5:
            RAISE("", "int $0x81");
            break;
        case 6:
            RAISE("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tnop", "");
            break;
        case 7:
        case 9:
            RAISE("", "movl (%%rsi), %%eax");
            break;
        case 8:
            RAISE("", "movl %%eax, (%%rsi)");
            break;
        case 10:
            RAISE("", "hlt");
            break;
        case 11:
            RAISE("fninit\n\tfldcw %3\n\tfld1\n\tfldz\n\tfdivrp", "fwait");
            asm volatile("fninit");
            break;
    }
    if (expected.at != 0) end(92, "fault %ld is not told\n", which, 0, 0);
}

/* --- Threads, and a round of each ------------------------------------------ */

static uint64_t step(uint64_t x) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return x;
}

/* RAX is the number of a 32-bit Linux call for most of the time (vector 128): getpid, exit. */
static uint64_t integers(void) {
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < 4000; i++) {
        uint64_t call = i % 2 ? 20 : 1;
        asm volatile("" : "+a"(call));
        x = step(x) + (x >> 32) / ((x & 0xffff) + call);
        asm volatile("" : "+a"(call));
        if (call != (i % 2 ? 20u : 1u)) end(91, "wrong: RAX %ld\n", (long)call, 0, 0);
    }
    return x;
}

static uint64_t reals(void) {
    double sum = 0, values[64];
    long double wide = 1;
    for (int i = 0; i < 64; i++) values[i] = 1.0 / (i + 1);
    for (int i = 0; i < 4000; i++) {
        sum += values[i % 64] * values[(i + 7) % 64];
        values[i % 64] = values[i % 64] * 0.75 + 0.1;
        wide = wide / 1.0009765625L + 1.0L / (i + 1);
    }
    uint64_t bits[3] = {0};
    memcpy(&bits[0], &sum, sizeof sum);
    memcpy(&bits[1], &wide, 10);
    return bits[0] ^ bits[1] ^ bits[2];
}

static uint64_t memory(void) {
    uint64_t x = 1;
    for (int i = 0; i < 8; i++) {
        const size_t size = 100 + step(x) % 30000;
        char* from = malloc(size + 1);
        char* to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (from == NULL || to == MAP_FAILED) end(91, "wrong: no memory\n", 0, 0, 0);
        memset(from, 'a' + i % 26, size);
        from[size] = '\0';
        memcpy(to, from, size);
        x = x * 31 + strlen(from) + (memcmp(from, to, size) != 0);
        munmap(to, size);
        free(from);
    }
    return x;
}

static int raises_faults = 1;
static uint64_t faults(void) {
    static char* page;
    if (page == NULL) page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; raises_faults && i < kFaults; i++) raise_fault(i, page);
    return 0;
}

/* A byte goes through two pipes, and who has it counts under a lock. */
static int pipes[2][2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t counted;
static uint64_t pass(int in, int out) {
    const pid_t parent = getppid();
    for (int i = 0; i < 8; i++) {
        char byte;
        if (read(in, &byte, 1) != 1 || write(out, &byte, 1) != 1) end(91, "wrong: no byte\n", 0, 0, 0);
        pthread_mutex_lock(&lock);
        counted++;
        pthread_mutex_unlock(&lock);
        if (getppid() != parent) end(91, "wrong: another parent\n", 0, 0, 0);
    }
    return 8;
}
static uint64_t ping(void) {
    return pass(pipes[0][0], pipes[1][1]);
}
static uint64_t pong(void) {
    return pass(pipes[1][0], pipes[0][1]);
}

enum { kThreads = 6 };
static uint64_t (*const work[kThreads])(void) = {integers, reals, memory, faults, ping, pong};
static uint64_t answers[kThreads];
static volatile unsigned long rounds[kThreads];
static volatile sig_atomic_t stop;

static void* run(void* argument) {
    const long which = (long)(intptr_t)argument;
    while (!stop) {
        const uint64_t answer = work[which]();
        if (rounds[which] == 0) answers[which] = answer;
        if (answer != answers[which]) end(91, "wrong: thread %ld, %lx\n", which, (long)answer, 0);
        rounds[which]++;
    }
    return NULL;
}

static void on_end(int number) {
    (void)number;
    stop = 1;
}

int main(int argc, char** argv) {
    const int once = argc > 1 && strcmp(argv[1], "once") == 0;
    raises_faults = argc < 2 || strcmp(argv[1], "no-faults") != 0;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    const int all[] = {SIGFPE, SIGILL, SIGSEGV, SIGTRAP, SIGBUS, SIGSYS};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) sigaction(all[i], &action, NULL);
    signal(SIGTERM, on_end);
    if (pipe(pipes[0]) != 0 || pipe(pipes[1]) != 0 || write(pipes[0][1], "x", 1) != 1) return 98;
    pthread_t threads[kThreads];
    for (long i = 0; i < kThreads; i++) {
        if (pthread_create(&threads[i], NULL, run, (void*)(intptr_t)i) != 0) return 97;
    }
    for (unsigned long round = 1; !stop; round++) {
        for (int i = 0; i < kThreads; i++) {
            const struct timespec moment = {0, 10000000};
            while (rounds[i] < round) nanosleep(&moment, NULL);
        }
        if (printf("round %lu\n", round) < 0 || fflush(stdout) != 0) return 96;
        if (once) stop = 1;
    }
    /* Those who pass the byte on wait for each other, and end with the process. */
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    printf("right: %lx %lx %lx\n", (long)answers[0], (long)answers[1], (long)answers[2]);
    fflush(stdout);
    _exit(0);
}
