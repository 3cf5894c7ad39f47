// Executes each file in a child of its own and says how it went; a child that goes on for too
// long is ended by a signal. Alone it does nothing. Usage: exec_tour [FILE...]
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char** files) {
    if (count < 2) return 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < count; i++) {
        int said[2], status, error = 0;
        if (pipe2(said, 02000000 /* O_CLOEXEC */) != 0) return 2;
        const pid_t child = fork();
        if (child < 0) return 3;
        if (child == 0) {
            char* arguments[] = {"alone", NULL};
            alarm(2);
            execv(files[i], arguments);
            error = errno;
            _exit(write(said[1], &error, sizeof error) == sizeof error ? 0 : 1);
        }
        close(said[1]);
        const int refused = read(said[0], &error, sizeof error) == sizeof error;
        close(said[0]);
        if (waitpid(child, &status, 0) != child) return 4;
        const char* name = strrchr(files[i], '/');
        name = name != NULL ? name + 1 : files[i];
        if (refused) {
            printf("%s: %s\n", name, strerror(error));
        } else if (WIFSIGNALED(status)) {
            printf("%s: signal\n", name);
        } else {
            printf("%s: status %d\n", name, WEXITSTATUS(status));
        }
    }
    puts("survived");
    return 0;
}
