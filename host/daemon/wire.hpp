// Messages between a daemon and its clients: JSON objects, with descriptors, over a UNIX
// stream socket. Both ends run as the same user; what comes is parsed and bounded all the
// same, so that a mistaken client gets an error and harms nobody.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"

namespace enclavisor::host {

using Json = nlohmann::json;

inline constexpr std::size_t kMaxMessage = 4 << 20;  // bytes of JSON

struct Message {
    Json body;
    std::vector<Fd> fds;
};

// False if the other end is gone.
bool send_json(int socket, const Json& body, const std::vector<int>& fds = {});
// Absent: the other end is gone, or sent what is no message.
std::optional<Message> receive_json(int socket);

// {"error": ...} and back.
Json to_json(const Error& error);
Error error_from(const Json& body);

// A member of `body`, or `otherwise` if it is missing or of another type.
template <typename T>
T get_or(const Json& body, const char* name, T otherwise) {
    const auto found = body.find(name);
    if (found == body.end()) return otherwise;
    try {
        return found->get<T>();
    } catch (const Json::exception&) {
        return otherwise;
    }
}

}  // namespace enclavisor::host
