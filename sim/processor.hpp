// What a hypervisor has of the secure processor: its commands, of a model in this process or behind its
// socket.
#pragma once

#include <filesystem>
#include <functional>

#include "host/lib/error.hpp"
#include "sim/model.hpp"

namespace enclavisor::sim {

class Processor {
public:
    // A new chip, which goes with this object.
    static Processor in_process();
    static Processor of(Model model);
    // Of enclavisor-sim-psp.
    static host::Result<Processor> connect(const std::filesystem::path& socket);

    // Throws if the model is gone.
    Reply ask(Command command, BytesView request) { return ask_(command, request); }
    template <Plain T>
    Reply ask(Command command, const T& request, BytesView tail = {}) {
        if (tail.empty()) return ask(command, view_of(request));
        Bytes bytes = bytes_of(request);
        append(bytes, tail);
        return ask(command, bytes);
    }
    // Of commands whose reply is a T.
    template <Plain T, Plain R>
    Result<T> tell(Command command, const R& request) {
        const Reply reply = ask(command, request);
        if (reply.status != Status::kSuccess) return refuse(reply.status);
        BytesView rest{reply.payload};
        return exactly<T>(rest);
    }

private:
    using Ask = std::function<Reply(Command, BytesView)>;
    explicit Processor(Ask ask) : ask_{std::move(ask)} {}

    Ask ask_;
};

}  // namespace enclavisor::sim
