// Terminals: what sessions, groups and pseudo-terminals do to each other. Says nothing that
// differs from run to run.
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "tests/programs/processes.h"

static void wait_for(const char* what, pid_t child, int options) {
    int status = 0;
    if (waitpid(child, &status, options) != child) say("%s: %s\n", what, strerrorname_np(errno));
    show_status(what, status);
}

static void show_bytes(const char* what, const char* bytes, ssize_t count) {
    say("%s = %zd", what, count);
    if (count < 0) say(" %s", strerrorname_np(errno));
    for (ssize_t i = 0; i < count; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        say(byte >= 0x20 && byte < 0x7f ? " %c" : " %02x", byte);
    }
    say("\n");
}
// Until so many bytes came, or nothing more does.
static void show_read(const char* what, int fd, size_t wanted) {
    char bytes[512];
    size_t done = 0;
    ssize_t count = 1;
    while (done < wanted && (count = read(fd, bytes + done, wanted - done)) > 0) done += (size_t)count;
    show_bytes(what, bytes, done > 0 ? (ssize_t)done : count);
}
static void type(int fd, const char* text) {
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) say("type: %s\n", strerrorname_np(errno));
}
// What of `events` is the case, as soon as all of it is: bytes take their time to the other side.
static short ready(int fd, short events) {
    struct pollfd entry = {fd, events, 0};
    for (int turns = 0; turns < 500 && (entry.revents & events) != events; turns++) {
        if (turns > 0) poll(NULL, 0, 10);
        poll(&entry, 1, 0);
    }
    return entry.revents;
}
static int has_input(int fd) {
    struct pollfd entry = {fd, POLLIN, 0};
    return poll(&entry, 1, 0);
}

static int master, slave;
static void make_pair(void) {
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (grantpt(master) != 0 || unlockpt(master) != 0) say("no pair\n");
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
}
static void change(tcflag_t on, tcflag_t off, int least, int time) {
    struct termios settings;
    tcgetattr(slave, &settings);
    settings.c_lflag = (settings.c_lflag | on) & ~off;
    settings.c_cc[VMIN] = (cc_t)least;
    settings.c_cc[VTIME] = (cc_t)time;
    tcsetattr(slave, TCSANOW, &settings);
}

static volatile sig_atomic_t seen[65];
static void on_signal(int number) {
    seen[number]++;
}
static void handle(int number) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(number, &action, NULL);
}

static void names(void) {
    say("-- names\n");
    int locked = posix_openpt(O_RDWR | O_NOCTTY);
    struct stat info;
    say("%d\n", stat(ptsname(locked), &info));
    say("%s %d\n", S_ISCHR(info.st_mode) ? "device" : "?", info.st_uid == getuid());
    SHOW(open(ptsname(locked), O_RDWR | O_NOCTTY));
    char name[64];
    strcpy(name, ptsname(locked));
    close(locked);
    SHOW(open(name, O_RDWR | O_NOCTTY));
    make_pair();
    SHOW(isatty(master));
    SHOW(isatty(slave));
    say("%d %d\n", strcmp(ttyname(slave), ptsname(master)), strncmp(ttyname(slave), "/dev/pts/", 9));
    struct stat by_name, by_fd;
    stat(ttyname(slave), &by_name);
    fstat(slave, &by_fd);
    say("%d\n", by_name.st_rdev == by_fd.st_rdev && by_name.st_ino == by_fd.st_ino);
    SHOW(lseek(slave, 0, SEEK_CUR));
    char byte;
    SHOW(pread(slave, &byte, 1, 0));
    SHOW(tcgetsid(slave));
    SHOW(tcgetpgrp(slave));
    SHOW(tcgetsid(master));
    SHOW(tcgetpgrp(master));
    SHOW(ioctl(slave, TIOCGPTN, name));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    SHOW(ioctl(slave, TIOCNOTTY));
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    say("%d\n", strcmp(ttyname(peer), ttyname(slave)));
    close(peer);
    int not_one = open("/dev/null", O_RDWR);
    SHOW(tcgetpgrp(not_one));
    SHOW(isatty(not_one));
    close(not_one);
    close(master);
    close(slave);
}

