#include "host/cli/interrupt.hpp"

#include <signal.h>
#include <unistd.h>

namespace enclavisor::host {

std::atomic<int> interrupted{0};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void on_signal(int number) {
    // The second time nothing is waited for; the kernel kills VM and proxy with us.
    if (interrupted.exchange(number) != 0) ::_exit(128 + number);
}

void catch_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        ::sigaction(number, nullptr, &before);
        if (before.sa_handler != SIG_IGN) ::sigaction(number, &action, nullptr);  // nohup stays
    }
    ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace enclavisor::host
