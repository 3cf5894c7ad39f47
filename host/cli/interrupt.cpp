#include "host/cli/interrupt.hpp"

#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace enclavisor::host {
namespace {

constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP};
constexpr int kOnlyRelayed[] = {SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
constexpr std::int64_t kTogetherMs = 2000;

// What the handler needs: nothing but these.
std::atomic<bool> relaying{false};
std::atomic<std::uint64_t> to_relay{0};  // bit n: signal n
std::atomic<std::int64_t> last_interrupt{0};
sem_t something_to_do;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free);

std::int64_t now_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

bool is_second_interrupt(int number) {
    if (number != SIGINT) return false;
    const std::int64_t now = now_ms(), before = last_interrupt.exchange(now);
    return before != 0 && now - before < kTogetherMs;
}

void ask_to_end(int number) {
    // The second time nothing is waited for; the kernel kills VM and proxy with us.
    if (interrupted.exchange(number) != 0) ::_exit(128 + number);
}

void catch_one(int number, void (*handler)(int)) {
    struct sigaction before {};
    ::sigaction(number, nullptr, &before);
    if (before.sa_handler == SIG_IGN) return;  // nohup stays
    struct sigaction action {};
    action.sa_handler = handler;
    ::sigaction(number, &action, nullptr);
}

}  // namespace

std::atomic<int> interrupted{0};

extern "C" void on_signal(int number) {
    if (interrupted.load() != 0 || !relaying.load() || is_second_interrupt(number)) return ask_to_end(number);
    to_relay.fetch_or(1ull << number);
    ::sem_post(&something_to_do);
}

void catch_signals() {
    for (const int number : kEnding) catch_one(number, on_signal);
    ::signal(SIGPIPE, SIG_IGN);
}

SignalRelay::SignalRelay(Send send) : send_{std::move(send)} {
    ::sem_init(&something_to_do, 0, 0);
    last_interrupt = 0;
    relaying = true;
    for (const int number : kOnlyRelayed) catch_one(number, on_signal);
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { run(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SignalRelay::~SignalRelay() {
    for (const int number : kOnlyRelayed) catch_one(number, SIG_DFL);
    relaying = false;
    over_ = true;
    ::sem_post(&something_to_do);
    thread_.join();
}

void SignalRelay::run() {
    for (;;) {
        while (::sem_wait(&something_to_do) != 0) continue;
        if (over_.load()) return;
        const std::uint64_t set = to_relay.exchange(0);
        for (const int number : kOnlyRelayed) {
            if (set >> number & 1) (void)send_(number);
        }
        for (const int number : kEnding) {
            if ((set >> number & 1) && !send_(number)) ask_to_end(number);
        }
    }
}

}  // namespace enclavisor::host
