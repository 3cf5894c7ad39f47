// What a daemon shows to Prometheus (text format 0.0.4).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "host/daemon/ledger.hpp"
#include "host/lib/fd.hpp"

struct MHD_Daemon;
struct MHD_Connection;

namespace enclavisor::host {

// `vm`: the answer to "stats", an object without members if the VM is gone; `enclaves`: that to "ps".
std::string metrics_text(const Json& vm, const Json& enclaves, const Totals& totals);

// Answers GET /metrics, over HTTP without encryption, and nothing else.
class MetricsServer {
public:
    using Text = std::function<std::string()>;
    // `where`: PORT, which only this machine reaches, ADDRESS:PORT or [ADDRESS]:PORT. `text` is
    // called from a thread of the server's.
    static Result<std::unique_ptr<MetricsServer>> start(const std::string& where, Text text);
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;

    // As text: with the port that was free, if that asked for was 0.
    const std::string& address() const { return address_; }

private:
    explicit MetricsServer(Text text) : text_{std::move(text)} {}
    static int answer(MHD_Connection* connection, const char* url, const char* method, const Text& text);
    void serve(int events);

    const Text text_;
    std::string address_;
    MHD_Daemon* server_ = nullptr;
    Fd stop_;
    std::thread thread_;
};

}  // namespace enclavisor::host
