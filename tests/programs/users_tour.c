// Users, groups, capabilities and prctl, as root. Says nothing that differs from run to run.
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOW(call)                                                                                       \
    do {                                                                                                 \
        errno = 0;                                                                                       \
        long result_ = (long)(call);                                                                     \
        printf("%s = %ld%s%s\n", #call, result_, errno ? " " : "", errno ? strerrorname_np(errno) : ""); \
        fflush(stdout);                                                                                  \
    } while (0)

static void show_ids(void) {
    uid_t u[3];
    gid_t g[3], groups[16];
    getresuid(&u[0], &u[1], &u[2]);
    getresgid(&g[0], &g[1], &g[2]);
    printf("users %u %u %u %d, groups %u %u %u %d:", u[0], u[1], u[2], setfsuid(-1), g[0], g[1], g[2],
           setfsgid(-1));
    const int count = getgroups(16, groups);
    for (int i = 0; i < count; i++) printf(" %u", groups[i]);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {0};
    syscall(SYS_capget, &header, data);
    printf(", may setuid %d of %d, dumpable %d\n", data[0].effective >> CAP_SETUID & 1,
           data[0].permitted >> CAP_SETUID & 1, prctl(PR_GET_DUMPABLE));
    fflush(stdout);
}
static void in_child(const char* what, void (*body)(void)) {
    int status;
    printf("-- %s\n", what);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        body();
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, &status, 0);
    if (status != 0) printf("status %d\n", status);
}

static void drop(void) {
    const gid_t groups[] = {30, 10, 20};
    SHOW(setgroups(3, groups));
    SHOW(setgid(7));
    SHOW(setuid(1000));
    show_ids();
    SHOW(setuid(0));
    SHOW(setgid(0));
    SHOW(seteuid(0));
    SHOW(setuid(1000));
    SHOW(setgroups(0, NULL));
    SHOW(setresuid(-1, 1001, -1));
    SHOW(setreuid(-1, 5));
    gid_t one;
    SHOW(getgroups(1, &one));
    SHOW(kill(getppid(), 0));
}
static void effective_only(void) {
    SHOW(seteuid(1000));
    show_ids();
    SHOW(setresuid(-1, 1001, -1));
    SHOW(setuid(0));
    show_ids();
    SHOW(setreuid(1000, 0));
    show_ids();
    SHOW(setreuid(0, 1000));
    show_ids();
    SHOW(setresgid(1, 2, 3));
    SHOW(setreuid(1000, 1000));
    show_ids();
    SHOW(setresuid(0, -1, -1));
}
static void keeps(void) {
    SHOW(prctl(PR_GET_KEEPCAPS));
    SHOW(prctl(PR_SET_KEEPCAPS, 1));
    SHOW(prctl(PR_SET_KEEPCAPS, 2));
    SHOW(setresuid(1000, 1000, 1000));
    show_ids();
}
static void file_system(void) {
    SHOW(setfsuid(1000));
    SHOW(setfsuid(1000));
    SHOW(setfsgid(55));
    show_ids();
    SHOW(setuid(1000));
    SHOW(setfsuid(7));
    show_ids();
}
static void bounding(void) {
    SHOW(prctl(PR_CAPBSET_READ, CAP_KILL));
    SHOW(prctl(PR_CAPBSET_DROP, CAP_KILL));
    SHOW(prctl(PR_CAPBSET_READ, CAP_KILL));
    SHOW(prctl(PR_CAPBSET_READ, 63));
    SHOW(setuid(1000));
    SHOW(prctl(PR_CAPBSET_DROP, CAP_CHOWN));
}
static void* of_a_thread(void* argument) {
    (void)argument;
    show_ids();
    return NULL;
}
static int hold[2];
static void* wait_for_it(void* argument) {
    char byte;
    if (read(hold[0], &byte, 1) != 1) return NULL;
    return of_a_thread(argument);
}
static void threads(void) {
    pthread_t early, late;
    if (pipe(hold) != 0) return;
    pthread_create(&early, NULL, wait_for_it, NULL);
    SHOW(setresgid(8, 8, 8));
    SHOW(setresuid(9, 9, 9));
    pthread_create(&late, NULL, of_a_thread, NULL);
    pthread_join(late, NULL);
    if (write(hold[1], "x", 1) != 1) return;
    pthread_join(early, NULL);
}
static void between_users(void) {
    const pid_t sleeper = fork();
    if (sleeper == 0) {
        if (setuid(1001) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) _exit(1);
        for (;;) pause();
    }
    usleep(50000);
    SHOW(setuid(1000));
    SHOW(kill(sleeper, SIGTERM) == -1);
    SHOW(kill(sleeper, 0) == -1);
    SHOW(kill(sleeper, SIGCONT));
    SHOW(syscall(SYS_tgkill, sleeper, sleeper, SIGTERM) == -1);
}
static void reaper(void) {
    int value, status;
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
    SHOW(prctl(PR_GET_CHILD_SUBREAPER, &value));
    printf("is one: %d\n", value);
    fflush(stdout);
    const pid_t self = getpid(), middle = fork();
    if (middle == 0) {
        prctl(PR_GET_CHILD_SUBREAPER, &value);
        if (fork() == 0) {
            while (getppid() != self) usleep(1000);
            _exit(42);
        }
        _exit(value);
    }
    waitpid(middle, &status, 0);
    printf("middle %d\n", WEXITSTATUS(status));
    SHOW(waitpid(-1, &status, 0) > 0);
    printf("orphan %d\n", WEXITSTATUS(status));
}
static void death(void) {
    int ends[2], value;
    char byte;
    if (pipe(ends) != 0) return;
    if (fork() == 0) {
        if (fork() == 0) {
            SHOW(prctl(PR_SET_PDEATHSIG, SIGKILL));
            SHOW(prctl(PR_GET_PDEATHSIG, &value));
            SHOW(prctl(PR_SET_PDEATHSIG, 65));
            printf("signal %d\n", value);
            fflush(stdout);
            if (write(ends[1], "x", 1) != 1) _exit(1);
            for (;;) pause();
        }
        if (read(ends[0], &byte, 1) != 1) _exit(1);
        _exit(0);
    }
    close(ends[1]);
    // Its end comes when the last who could write is gone.
    while (wait(NULL) > 0) continue;
    SHOW(read(ends[0], &byte, 1));
}
static void privileges(void) {
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_DUMPABLE, 0));
    SHOW(prctl(PR_SET_DUMPABLE, 2));
    SHOW(prctl(PR_GET_DUMPABLE));
}

int main(int argc, char** argv) {
    (void)argv;
    if (argc > 1) {
        show_ids();
        return 0;
    }
    if (setgroups(0, NULL) != 0) return puts("not root"), 0;
    show_ids();
    in_child("drop", drop);
    in_child("effective only", effective_only);
    in_child("keeps", keeps);
    in_child("file system", file_system);
    in_child("bounding", bounding);
    in_child("threads", threads);
    in_child("between users", between_users);
    in_child("reaper", reaper);
    in_child("death", death);
    in_child("privileges", privileges);
    printf("-- executes\n");
    fflush(stdout);
    if (fork() == 0) {
        if (setresuid(1000, 1001, 1002) != 0) _exit(1);
        execl(argv[0], argv[0], "again", NULL);
    }
    wait(NULL);
    if (fork() == 0) {
        if (seteuid(1000) != 0) _exit(1);
        execl(argv[0], argv[0], "again", NULL);
    }
    wait(NULL);
    return 0;
}
