// Processes: what fork, execve and wait do. Says nothing that differs from run to run. With
// arguments: what a program that it executes shows.
#define _GNU_SOURCE
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/programs/processes.h"

extern char** environ;
static const char* self;

// An address where nothing is, which compilers do not know.
static int* volatile nowhere = (int*)8;
static int global = 1;

static void on_signal(int number) {
    (void)number;
}

static void memory_is_copied(void) {
    int local = 2;
    char* heap = malloc(100000);
    memset(heap, 'a', 100000);
    volatile uint32_t* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared[0] = 7;
    pid_t child = fork();
    if (child == 0) {
        global = 10, local = 20, shared[0] = 70;
        memset(heap, 'b', 100000);
        _exit(global + local + (int)shared[0] + (heap[99999] == 'b'));
    }
    show_status("child", reap(child));
    say("parent still has %d %d %u %c%c\n", global, local, shared[0], heap[0], heap[99999]);
    // Both directions, again and again: nobody sees what the other writes.
    for (int round = 0; round < 20; round++) {
        child = fork();
        if (child == 0) {
            for (int i = 0; i < 100000; i += 4096) {
                if (heap[i] != (char)('a' + round % 26)) _exit(1);
                heap[i] = '?';
            }
            _exit(0);
        }
        memset(heap, 'a' + (round + 1) % 26, 100000);
        const int status = reap(child);
        // The child may have begun before or after the parent wrote: it sees its own copy.
        if (status != 0) say("round %d: status %x\n", round, status);
    }
    free(heap);
}

static void numbers(void) {
    const pid_t parent = getpid();
    int ends[2];
    pipe(ends);
    pid_t child = fork();
    if (child == 0) {
        const int right =
            getppid() == parent && getpid() != parent && gettid() == getpid() && getpgrp() == getpgid(parent);
        write(ends[1], &right, sizeof right);
        _exit(0);
    }
    int right = 0;
    read(ends[0], &right, sizeof right);
    say("numbers are right: %d\n", right);
    show_status("child", reap(child));
    SHOW(kill(child, 0));
    close(ends[0]), close(ends[1]);
}

static void statuses(void) {
    pid_t child = fork();
    if (child == 0) _exit(258 + 7);
    show_status("exit(265)", reap(child));
    child = fork();
    if (child == 0) abort();
    show_status("abort", reap(child));
    child = fork();
    if (child == 0) {
        raise(SIGKILL);
        _exit(1);
    }
    show_status("kill itself", reap(child));
    child = fork();
    if (child == 0) {
        *nowhere = 1;
        _exit(1);
    }
    show_status("bad address", reap(child));
    child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    kill(child, SIGTERM);
    show_status("terminated", reap(child));
    child = fork();
    if (child == 0) {
        volatile unsigned long x = 0;
        for (;;) x++;
    }
    usleep(10000);
    kill(child, SIGKILL);
    show_status("killed while it computes", reap(child));
    SHOW(waitpid(-1, NULL, 0));
    SHOW(waitpid(-1, NULL, WNOHANG));
    SHOW(waitpid(1 << 21, NULL, 0));
    SHOW(waitpid(-1, NULL, 0x1000));
    child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(3);
    }
    SHOW(waitpid(child, NULL, WNOHANG));
    siginfo_t info = {0};
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    say("info: %d code %d status %d right pid %d\n", info.si_signo, info.si_code, info.si_status,
        info.si_pid == child);
    memset(&info, 0, sizeof info);
    SHOW(waitid(P_ALL, 0, &info, WEXITED));
    say("info: code %d status %d\n", info.si_code, info.si_status);
    SHOW(waitid(P_ALL, 0, &info, WEXITED));
    SHOW(waitid(P_ALL, 0, &info, 0));
    SHOW(waitid(77, 0, &info, WEXITED));
}