static void sizes_and_modes(void) {
    say("-- sizes and modes\n");
    make_pair();
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    SHOW(ioctl(master, TIOCSWINSZ, &size));
    memset(&size, 0, sizeof(size));
    SHOW(ioctl(slave, TIOCGWINSZ, &size));
    say("%d x %d\n", size.ws_row, size.ws_col);
    struct termios a, b;
    memset(&a, 0, sizeof(a)), memset(&b, 0, sizeof(b));  // padding, too
    SHOW(tcgetattr(slave, &a));
    SHOW(tcgetattr(master, &b));
    say("%d %x %x %x %x\n", memcmp(&a, &b, sizeof(a)), a.c_iflag, a.c_oflag, a.c_cflag, a.c_lflag);
    say("%d\n", cfgetospeed(&a) == B38400);
    type(master, "abc\nd");
    show_read("echo", master, 6);
    int count = -1;
    SHOW(ioctl(slave, FIONREAD, &count));
    say("%d\n", count);
    SHOW(ioctl(slave, TIOCOUTQ, &count));
    say("%d\n", count);
    SHOW(tcflush(slave, TCIFLUSH));
    SHOW(ioctl(slave, FIONREAD, &count));
    say("%d\n", count);
    SHOW(tcflush(slave, 7));
    SHOW(tcdrain(slave));
    SHOW(tcflow(slave, TCOOFF));
    fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
    SHOW(write(slave, "held", 4));
    SHOW(tcflow(slave, TCOON));
    SHOW(write(slave, "goes", 4));
    show_read("output", master, 4);
    SHOW(ioctl(slave, 0x5499, &count));
    close(master);
    close(slave);
}

static void reading(void) {
    say("-- reading\n");
    make_pair();
    type(master, "first\nsecond\n");
    show_read("echo", master, 15);
    char bytes[64];
    show_bytes("line", bytes, read(slave, bytes, sizeof(bytes)));
    show_bytes("part", bytes, read(slave, bytes, 3));
    show_bytes("rest", bytes, read(slave, bytes, sizeof(bytes)));
    type(master, "no newline\004\004");
    show_bytes("line", bytes, read(slave, bytes, sizeof(bytes)));
    show_bytes("end", bytes, read(slave, bytes, sizeof(bytes)));
    show_read("echo", master, 10);
    change(0, ICANON | ECHO, 3, 0);
    type(master, "ab");
    say("%d\n", has_input(slave));
    type(master, "c");
    say("%x\n", ready(slave, POLLIN));
    show_bytes("three", bytes, read(slave, bytes, sizeof(bytes)));
    change(0, ICANON | ECHO, 0, 0);
    show_bytes("nothing", bytes, read(slave, bytes, sizeof(bytes)));
    change(0, ICANON | ECHO, 0, 1);
    show_bytes("a tenth", bytes, read(slave, bytes, sizeof(bytes)));
    change(0, ICANON | ECHO, 5, 1);
    type(master, "xy");
    show_bytes("between", bytes, read(slave, bytes, sizeof(bytes)));
    change(0, ICANON | ECHO, 1, 0);
    fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
    show_bytes("not waiting", bytes, read(slave, bytes, sizeof(bytes)));
    fcntl(slave, F_SETFL, O_RDWR);
    if (fork() == 0) {
        poll(NULL, 0, 50);
        type(master, "late");
        _exit(0);
    }
    show_bytes("waited", bytes, read(slave, bytes, sizeof(bytes)));
    wait(NULL);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, slave, &event));
    SHOW(epoll_wait(epoll, &event, 1, 0));
    type(master, "!");
    SHOW(epoll_wait(epoll, &event, 1, 1000));
    SHOW(epoll_wait(epoll, &event, 1, 0));
    close(epoll);
    close(master);
    close(slave);
}

static void packets(void) {
    say("-- packets\n");
    make_pair();
    int on = 1;
    SHOW(ioctl(master, TIOCPKT, &on));
    SHOW(write(slave, "data", 4));
    show_read("packet", master, 5);
    SHOW(tcflush(slave, TCIFLUSH));
    say("%d\n", (ready(master, POLLIN | POLLPRI) & POLLPRI) != 0);
    show_read("packet", master, 1);
    close(master);
    close(slave);
}

