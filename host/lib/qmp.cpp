#include "host/lib/qmp.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace enclavisor::host {
namespace {

using Json = nlohmann::json;

// The longest answers that are asked for have some thousand.
constexpr std::size_t kLongestLine = 1 << 20;

base::Failure<Error> no_answer(const std::string& what) {
    return fail("QEMU's monitor " + what, "see what QEMU said; 'enclavisor doctor' checks the machine");
}

}  // namespace

Result<Qmp> Qmp::connect(Fd socket, std::chrono::milliseconds patience) {
    Qmp qmp{std::move(socket), patience};
    const Json greeting = TRY(qmp.receive(qmp.deadline()));
    if (!greeting.contains("QMP")) return no_answer("does not greet");
    TRY(qmp.execute("qmp_capabilities"));
    return qmp;
}

Result<Json> Qmp::execute(const std::string& command, Json arguments) {
    const std::uint64_t id = ++last_id_;
    Json request{{"execute", command}, {"id", id}};
    if (!arguments.is_null()) request["arguments"] = std::move(arguments);
    const std::string line = request.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
    for (std::size_t sent = 0; sent < line.size();) {
        const ssize_t count = ::send(socket_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return no_answer(fmt::format("takes no {}: {}", command, std::strerror(errno)));
        sent += static_cast<std::size_t>(count);
    }
    const Deadline until = deadline();
    for (;;) {
        Json answer = TRY(receive(until));
        if (answer.contains("event")) continue;
        const auto answered = answer.find("id");
        if (answered == answer.end() || *answered != id)
            return no_answer(fmt::format("answers something other than {}", command));
        if (const auto error = answer.find("error"); error != answer.end()) {
            const bool says = error->is_object() && error->contains("desc") && (*error)["desc"].is_string();
            return fail(fmt::format("QEMU refuses {}: {}", command,
                                    says ? (*error)["desc"].get<std::string>() : "it does not say why"));
        }
        const auto value = answer.find("return");
        if (value == answer.end()) return no_answer(fmt::format("answers {} with nothing", command));
        return Json(std::move(*value));
    }
}

Result<Json> Qmp::receive(Deadline until) {
    using std::chrono::milliseconds;
    for (;;) {
        if (const std::size_t end = received_.find('\n'); end != std::string::npos) {
            Json line = Json::parse(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(end),
                                    nullptr, false);
            received_.erase(0, end + 1);
            if (!line.is_object()) return no_answer("says what is not JSON");
            return line;
        }
        if (received_.size() > kLongestLine) return no_answer("says too much");
        const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
        pollfd watched{socket_.get(), POLLIN, 0};
        const int ready = left.count() > 0 ? ::poll(&watched, 1, static_cast<int>(left.count())) : 0;
        if (ready < 0) {
            return errno == EINTR ? fail("interrupted", "", 128 + SIGINT)
                                  : no_answer(fmt::format("cannot be read: {}", std::strerror(errno)));
        }
        if (ready == 0) return no_answer(fmt::format("does not answer within {} ms", patience_.count()));
        char part[4096];
        const ssize_t count = ::recv(socket_.get(), part, sizeof(part), 0);
        if (count <= 0) return no_answer("is gone");
        received_.append(part, static_cast<std::size_t>(count));
    }
}

}  // namespace enclavisor::host
