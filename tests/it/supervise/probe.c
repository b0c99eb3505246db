/* The child of the tests: says what happens to it, in lines of a file.
 *
 * probe count LOG           every signal, blocked and taken one by one: "NUMBER"; first "ready PID"
 * probe orphans N LOG       N grandchildren whose parent is gone, all of which end at once
 * probe heirs N LOG         N grandchildren whose parent is gone, which wait to be told to stop
 * probe bind PORT LOG       "bound PID" where the port was free, else "taken PID"; then as count, to TERM
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int out;

static void say(const char *format, ...) {
    char line[128];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (write(out, line, length) != length) _exit(9);
}

/* By the kernel's own numbers: C libraries hide 32 and 33. */
static unsigned long all = ~0UL;

static void count(int last) {
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 8);
    say("ready %d\n", getpid());
    for (;;) {
        siginfo_t info;
        int number = syscall(SYS_rt_sigtimedwait, &all, &info, NULL, 8);
        if (number <= 0) continue;
        say("%d\n", number);
        if (number == last) _exit(0);
    }
}

int main(int argc, char **argv) {
    if (argc < 3) return 8;
    out = open(argv[argc - 1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (out < 0) return 9;
    if (!strcmp(argv[1], "count")) count(0);
    if (!strcmp(argv[1], "orphans") || !strcmp(argv[1], "heirs")) {
        int stay = !strcmp(argv[1], "heirs");
        for (int left = atoi(argv[2]); left > 0; left--) {
            pid_t child = fork();
            if (child < 0) return 7;
            if (!child) {
                pid_t grandchild = fork();
                if (grandchild < 0) _exit(7);
                if (!grandchild && stay) for (;;) pause();
                _exit(0);
            }
            int status;
            if (waitpid(child, &status, 0) != child || status) return 7;
        }
        say("ready %d\n", getpid());
        if (stay) return 3;
        count(SIGTERM);
    }
    if (!strcmp(argv[1], "bind")) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int failed = bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 8);
        say("%s %d\n", failed ? "taken" : "bound", getpid());
        count(SIGTERM);
    }
    return 8;
}