static void closing(void) {
    say("-- closing\n");
    make_pair();
    char byte;
    SHOW(write(slave, "last", 4));
    close(slave);
    say("%x\n", ready(master, POLLIN | POLLHUP));
    show_read("left", master, 4);
    SHOW(read(master, &byte, 1));
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    type(master, "again\n");
    show_read("again", slave, 6);
    pid_t child = fork();
    if (child == 0) {
        close(master);
        // The end, or an error, if it is there before.
        if (read(slave, &byte, 1) > 0) say("?\n");
        SHOW(read(slave, &byte, 1));
        _exit(0);
    }
    close(master);
    wait_for("reader", child, 0);
    SHOW(read(slave, &byte, 1));
    SHOW(write(slave, "x", 1));
    say("%x\n", ready(slave, POLLIN | POLLOUT | POLLERR | POLLHUP));
    SHOW(isatty(slave));
    close(slave);
}

// Runs `body` as the leader of a session whose terminal the slave is.
static pid_t in_session(void (*body)(void)) {
    make_pair();
    pid_t child = fork();
    if (child == 0) {
        close(slave);
        setsid();
        slave = open(ptsname(master), O_RDWR);
        body();
        _exit(0);
    }
    return child;
}

static void controlling(void) {
    SHOW(tcgetsid(slave) == getsid(0));
    SHOW(tcgetpgrp(slave) == getpgrp());
    SHOW(tcgetpgrp(master) == getpgrp());
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    int own = open("/dev/tty", O_RDWR);
    SHOW(isatty(own));
    SHOW(write(own, "tty\n", 4));
    show_read("shown", master, 5);
    SHOW(tcsetpgrp(slave, 0x7ffffff0));
    SHOW(tcsetpgrp(slave, -1));
    SHOW(tcsetpgrp(slave, getppid()));
    SHOW(setsid());
    pid_t child = fork();
    if (child == 0) {
        setsid();
        SHOW(tcgetpgrp(slave));
        SHOW(tcsetpgrp(slave, getpid()));
        SHOW(open("/dev/tty", O_RDWR));
        SHOW(ioctl(slave, TIOCSCTTY, 0));
        _exit(0);
    }
    wait_for("other session", child, 0);
    handle(SIGHUP);
    handle(SIGCONT);
    SHOW(ioctl(slave, TIOCNOTTY));
    say("hup %d cont %d\n", seen[SIGHUP], seen[SIGCONT]);
    SHOW(tcgetpgrp(slave));
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    SHOW(tcgetpgrp(slave) == getpgrp());
}

static void keys(void) {
    handle(SIGINT);
    handle(SIGQUIT);
    handle(SIGTSTP);
    handle(SIGWINCH);
    type(master, "lost\003kept\n");
    char bytes[64];
    while (!seen[SIGINT]) poll(NULL, 0, 10);
    show_bytes("after ^C", bytes, read(slave, bytes, sizeof(bytes)));
    type(master, "\034\032");
    while (!seen[SIGQUIT] || !seen[SIGTSTP]) poll(NULL, 0, 10);
    struct winsize size = {.ws_row = 1, .ws_col = 2};
    ioctl(master, TIOCSWINSZ, &size);
    ioctl(master, TIOCSWINSZ, &size);  // is nothing new
    say("int %d quit %d tstp %d winch %d\n", seen[SIGINT], seen[SIGQUIT], seen[SIGTSTP], seen[SIGWINCH]);
    change(0, ISIG, 1, 0);
    type(master, "\003\n");
    show_bytes("no signal", bytes, read(slave, bytes, sizeof(bytes)));
    change(ISIG, 0, 1, 0);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        signal(SIGINT, SIG_DFL);
        signal(SIGTTOU, SIG_IGN);
        tcsetpgrp(slave, getpid());
        signal(SIGTTOU, SIG_DFL);
        type(master, "\003");
        for (;;) pause();
    }
    wait_for("foreground child", child, 0);
    say("int %d\n", seen[SIGINT]);
}

