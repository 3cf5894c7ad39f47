// Clients of the servers that tests start: a connection to this machine, by lines and bytes.
#pragma once

#include <chrono>
#include <string>

#include "host/lib/fd.hpp"

namespace enclavisor::tests {

// Below the ports that the kernel gives to clients: a connection to one of those may reach itself.
std::string free_port();
bool accepts(const std::string& port);

// Whatever fails, and a minute of silence, is an empty answer; the connection is of no use then.
class Connection {
public:
    explicit Connection(const std::string& port);
    bool ok() const { return static_cast<bool>(socket_); }
    bool send(const std::string& text);
    // Up to and with `end`.
    std::string until(const std::string& end);
    // So many bytes more.
    std::string bytes(std::size_t count);
    // All until the other side closes.
    std::string rest();

private:
    bool receive();
    host::Fd socket_;
    std::string held_;
};

}  // namespace enclavisor::tests
