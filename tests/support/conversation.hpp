// A program that the test talks with: lines from it, words and signals to it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "host/lib/fd.hpp"

namespace enclavisor::tests {

class Conversation {
public:
    // In the caller's environment; its standard error is the test's.
    explicit Conversation(std::vector<std::string> arguments);
    ~Conversation();  // kills it
    Conversation(const Conversation&) = delete;

    // The next line of its standard output, without the end; "(end)" or "(nothing)" if there
    // is none, or none comes in a minute.
    std::string line();
    // The same; empty if none comes in time.
    std::string line_within(std::chrono::milliseconds longest);
    void write(const std::string& text);
    void close_input() { input_.reset(); }
    // To its process group, as a terminal does.
    void signal(int number);
    // Its exit status, or 128 + signal; what it still prints is lost. -1: it does not end.
    int end();

private:
    pid_t pid_ = -1;
    host::Fd input_, output_;
    std::string rest_;
};

}  // namespace enclavisor::tests
