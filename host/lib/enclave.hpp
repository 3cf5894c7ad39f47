// An enclave's life seen from the host: builder, then enclave.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "host/lib/error.hpp"
#include "host/lib/execution.hpp"
#include "host/lib/image.hpp"
#include "host/lib/io_server.hpp"
#include "host/lib/machine.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/process.hpp"
#include "host/lib/proxy_control.hpp"
#include "host/lib/start_info.hpp"

namespace enclavisor::host {

// A window of the pool, all zeros when taken.
class IoLease {
public:
    static Result<IoLease> create(Machine& machine, std::uint64_t pages);
    IoLease(IoLease&& other) noexcept
        : machine_{std::exchange(other.machine_, nullptr)}, offset_{other.offset_}, size_{other.size_} {}
    ~IoLease();
    void abandon() { machine_ = nullptr; }  // never given back

    std::uint64_t offset() const { return offset_; }
    std::span<std::byte> bytes() const { return machine_->link().bytes().subspan(offset_, size_); }
    // Of its first area.
    std::span<std::byte> data() const { return machine_->link().io_data(offset_); }

private:
    IoLease(Machine& machine, std::uint64_t offset, std::uint64_t size)
        : machine_{&machine}, offset_{offset}, size_{size} {}
    Machine* machine_;
    std::uint64_t offset_, size_;
};

struct ProxyOptions {
    std::filesystem::path program;  // empty: the installed enclavisor-proxy
    std::string directory;          // working directory; empty: the caller's
    int standard_input = -1, standard_output = -1, standard_error = -1;  // -1: the caller's
    std::vector<std::string> extra_arguments;                            // after the usual ones
};

class Enclave;

// Not yet sealed. Gone without seal(), it is destroyed.
class EnclaveBuilder {
public:
    // `machine` must outlive everything built in it.
    static Result<EnclaveBuilder> create(Machine& machine, const CreateOperation& operation);
    EnclaveBuilder(EnclaveBuilder&& other) noexcept;
    ~EnclaveBuilder();

    std::uint64_t handle() const { return handle_; }
    Result<void> add(const ImageOperation& operation);
    Result<Enclave> seal() &&;

private:
    EnclaveBuilder(Machine& machine, std::uint64_t handle, bool has_runtime)
        : machine_{&machine}, handle_{handle}, has_runtime_{has_runtime} {}
    Result<void> add_pages(const PagesOperation& operation);

    Machine* machine_;
    std::uint64_t handle_;
    bool has_runtime_;
    std::vector<IoLease> io_;
};

// What an enclave has and had, in the VM's words.
struct EnclaveReport {
    std::uint64_t pages = 0, page_limit = 0;
    std::uint64_t ticks = 0;  // of the TSC, that its threads ran
};

class Enclave {
public:
    static Result<Enclave> build(Machine& machine, const EnclaveImage& image);
    Enclave(Enclave&& other) noexcept;
    ~Enclave();  // stops and destroys

    std::uint64_t handle() const { return handle_; }
    const Measurement& measurement() const { return measurement_; }  // as the VM says
    const IoLease& io(std::size_t thread = 0) const { return io_.at(thread); }

    // Who answers its forwarded calls: a proxy process, or a function in this one,
    // which is called from several threads if the enclave has several I/O areas.
    Result<void> attach_proxy(const ProxyOptions& options = {});
    void attach_handler(IoLoop::Handler handler);
    Process* proxy() { return proxy_.get(); }
    // What whoever answers reads for ForwardedCall::kReadHashes; -1: there are no trusted files.
    int hashes() const { return hashes_.get(); }

    // For process enclaves, before start().
    Result<void> hand_over(const StartParameters& parameters);
    Result<void> start();

    // Makes sealed enclaves that have not started a group, and says its measurement: members
    // may grant memory to the group, and are told its measurement.
    static Result<Measurement> seal_group(Machine& machine, std::span<Enclave> members);

