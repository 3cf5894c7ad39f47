// A tour of C++20's threads, and of forwarded calls from many threads at once.
// Prints the same natively and in an enclave.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr int kThreads = 8;

void library() {
    std::atomic<int> sum{0};
    {
        std::vector<std::jthread> threads;
        std::latch start{kThreads + 1};
        for (int i = 0; i < kThreads; i++) {
            threads.emplace_back([&, i] {
                start.arrive_and_wait();
                sum += i;
            });
        }
        start.arrive_and_wait();
    }
    std::printf("sum %d\n", sum.load());

    std::atomic<int> turn{0};
    const auto await = [&turn](int wanted) {
        for (int seen = turn.load(); seen != wanted; seen = turn.load()) turn.wait(seen);
    };
    std::thread other{[&] {
        for (int i = 1; i < 200; i += 2) {
            await(i);
            turn.store(i + 1);
            turn.notify_one();
        }
    }};
    for (int i = 0; i < 200; i += 2) {
        await(i);
        turn.store(i + 1);
        turn.notify_one();
    }
    other.join();
    std::printf("turn %d\n", turn.load());

    std::barrier phase{kThreads, [count = 0]() mutable noexcept { count++; }};
    std::counting_semaphore<> places{2};
    std::atomic<int> inside{0}, most{0};
    std::shared_mutex shared;
    long value = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < kThreads; i++) {
            threads.emplace_back([&, i] {
                for (int round = 0; round < 10; round++) {
                    places.acquire();
                    int now = ++inside, seen = most.load();
                    while (now > seen && !most.compare_exchange_weak(seen, now)) continue;
                    std::this_thread::yield();
                    inside--;
                    places.release();
                    if (i % 2 == 0) {
                        const std::unique_lock lock{shared};
                        value++;
                    } else {
                        const std::shared_lock lock{shared};
                        if (value < 0) std::abort();
                    }
                    phase.arrive_and_wait();
                }
            });
        }
    }
    std::printf("value %ld, at most two inside: %d\n", value, most.load() <= 2);

    auto thrown = std::async(std::launch::async, []() -> int { throw std::runtime_error{"from a thread"}; });
    try {
        thrown.get();
    } catch (const std::exception& error) {
        std::printf("caught %s\n", error.what());
    }
    std::jthread stopped{[](std::stop_token token) {
        std::mutex mutex;
        std::condition_variable_any condition;
        std::unique_lock lock{mutex};
        condition.wait(lock, token, [] { return false; });
    }};
    stopped.request_stop();
    stopped.join();
    std::timed_mutex held;
    held.lock();
    std::thread{[&] { std::printf("timed out %d\n", !held.try_lock_for(20ms)); }}.join();
}

// Each thread has a file of its own, and all append to one; sizes beyond what an I/O
// area carries at once.
void files() {
    constexpr int kMany = 64;
    const int log = ::open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
    std::atomic<long> bad{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < kMany; i++) {
            threads.emplace_back([&, i] {
                const std::string name = "file" + std::to_string(i);
                std::vector<char> out(static_cast<std::size_t>(i % 4 == 0 ? 300'000 : 5'000 + i)),
                    in(out.size());
                std::memset(out.data(), 'a' + i % 26, out.size());
                const int fd = ::open(name.c_str(), O_RDWR | O_CREAT, 0644);
                for (int round = 0; round < 10; round++) {
                    bad += ::pwrite(fd, out.data(), out.size(), 0) != static_cast<ssize_t>(out.size());
                    bad += ::pread(fd, in.data(), in.size(), 0) != static_cast<ssize_t>(in.size());
                    bad += in != out;
                    bad += ::write(log, "0123456789\n", 11) != 11;
                }
                ::close(fd);
            });
        }
    }
    std::printf("bad %ld, log %ld\n", bad.load(), static_cast<long>(::lseek(log, 0, SEEK_END)));
}

// More threads in calls that block than there are I/O areas; what lets them go on is a
// call to the host too.
void blocked() {
    constexpr int kMany = 64;
    int ends[kMany][2];
    std::atomic<int> sum{0};
    {
        std::vector<std::jthread> threads;
        for (auto& pipe : ends) {
            if (::pipe(pipe) != 0) std::abort();
            threads.emplace_back([&sum, fd = pipe[0]] {
                char byte = 0;
                if (::read(fd, &byte, 1) == 1) sum += byte;
            });
        }
        std::this_thread::sleep_for(50ms);
        for (int i = kMany; i-- > 0;) {
            if (::write(ends[i][1], "\1", 1) != 1) std::abort();
        }
    }
    std::printf("all of %d went on: %d\n", kMany, sum.load());
}

}  // namespace

int main() {
    library();
    files();
    blocked();
}
