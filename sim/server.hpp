// The socket: peers come and go, each with one request at a time, served in the order in which they are
// complete.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>

#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"
#include "sim/model.hpp"

namespace enclavisor::sim {

class Server {
public:
    // Listens at `path`, in the place of a socket that nobody serves any more.
    static host::Result<Server> listen(const std::filesystem::path& path);
    Server(Server&&) = default;
    ~Server();

    // Until a signal's handler sets `stop`; the caller has such signals blocked. `served` is called after
    // each command, before its reply.
    void serve(Model& model, const std::atomic<int>& stop, const std::function<void(Command)>& served);

private:
    struct Peer {
        host::Fd fd;
        Bytes in, out;
        std::size_t sent = 0;
    };
    Server(host::Fd fd, std::filesystem::path path) : listener_{std::move(fd)}, path_{std::move(path)} {}

    void admit();
    // False: the peer is gone, or says what no request says.
    bool receive(Peer& peer, Model& model, const std::function<void(Command)>& served);
    static bool send(Peer& peer);

    host::Fd listener_;
    std::filesystem::path path_;
    std::map<int, Peer> peers_;
};

}  // namespace enclavisor::sim