static void background_child(void) {
    char byte;
    setpgid(0, 0);
    signal(SIGTTOU, SIG_DFL);
    SHOW(write(slave, "may\n", 4));
    SHOW(read(slave, &byte, 1));  // stops, until it is in the foreground
    change(TOSTOP, 0, 1, 0);
    kill(getpid(), SIGSTOP);  // comes back in the background
    signal(SIGTTOU, SIG_IGN);
    SHOW(write(slave, "may\n", 4));
    SHOW(tcsetpgrp(slave, getpid()));
    SHOW(tcsetpgrp(slave, getppid()));
    signal(SIGTTIN, SIG_IGN);
    SHOW(read(slave, &byte, 1));
    signal(SIGTTOU, SIG_DFL);
    SHOW(write(slave, "may\n", 4));  // stops, until TOSTOP is gone
    handle(SIGTTIN);
    SHOW(read(slave, &byte, 1));
    say("ttin %d\n", seen[SIGTTIN]);
    SHOW(tcsetpgrp(slave, getpid()));  // stops
    _exit(0);
}

static void background(void) {
    signal(SIGTTOU, SIG_IGN);
    pid_t child = fork();
    if (child == 0) background_child();
    setpgid(child, child);
    wait_for("reads", child, WUNTRACED);
    tcsetpgrp(slave, child);
    type(master, "\n");
    kill(child, SIGCONT);
    wait_for("stops itself", child, WUNTRACED);
    tcsetpgrp(slave, getpgrp());
    kill(child, SIGCONT);
    wait_for("writes", child, WUNTRACED);
    change(0, TOSTOP, 1, 0);
    kill(child, SIGCONT);
    wait_for("changes the group", child, WUNTRACED);
    kill(child, SIGKILL);
    wait_for("end", child, 0);
}

static void orphans(void) {
    int ready_pipe[2];
    if (pipe(ready_pipe) != 0) return;
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            setpgid(0, 0);
            handle(SIGHUP);
            handle(SIGCONT);
            kill(getpid(), SIGSTOP);
            say("hup %d cont %d\n", seen[SIGHUP], seen[SIGCONT]);
            char byte;
            SHOW(read(slave, &byte, 1));  // of an orphaned group
            SHOW(tcsetpgrp(slave, getpid()));
            kill(getpid(), SIGTSTP);
            say("not stopped\n");
            if (write(ready_pipe[1], "x", 1) != 1) _exit(1);
            _exit(0);
        }
        wait_for("stops", grandchild, WUNTRACED);
        _exit(0);
    }
    close(ready_pipe[1]);
    char byte;
    SHOW(read(ready_pipe[0], &byte, 1));
    wait_for("parent", child, 0);
}

static void leader_ends(void) {
    int told[2];
    if (pipe(told) != 0) return;
    pid_t child = fork();
    if (child == 0) {
        handle(SIGHUP);
        close(told[0]);
        if (write(told[1], "r", 1) != 1) _exit(1);
        while (!seen[SIGHUP]) poll(NULL, 0, 1000);
        SHOW(tcgetpgrp(slave));
        SHOW(open("/dev/tty", O_RDWR));
        _exit(0);
    }
    char byte;
    if (read(told[0], &byte, 1) == 1) say("leader ends\n");
}

static void waits_for_hangup(void) {
    handle(SIGHUP);
    handle(SIGCONT);
    close(master);
    if (write(slave, "r", 1) != 1) _exit(1);
    while (!seen[SIGHUP] || !seen[SIGCONT]) poll(NULL, 0, 1000);
    say("hup %d cont %d\n", seen[SIGHUP], seen[SIGCONT]);
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(tcgetpgrp(slave));
    SHOW(tcsetpgrp(slave, getpgrp()));
}

static void run(const char* what, void (*body)(void)) {
    say("-- %s\n", what);
    int done[2];
    if (pipe(done) != 0) return;
    pid_t child = in_session(body);
    close(done[1]);
    // Until all of the session have ended.
    char byte;
    if (read(done[0], &byte, 1) != 0) say("?\n");
    close(done[0]);
    wait_for(what, child, 0);
    close(master);
    close(slave);
}

int main(void) {
    names();
    sizes_and_modes();
    reading();
    packets();
    closing();
    run("controlling", controlling);
    run("keys", keys);
    run("background", background);
    run("orphans", orphans);
    run("leader ends", leader_ends);
    say("-- hangup\n");
    pid_t child = in_session(waits_for_hangup);
    show_read("ready", master, 1);
    close(master);
    wait_for("hangup", child, 0);
    return 0;
}
