// Ctrl-C and friends.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace enclavisor::host {

// The signal that asked the command to end, or 0.
extern std::atomic<int> interrupted;

// From here on SIGINT, SIGTERM and SIGHUP are kept there, the first time.
void catch_signals();

// While it lives, signals to the command are the program's instead: `send` is called with
// each, from a thread of its own; false says that the program cannot have it. SIGINT
// within two seconds of another asks the command to end, whatever the program does.
// There is one at a time.
class SignalRelay {
public:
    using Send = std::function<bool(int number)>;
    explicit SignalRelay(Send send);
    ~SignalRelay();
    SignalRelay(const SignalRelay&) = delete;

private:
    void run();

    const Send send_;
    std::atomic<bool> over_{false};
    std::thread thread_;
};

}  // namespace enclavisor::host
