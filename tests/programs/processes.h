// What the tours of processes share. `show` is what a program that they execute does.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void say(const char* format, ...) __attribute__((format(printf, 1, 2)));
static inline void say(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    fflush(stdout);
}

#define SHOW(call)                                                                                    \
    do {                                                                                              \
        errno = 0;                                                                                    \
        long result_ = (long)(call);                                                                  \
        say("%s = %ld%s%s\n", #call, result_, errno ? " " : "", errno ? strerrorname_np(errno) : ""); \
    } while (0)

static inline void show_status(const char* what, int status) {
    if (WIFEXITED(status)) say("%s: exited %d\n", what, WEXITSTATUS(status));
    if (WIFSIGNALED(status)) say("%s: killed %d\n", what, WTERMSIG(status));
    if (WIFSTOPPED(status)) say("%s: stopped %d\n", what, WSTOPSIG(status));
    if (WIFCONTINUED(status)) say("%s: continued\n", what);
}

static inline int reap(pid_t child) {
    int status = -1;
    if (waitpid(child, &status, 0) != child) say("waitpid: %s\n", strerrorname_np(errno));
    return status;
}

static inline int show(int count, char** arguments) {
    for (int i = 1; i < count; i++) say("argument %d: <%s>\n", i, arguments[i]);
    say("COLOUR %s, EMPTY <%s>\n", getenv("COLOUR") ? getenv("COLOUR") : "none",
        getenv("EMPTY") ? getenv("EMPTY") : "none");
    say("40 is open: %d, 41 is open: %d\n", fcntl(40, F_GETFD) >= 0, fcntl(41, F_GETFD) >= 0);
    struct sigaction action;
    sigaction(SIGUSR1, NULL, &action);
    say("SIGUSR1 ignored: %d, ", action.sa_handler == SIG_IGN);
    sigaction(SIGUSR2, NULL, &action);
    say("SIGUSR2 default: %d, ", action.sa_handler == SIG_DFL);
    sigset_t set;
    sigpending(&set);
    say("SIGHUP waits: %d\n", sigismember(&set, SIGHUP));
    char name[17] = "";
    prctl(PR_GET_NAME, name);
    say("name %s, leader %d\n", name, gettid() == getpid());
    return count;
}

// The program's own path.
static inline const char* own_path(void) {
    static char path[4096];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    path[size < 0 ? 0 : size] = 0;
    return path;
}