static void open_files(void) {
    int file = open("shared_offset", O_RDWR | O_CREAT | O_TRUNC, 0666);
    write(file, "0123456789", 10);
    lseek(file, 0, SEEK_SET);
    pid_t child = fork();
    if (child == 0) {
        char text[4] = "";
        read(file, text, 3);
        close(file);
        _exit(strcmp(text, "012"));
    }
    show_status("reader", reap(child));
    char text[5] = "";
    read(file, text, 4);
    say("after the child: %s, at %ld\n", text, (long)lseek(file, 0, SEEK_CUR));
    close(file);

    int ends[2];
    pipe(ends);
    for (int i = 0; i < 5; i++) {
        if (fork() == 0) {
            char line[16];
            snprintf(line, sizeof line, "%d", i);
            write(ends[1], line, 1);
            _exit(i);
        }
    }
    close(ends[1]);
    int sum = 0, count = 0;
    char byte;
    while (read(ends[0], &byte, 1) == 1) sum += byte - '0', count++;
    say("five children wrote %d bytes, sum %d\n", count, sum);
    close(ends[0]);
    sum = 0;
    int status;
    while (wait(&status) > 0) sum += WEXITSTATUS(status);
    say("sum of statuses %d\n", sum);

    // Directory and umask are the process's own.
    mkdir("below", 0777);
    child = fork();
    if (child == 0) {
        umask(077);
        if (chdir("below") != 0) _exit(1);
        close(open("made_by_child", O_CREAT | O_WRONLY, 0666));
        _exit(0);
    }
    show_status("chdir", reap(child));
    struct stat seen;
    SHOW(stat("below/made_by_child", &seen));
    say("mode %o\n", seen.st_mode & 0777);
    close(open("made_by_parent", O_CREAT | O_WRONLY, 0666));
    SHOW(stat("made_by_parent", &seen));
    say("mode %o\n", seen.st_mode & 0777);
    char directory[4096];
    chdir("below");
    say("in %s\n", strrchr(getcwd(directory, sizeof directory), '/'));
    SHOW(access("made_by_child", R_OK));
    chdir("..");
}

static void executing(void) {
    char* const arguments[] = {(char*)self, "show", "two words", "", NULL};
    char* const environment[] = {"COLOUR=red", "EMPTY=", NULL};
    pid_t child = fork();
    if (child == 0) {
        int kept = open("/dev/null", O_RDONLY), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(kept, 40), dup3(closed, 41, O_CLOEXEC);
        close(kept), close(closed);
        signal(SIGUSR1, SIG_IGN);
        signal(SIGUSR2, on_signal);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_BLOCK, &set, NULL);
        raise(SIGHUP);
        execve(self, arguments, environment);
        _exit(99);
    }
    show_status("executed", reap(child));
    SHOW(execve("/does/not/exist", arguments, environment));
    SHOW(execve("/", arguments, environment));
    SHOW(execve("shared_offset", arguments, environment));
    SHOW(execve(self, (char* const*)nowhere, environment));
    close(open("no_program", O_CREAT | O_WRONLY, 0777));
    SHOW(execve("no_program", arguments, environment));
    int file = open("script", O_CREAT | O_WRONLY, 0777);
    dprintf(file, "#!%s  show from a script \n", self);
    close(file);
    child = fork();
    if (child == 0) {
        execl("./script", "ignored", "one", "two", NULL);
        _exit(98);
    }
    show_status("script", reap(child));
    file = open("loop", O_CREAT | O_WRONLY, 0777);
    dprintf(file, "#!./loop\n");
    close(file);
    SHOW(execl("./loop", "loop", NULL));
    file = open("gone", O_CREAT | O_WRONLY, 0777);
    dprintf(file, "#!/does/not/exist\n");
    close(file);
    SHOW(execl("./gone", "gone", NULL));
    int where = open(".", O_RDONLY | O_DIRECTORY);
    child = fork();
    if (child == 0) {
        syscall(SYS_execveat, where, "script", arguments, environment, 0);
        _exit(97);
    }
    show_status("execveat", reap(child));
    close(where);
    if (posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0) show_status("spawned", reap(child));
    say("posix_spawn of nothing: %s\n",
        strerrorname_np(posix_spawn(&child, "/does/not/exist", NULL, NULL, arguments, environ)));
    say("system: %d\n", system("exit 5") >> 8);
    FILE* output = popen("echo from a shell; echo $((6 * 7)) | cat", "r");
    char line[80];
    while (fgets(line, sizeof line, output)) say("popen: %s", line);
    show_status("pclose", pclose(output));
}

static int shared_by_vfork;
static void vforking(void) {
    pid_t child = vfork();
    if (child == 0) {
        shared_by_vfork = 5;
        _exit(4);
    }
    say("after vfork: %d\n", shared_by_vfork);
    show_status("vfork", reap(child));
}

static void attributes(void) {
    char* wiped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(wiped, 'w', 8192);
    SHOW(madvise(wiped, 4096, MADV_WIPEONFORK));
    char* left_out = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(madvise(left_out, 4096, MADV_DONTFORK));
    pid_t child = fork();
    if (child == 0) {
        const int right = wiped[0] == 0 && wiped[4096] == 'w';
        unsigned char there;
        const int gone = mincore(left_out, 4096, &there) == -1 && errno == ENOMEM;
        _exit(right + 2 * gone);
    }
    show_status("attributes", reap(child));
    SHOW(unshare(0x7fff0000));
    SHOW(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0));
}

int main(int count, char** arguments) {
    if (count > 1) return show(count, arguments);
    self = own_path();
    memory_is_copied();
    numbers();
    statuses();
    open_files();
    executing();
    vforking();
    attributes();
    say("done\n");
    return 0;
}
