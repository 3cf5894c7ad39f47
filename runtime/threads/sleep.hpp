// Sleeping inside the enclave, and waking who sleeps. The caller holds the
// runtime's lock; it is released meanwhile.
#pragma once

#include <cstdint>

#include "runtime/processes/end.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {

enum class Slept { kWoken, kTimedOut, kSignal };

// Until wake(), until the TSC reaches `deadline` (0: never), or until a signal that
// is not blocked waits for the thread.
Slept sleep(std::uint64_t deadline);
void wake(Thread& thread);

// One turn of a sleep that signals do not end: until wake() or Call::kInterrupt.
void sleep_once();
// Until `done()`, which is looked at after each of these, or until the thread has to end.
template <typename Done>
void sleep_deeply(Done done) {
    while (!done() && !has_to_end(this_thread())) sleep_once();
}

}  // namespace enclavisor::runtime