    // --- Templates --------------------------------------------------------------
    // Until it has become a template (true) or ended (false). Errors: as wait().
    Result<bool> wait_for_template(std::optional<std::chrono::milliseconds> longest = std::nullopt);
    // Until it has become a template. Errors: as wait(), or it has ended.
    Result<void> wait_until_template(std::optional<std::chrono::milliseconds> longest = std::nullopt);
    // A running instance of this template, which must be gone before this. It has a window
    // and a proxy of its own, if the template has one: that forks along, so descriptors
    // and directory are the template's, but for the standard ones given in `proxy`.
    Result<Enclave> fork(const StartParameters& parameters, const ProxyOptions& proxy = {});
    // Without a proxy: `handler` answers the instance's calls.
    Result<Enclave> fork(const StartParameters& parameters, IoLoop::Handler handler);
    // TSC when the kernel took the command that forked this instance; 0: it is none.
    std::uint64_t forked_at() const { return forked_at_; }

    // The newest status record, unless it is another enclave's (or garbage).
    std::optional<abi::EnclaveStatus> status() const { return machine_->status(handle_); }
    bool is(abi::EnclaveState state) const { return machine_->is(handle_, state); }
    // Until it has ended. Errors: time over (exit code 124), the machine's `cancelled`
    // (128 + signal), the VM or the proxy died; the enclave goes on then.
    Result<abi::EnclaveStatus> wait(std::optional<std::chrono::milliseconds> longest = std::nullopt);
    Result<EnclaveReport> report();
    // How many calls were answered, as the I/O window says it: 32 bits for each of its areas.
    std::uint64_t forwarded_calls() const;
    // A further process in it, beside its program's, if its configuration allows that: `words` are the
    // program and its arguments. Returns when the enclave has taken the request, and not when the program
    // has begun. `standard`: its streams. It has a proxy.
    Result<Execution> execute(const std::vector<std::string>& words, const std::array<int, 3>& standard);
    // To that process, or with SIGKILL to its whole session; an error if it has ended.
    Result<void> signal(const Execution& execution, int number);
    // Signal `number` to its program; an error if that cannot be, or it has ended.
    Result<void> signal(int number);
    Result<void> stop();     // no error if it has ended already
    Result<void> destroy();  // stops it first; gives its slot, frames and I/O areas back

private:
    friend class EnclaveBuilder;
    Enclave(Machine& machine, std::uint64_t handle, bool has_runtime, std::vector<IoLease> io,
            const Measurement& measurement)
        : machine_{&machine},
          handle_{handle},
          has_runtime_{has_runtime},
          io_{std::move(io)},
          measurement_{measurement} {}
    Result<void> check_alive();
    // Until `reached`, which looks at the newest record.
    Result<void> wait_for(const std::function<bool()>& reached,
                          std::optional<std::chrono::milliseconds> longest);
    Result<void> fork_proxy(Enclave& instance, const ProxyOptions& options);
    // With proxy_mutex_ held.
    Result<ProxyReply> ask_proxy(const ProxyRequest& request, std::span<const int> fds);
    // Until the enclave has taken the word.
    Result<void> ask_for_execution(std::uint64_t word);
    // An instance with a window, not yet forked; and its beginning.
    Result<Enclave> prepare_instance();
    Result<void> begin(Enclave& instance);

    Machine* machine_;
    std::uint64_t handle_;  // 0: destroyed
    bool has_runtime_;
    std::uint64_t forked_at_ = 0;
    std::vector<IoLease> io_;
    Measurement measurement_;
    std::unique_ptr<Process> proxy_;
    Fd proxy_control_;  // host/lib/proxy_control.hpp
    // Held while something is asked of the proxy, or of the enclave by way of its header.
    std::unique_ptr<std::mutex> proxy_mutex_ = std::make_unique<std::mutex>();
    Fd hashes_;
    std::unique_ptr<IoServerThread> handler_;
};

}  // namespace enclavisor::host
